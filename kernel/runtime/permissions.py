"""What a caller may call at all, and the policies that apply to an instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kernel.errors import Denied
from kernel.policy import Applied, Request, addresses_of, policies_for

if TYPE_CHECKING:
    from kernel.invocation.run import Run
    from kernel.manifest import Manifest
    from kernel.policy import Scope
    from kernel.registry.instances import Instance
    from kernel.registry.scope import ModuleScope
    from kernel.runtime.starts import Start


def check_permitted(
    start: Start, inputs: Mapping[str, Any], run: Run, scope: Scope | None, manifest: Manifest
) -> None:
    """Raise :class:`Denied` for a call that the scope of the caller does not hold."""
    if scope is None:
        return
    instance = start.instance
    name, module = instance.resource.name or "", instance.scope.module
    kind = instance.definition.kind
    request = Request(
        kind, name, inputs, run.principal, run.runtime.environment,
        addresses=addresses_of(manifest.root, module, kind, name),
    )  # fmt: skip
    reason = scope.permits(request, instance.contract.safety)
    if reason is not None:
        raise Denied(f"{instance.address} was not called: {reason}")


def policies_of(
    manifest: Manifest, environment: str, scopes: Mapping[int, ModuleScope], instance: Instance
) -> tuple[Applied, ...]:
    """The policies that name an instance; ``scopes`` are those of the modules, by identity."""
    return policies_for(
        manifest.root,
        instance.scope.module,
        instance.resource.kind,
        instance.resource.name or "",
        environment,
        lambda module: scopes[id(module)].vars,
    )

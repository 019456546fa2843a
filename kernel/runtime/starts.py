"""What ``kernel apply`` starts: the named target, the module's targets, or its one topology."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from kernel.errors import ManifestError, UsageError
from kernel.invocation.context import EvaluationContext
from kernel.manifest import Document, Manifest, Module
from kernel.registry.instances import Instance
from kernel.registry.registry import Registry
from kernel.run_paths import joined
from kernel.runtime.targets import find_target, target_of
from kernel.structs import struct
from kernel.topology.callsite import CallSite, constant, read_call_site
from kernel.topology.context import decided, evaluate, is_wanted
from kernel.topology.reader import Reader


@struct
class Start:
    """An instance to start."""

    instance: Instance
    written: CallSite | None = None
    """The call site in the ``targets`` of the module, where one starts the instance."""
    document: Document | None = None
    """The document of that call site."""
    label: str = ""
    """Begins the paths in the run and names the result, where there are several starts; the second
    start of a resource is ``Name[1]``."""

    async def site(self, inputs: Mapping[str, Any], context: EvaluationContext) -> CallSite | None:
        """The call to make, with ``inputs`` above those written; None when the call is skipped."""
        if self.written is None:
            return CallSite(target_of(self.instance), (), inputs=constant(dict(inputs)))
        written, when = self.written, self.written.when
        if when is not None:
            asks = partial(is_wanted, written, when, context, (*written.path, "when"))
            if not await decided(when, context, joined(self.label, "when"), asks):
                return None
        if not inputs:
            return replace(written)
        values = {}
        if written.inputs is not None:
            find = partial(evaluate, written.inputs, context, (*written.path, "inputs"))
            values = await decided(written.inputs, context, joined(self.label, "inputs"), find)
        return replace(written, inputs=constant({**values, **inputs}))


def starts(manifest: Manifest, registry: Registry, address: str | None) -> list[Start]:
    """What to start, in order. Raises :class:`UsageError` when that is not clear.

    Who names a resource that a ``start: manual`` target calls starts that target, with its inputs.
    """
    module = manifest.root
    if address is not None:
        named = find_target(manifest, registry, address)
        return list(_declared(registry, module, named)) or [Start(named)]
    if module.targets is not None:
        found = list(_declared(registry, module, None))
        if module.targets and not found:
            raise UsageError("every target says `start: manual`; name one with --target")
        return found
    instances = list(registry.all(module))
    services = [Start(one) for one in instances if one.definition.capability == "Service"]
    candidates = [one for one in instances if _is_candidate(one, module)]
    if len(candidates) > 1:
        raise UsageError(
            "several topologies could be started: "
            + ", ".join(one.address for one in candidates)
            + "; name one with --target, or declare `targets` in Kernel.Module"
        )
    if candidates:
        return [Start(candidates[0])]
    if services:
        return services
    others = [one.address for one in instances if one.definition.capability in _NAMED]
    if others:
        raise UsageError(
            "nothing starts by itself: there is no service, and no topology to which nothing refers"
            f"; name one with --target: {', '.join(others)}"
        )
    raise UsageError("there is nothing to start: the manifest has no topology and no service")


_NAMED = ("Invocable", "Runnable")
"""The capabilities of what may be started only where it is named."""


def _declared(registry: Registry, module: Module, named: Instance | None) -> Iterator[Start]:
    """The targets of a module that need not be named, or those of ``named`` that must be."""
    scope = registry.scope(module)
    found = []
    for target in module.targets or ():
        reader = Reader(target.document)
        site = read_call_site(reader, target.data, target.path)
        if site is None or reader.faults:
            raise ManifestError(reader.faults)
        instance = registry.find(site.target, scope)
        if target.is_manual is (named is not None) and named in (None, instance):
            found.append((target, site, instance))
    taken: Counter[str] = Counter()
    for target, site, instance in found:
        count = taken[instance.name]
        taken[instance.name] += 1
        label = f"{instance.name}[{count}]" if count else instance.name
        yield Start(instance, site, target.document, label if len(found) > 1 else "")


def _is_candidate(instance: Instance, module: Module) -> bool:
    definition = instance.definition
    startable = definition.topology is not None or definition.capability == "Runnable"
    return startable and not _is_referred_to(instance.resource.name, module)


def _is_referred_to(name: str, module: Module) -> bool:
    """Whether another resource or a definition of the module refers to the resource."""
    waiting: list[Any] = [one.fields for one in module.resources.values() if one.name != name]
    waiting += [(one.body, one.check) for one in module.definitions.values()]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            if one.get("name") == name and isinstance(one.get("kind"), str):
                return True
            waiting.extend(one.values())
        elif isinstance(one, (list, tuple)):
            waiting.extend(one)
    return False

"""What ``kernel apply`` starts: the named target, the module's targets, or its one topology."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from kernel.errors import ManifestError, UsageError
from kernel.invocation.context import EvaluationContext
from kernel.manifest import find_resource, resolve_kind
from kernel.manifest.suggest import did_you_mean
from kernel.run_paths import joined
from kernel.schema.bundle import properties_of
from kernel.topology.callsite import (
    DIFFERS,
    CallSite,
    Target,
    constant,
    names_in,
    read_call_site,
)
from kernel.topology.context import evaluate, is_wanted
from kernel.topology.reader import Reader

if TYPE_CHECKING:
    from kernel.cel import Template
    from kernel.journal.rows import Invocation
    from kernel.manifest import Document, Module, Resource
    from kernel.registry.instances import Instance
    from kernel.runtime.kernel import Kernel


@dataclass(frozen=True, slots=True)
class Start:
    """One thing to start: an instance, and the call site of the module's ``targets`` if any.

    ``label`` begins the paths of its run and names its result, where there is more than one thing
    to start; a resource that is started again is ``Name[1]``.
    """

    instance: Instance
    written: CallSite | None = None
    document: Document | None = None
    label: str = ""

    @classmethod
    def of(cls, instance: Instance) -> Start:
        """A start that no manifest writes."""
        return cls(instance)

    @property
    def is_service(self) -> bool:
        """Whether it is started by being there, rather than called."""
        return self.instance.is_shared

    async def site(self, inputs: Mapping[str, Any], context: EvaluationContext) -> CallSite | None:
        """The call to make, with ``inputs`` over those that are written; None if it is skipped."""
        if self.written is None:
            return CallSite(target_of(self.instance), (), inputs=constant(dict(inputs)))
        written, when = self.written, self.written.when
        if when is not None:
            asks = partial(is_wanted, written, when, context, (*written.path, "when"))
            if not await self._decided(when, "when", context, asks):
                return None
        if not inputs:
            return replace(written)
        values = {}
        if written.inputs is not None:
            find = partial(evaluate, written.inputs, context, (*written.path, "inputs"))
            values = await self._decided(written.inputs, "inputs", context, find)
        return replace(written, inputs=constant({**values, **inputs}))

    async def _decided(
        self, template: Template, field: str, context: EvaluationContext, find: Callable[[], Any]
    ) -> Any:
        """What a field gives; of what differs between processes, what it gave first."""
        if names_in(template).isdisjoint(DIFFERS):
            return find()
        return await context.decide(joined(self.label, field), find)


def target_of(instance: Instance) -> Target:
    """The reference to an instance, as its own module writes it."""
    resource = instance.resource
    if resource.name:
        return Target(resource.kind, resource.name)
    return Target(resource.kind, None, resource.fields, resource.document, resource.path)


def find_target(kernel: Kernel, address: str) -> Instance:
    """The instance that ``Kind/Name`` or ``Name`` names. Raises :class:`UsageError`.

    A resource that stands in place has the address ``Kind/inline``, as in the trace of a run.
    """
    kind, slash, name = address.rpartition("/")
    module = kernel.manifest.root
    found = find_resource(module, kind, name)
    if found is None or (slash and not _is_of(kind, module, *found)):
        in_place = kernel.registry.in_place(address)
        if in_place and all(one.resource.fields == in_place[0].resource.fields for one in in_place):
            return in_place[0]
        if in_place:
            raise UsageError(
                f"there are {len(in_place)} resources {address} with different fields; "
                "give the one that is meant a name"
            )
        known = [f"{one.kind}/{one.name}" for one in module.resources.values()]
        hint = did_you_mean(address, known)
        raise UsageError(
            f"there is no resource `{address}`"
            + (f"; {hint}" if hint else f"; there are: {', '.join(known[:10]) or 'none'}")
        )
    return kernel.registry.instance(*found)


def find_recorded(kernel: Kernel, row: Invocation) -> Instance:
    """The target of an execution. Raises :class:`UsageError`."""
    kind, _, name = row.target.rpartition("/")
    place = (row.about or {}).get("module")
    module = kernel.manifest.root if place is None else kernel.manifest.modules.get(place)
    resource = None if module is None else module.resources.get(name)
    if module is not None and resource is not None:
        instance = kernel.registry.instance(resource, module)
        if instance.definition.kind == kind:
            return instance
    in_place = [one for one in kernel.registry.in_place(row.target) if one.scope.module is module]
    fields = in_place and in_place[0].resource.fields
    if in_place and all(one.resource.fields == fields for one in in_place):
        return in_place[0]
    where = "" if place is None else f" in the module {place}"
    found = f"there are {len(in_place)} different ones" if in_place else "it is not there"
    raise UsageError(f"the target `{row.target}`{where} cannot be found again: {found}")


def address_of(kernel: Kernel, row: Invocation) -> str:
    """How the target of an execution is called from outside. Raises :class:`UsageError`."""
    instance = find_recorded(kernel, row)
    definition, name = instance.definition, instance.resource.name
    aliases = kernel.manifest.root.imports
    kinds = [definition.kind, *(f"{alias}.{definition.name}" for alias in aliases)]
    for kind in kinds:
        for one in (row.target.rpartition("/")[2], *(f"{alias}.{name}" for alias in aliases)):
            try:
                if find_target(kernel, f"{kind}/{one}") is instance:
                    return f"{kind}/{one}"
            except UsageError:
                continue
    raise UsageError(f"{row.target} is a part of an import, and cannot be called from outside")


def _is_of(kind: str, module: Module, resource: Resource, home: Module) -> bool:
    """Whether a resource of ``home`` is of the kind that ``module`` means."""
    meant = resolve_kind(module, kind)
    return meant is not None and meant is resolve_kind(home, resource.kind)


def starts(kernel: Kernel, address: str | None) -> list[Start]:
    """What to start, in order. Raises :class:`UsageError` when that is not clear."""
    module = kernel.manifest.root
    if address is not None:
        return [Start.of(find_target(kernel, address))]
    if module.targets is not None:
        return list(_declared(kernel, module))
    services = [
        Start.of(instance)
        for instance in kernel.registry.all(module)
        if instance.definition.capability == "Service"
    ]
    candidates = [
        instance for instance in kernel.registry.all(module) if _is_candidate(instance, module)
    ]
    if len(candidates) > 1:
        raise UsageError(
            "several topologies could be started: "
            + ", ".join(one.address for one in candidates)
            + "; name one with --target, or declare `targets` in Kernel.Module"
        )
    if candidates:
        return [Start.of(candidates[0])]
    if services:
        return services
    raise UsageError("there is nothing to start: the manifest has no topology and no service")


def _declared(kernel: Kernel, module: Module) -> Iterator[Start]:
    scope = kernel.registry.scope(module)
    taken: Counter[str] = Counter()
    for target in module.targets or ():
        reader = Reader(target.document)
        site = read_call_site(reader, target.data, target.path)
        if site is None or reader.faults:
            raise ManifestError(reader.faults)
        instance = kernel.registry.find(site.target, scope)
        count = taken[instance.name]
        taken[instance.name] += 1
        label = f"{instance.name}[{count}]" if count else instance.name
        yield Start(instance, site, target.document, label if len(module.targets or ()) > 1 else "")


def _is_candidate(instance: Instance, module: Module) -> bool:
    definition = instance.definition
    startable = definition.topology is not None or definition.capability == "Runnable"
    return startable and not _is_referred_to(instance.resource.name, module)


def _is_referred_to(name: str, module: Module) -> bool:
    """Whether another resource or a definition of the module refers to the resource."""
    for resource in module.resources.values():
        if resource.name != name and _mentions(resource.fields, name):
            return True
    return any(
        _mentions((definition.body, definition.check), name)
        for definition in module.definitions.values()
    )


def _mentions(value: Any, name: str) -> bool:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            if one.get("name") == name and isinstance(one.get("kind"), str):
                return True
            waiting.extend(one.values())
        elif isinstance(one, (list, tuple)):
            waiting.extend(one)
    return False


def input_schemas(kernel: Kernel, address: str | None) -> Mapping[str, Any]:
    """The schemas of the inputs of what will be started, by name, where that is one thing."""
    calls = [start for start in starts(kernel, address) if not start.is_service]
    if len(calls) != 1 or calls[0].instance.contract.inputs is None:
        return {}
    return properties_of(calls[0].instance.contract.inputs.bundled)

"""Finding the target of a call from outside, or of a recorded invocation, in the manifest."""

from __future__ import annotations

from kernel.errors import UsageError
from kernel.journal.rows import Invocation
from kernel.manifest import Manifest, Module, Resource, find_resource, resolve_kind
from kernel.manifest.suggest import did_you_mean
from kernel.registry.instances import Instance
from kernel.registry.registry import Registry
from kernel.topology.callsite import Target


def target_of(instance: Instance) -> Target:
    """The reference to an instance, as its own module writes it."""
    resource = instance.resource
    if resource.name:
        return Target(resource.kind, resource.name)
    return Target(resource.kind, None, resource.fields, resource.document, resource.path)


def find_target(manifest: Manifest, registry: Registry, address: str) -> Instance:
    """The instance that ``Kind/Name`` or ``Name`` names. Raises :class:`UsageError`.

    A resource that stands in place has the address ``Kind/inline``, as in the trace of a run.
    """
    kind, slash, name = address.rpartition("/")
    module = manifest.root
    found = find_resource(module, kind, name)
    if found is not None and (not slash or _is_of(kind, module, *found)):
        return registry.instance(*found)
    in_place = registry.in_place(address)
    if _are_alike(in_place):
        return in_place[0]
    if in_place:
        raise UsageError(
            f"there are {len(in_place)} resources {address} with different fields; "
            "give the one that is meant a name"
        )
    known = [f"{resource.kind}/{resource.name}" for resource in module.resources.values()]
    hint = did_you_mean(address, known)
    raise UsageError(
        f"there is no resource `{address}`"
        + (f"; {hint}" if hint else f"; there are: {', '.join(known[:10]) or 'none'}")
    )


def find_recorded(manifest: Manifest, registry: Registry, row: Invocation) -> Instance:
    """The target of a recorded invocation. Raises :class:`UsageError`."""
    kind, _, name = row.target.rpartition("/")
    place = (row.about or {}).get("module")
    module = manifest.root if place is None else manifest.modules.get(place)
    resource = None if module is None else module.resources.get(name)
    if module is not None and resource is not None:
        instance = registry.instance(resource, module)
        if instance.definition.kind == kind:
            return instance
    in_place = [one for one in registry.in_place(row.target) if one.scope.module is module]
    if _are_alike(in_place):
        return in_place[0]
    where = "" if place is None else f" in the module {place}"
    found = f"there are {len(in_place)} different ones" if in_place else "it is not there"
    raise UsageError(f"the target `{row.target}`{where} cannot be found again: {found}")


def _are_alike(instances: list[Instance]) -> bool:
    """Whether there are instances, and all of resources with the same fields."""
    return bool(instances) and all(
        one.resource.fields == instances[0].resource.fields for one in instances
    )


def address_of(manifest: Manifest, registry: Registry, row: Invocation) -> str:
    """How the target of an execution is called from outside. Raises :class:`UsageError`."""
    instance = find_recorded(manifest, registry, row)
    definition, name = instance.definition, instance.resource.name
    aliases = manifest.root.imports
    kinds = [definition.kind, *(f"{alias}.{definition.name}" for alias in aliases)]
    names = [row.target.rpartition("/")[2], *(f"{alias}.{name}" for alias in aliases)]
    for address in (f"{kind}/{name}" for kind in kinds for name in names):
        try:
            if find_target(manifest, registry, address) is instance:
                return address
        except UsageError:
            continue
    raise UsageError(f"{row.target} is a part of an import, and cannot be called from outside")


def _is_of(kind: str, module: Module, resource: Resource, home: Module) -> bool:
    """Whether a resource of ``home`` is of the kind that ``module`` means."""
    meant = resolve_kind(module, kind)
    return meant is not None and meant is resolve_kind(home, resource.kind)

"""What can be said about a manifest before anything is made live: all of it at once.

Kinds that exist, fields that their kinds know, steps that are steps, targets that are there. The
analyzer proves much more; this is what the run time itself cannot do without.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kernel.errors import Fault, Path
from kernel.manifest import (
    Resource,
    check_fields,
    find_kind,
    find_resource,
    resolve_kind,
    schemas_of,
    unknown_kind,
)
from kernel.manifest.loading import without_collection
from kernel.manifest.module_fields import module_faults
from kernel.manifest.resolve import is_lost, unexported
from kernel.manifest.suggest import did_you_mean
from kernel.policy.known import unknown_targets
from kernel.policy.names import kind_names
from kernel.topology.callsite import Target, read_call_site, read_target
from kernel.topology.concurrency import concurrency_at
from kernel.topology.engines import ENGINES, topology_at
from kernel.topology.fields import Context, Hooks, prepare
from kernel.topology.reader import Reader
from kernel.topology.roles import body_of, roles_of

if TYPE_CHECKING:
    from kernel.manifest import Definition, Document, Manifest, Module
    from kernel.topology.roles import Roles

    OfResource = Callable[[Module, Resource], Iterable[Fault]]
    Accepted = Collection[str | Definition]


_CALLED = frozenset(("Invocable", "Runnable"))
_STARTED = _CALLED | {"Service"}
_CAPABILITIES = _STARTED | {"Provider"}
"""What a call site may name, what a target of the module may, and all that there are."""


def verify(manifest: Manifest, of_resource: OfResource | None = None) -> list[Fault]:
    """All faults of all modules, in reading order within each.

    ``of_resource`` stands in for `verify_resource`, where a caller has its faults already.
    """
    faults: list[Fault] = []
    with without_collection():
        for module in manifest.modules.values():
            _verify_module(manifest, module, faults, of_resource or verify_resource)
    return faults


def _verify_module(
    manifest: Manifest, module: Module, faults: list[Fault], of_resource: OfResource
) -> None:
    verifier = _Verifier(module, faults)
    for definition in module.definitions.values():
        verifier.definition(definition)
    for resource in module.resources.values():
        faults += of_resource(module, resource)
    if module.document is not None:
        faults += module_faults(module, module.document)
    for target in module.targets or ():
        verifier.site(target.document, target.data, target.path, _STARTED)
    faults += unknown_targets(manifest, module)


def verify_resource(module: Module, resource: Resource) -> list[Fault]:
    """The faults of one resource of a module."""
    faults: list[Fault] = []
    _Verifier(module, faults).resource(resource)
    return faults


class _Verifier:
    def __init__(self, module: Module, faults: list[Fault]) -> None:
        self._module = module
        self._faults = faults

    def definition(self, definition: Definition) -> None:
        """The body of a kind, and the call of its check."""
        if definition.body is not None:
            self._body(definition, definition.body)
        if definition.check is not None:
            self.site(definition.document, definition.check, ("check",))

    def resource(self, resource: Resource) -> None:
        """The fields of a resource by its definition, and everything that it calls."""
        found = find_kind(self._module, resource.kind)
        if found is None:
            if not is_lost(self._module, resource.kind):
                self._faults.append(unknown_kind(self._module, resource))
            return
        definition, home = found
        wrong = check_fields(resource, definition, schemas_of(home), schemas_of(self._module))
        self._faults.extend(wrong)
        if definition.topology is not None and definition.body is None:
            roles = roles_of(definition, resource.fields, resource.path)
            told = {fault.path for fault in wrong}
            self._topology(resource.document, definition.topology, roles, resource.path, told)
        self._fields(resource, definition, home, {fault.path for fault in wrong})

    def site(
        self,
        document: Document,
        data: Mapping[str, Any],
        path: Path,
        accepted: Accepted = _CALLED,
    ) -> None:
        """A call site that stands by itself."""
        reader = Reader(document)
        site = read_call_site(reader, data, path)
        self._faults.extend(reader.faults)
        if site is not None:
            self.target(site.target, accepted)

    def target(self, target: Target, accepted: Accepted = _CALLED) -> None:
        """What a call site or a reference names must be there, and be of the kind it says.

        ``accepted`` are the capabilities or the kinds that the place takes.
        """
        definition = resolve_kind(self._module, target.kind)
        if definition is not None and not {definition, definition.capability} & {*accepted}:
            message = f"{target.kind} ({definition.capability}) cannot stand here"
            takes = " or ".join(sorted(map(_named, accepted)))
            self._wrong(target, "kind", message, f"this place takes: {takes}")
            return
        if target.fields is not None:
            self._in_place(target, target.fields)
            return
        name = target.name or ""
        found = find_resource(self._module, target.kind, name)
        if found is None:
            if is_lost(self._module, target.kind) or is_lost(self._module, name):
                return
            told = unexported(self._module, target.kind, name)
            hint = did_you_mean(name, self._names())
            self._wrong(target, "name", *(told or (f"there is no resource `{name}`", hint)))
            return
        resource, module = found
        own = find_kind(module, resource.kind)
        if own is None or definition is not own[0]:
            # Two imports of the same place have the same names; the aliases tell them apart.
            names = (resource.kind,) if own is None else kind_names(self._module, *own)
            kind = next((one for one in names if one != target.kind), resource.kind)
            self._wrong(target, "kind", f"`{name}` is of kind {kind}, not {target.kind}", None)

    def _names(self) -> Iterator[str]:
        yield from self._module.resources
        for alias, imported in self._module.imports.items():
            exported = filter(imported.is_exported, imported.resources)
            yield from (f"{alias}.{name}" for name in exported)

    def _in_place(self, target: Target, fields: Mapping[str, Any]) -> None:
        assert target.document is not None
        name, home = target.name or "", self._module.name
        self.resource(Resource(target.kind, name, fields, target.document, home, target.path))

    def _wrong(self, target: Target, field: str, message: str, help: str | None) -> None:
        path = (*target.path, field)
        span = target.document.span(path) if target.document else None
        self._faults.append(Fault("K201", message, span, help, path))

    def _topology(
        self, document: Document, name: str, roles: Roles, path: Path, told: Collection[Path] = ()
    ) -> None:
        """The steps of a topology; places in ``told`` have a fault already and get no other."""
        topology, wrong = topology_at(document, name, roles)
        if topology is None:
            known = ", ".join(sorted(ENGINES))
            message = f"there is no engine `{name}`; there is: {known}"
            help = did_you_mean(name, ENGINES)
            self._faults.append(Fault("K209", message, document.span(path), help, path))
            return
        wrong = (*wrong, *concurrency_at(document, roles)[1])
        self._faults.extend(fault for fault in wrong if fault.path not in told)
        for site in topology.sites():
            self.target(site.target)

    def _body(self, definition: Definition, body: Mapping[str, Any]) -> None:
        """A topology in a definition: its fields bear the names of the roles of its engine."""
        document, path = definition.document, ("body",)
        name, roles = body_of(definition)
        if (engine := ENGINES.get(name)) is not None:
            reader = Reader(document)
            reader.known_fields(body, ("topology", *engine.roles()), path, f"the body of a {name}")
            if engine.holds not in body:
                message = f"the body of a {name} needs `{engine.holds}`"
                reader.wrong("K007", message, path, key=True)
            self._faults.extend(reader.faults)
        place = (*path, "topology") if "topology" in body else ("topology",)
        self._topology(document, name, roles, place)

    def _fields(
        self, resource: Resource, definition: Definition, home: Module, told: Collection[Path]
    ) -> None:
        """References and call sites in the fields of a kind with its own controller."""
        reader = Reader(resource.document)

        def refer(value: Any, wanted: str, path: Path) -> Any:
            target = read_target(reader, value, path)
            kind = wanted if wanted in _CAPABILITIES else resolve_kind(home, wanted)
            if target is not None:
                self.target(target, _CAPABILITIES if kind is None else {kind})
            return value

        def call(value: Mapping[str, Any], own: Any, path: Path, context: Context) -> Any:
            site = read_call_site(reader, value, path)
            if site is not None:
                self.target(site.target)
            return value

        hooks = Hooks(refer=refer, call=call)
        prepare(definition.schema or {}, resource.fields, hooks, resource.path)
        self._faults.extend(fault for fault in reader.faults if fault.path not in told)


def _named(accepted: str | Definition) -> str:
    return accepted if isinstance(accepted, str) else accepted.kind

"""A manifest, linked: every call site, with what it calls.

A unit is what is analysed by itself: a resource, the body of a kind, a module, a policy. References
that cannot be resolved give None; loading and verifying have reported them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from analyzer.program.declared import DeclaredSchema, Part
from kernel.errors import Path
from kernel.manifest import (
    Definition,
    Document,
    Manifest,
    Module,
    Policy,
    Resource,
    find_kind,
    find_resource,
)
from kernel.structs import field, struct
from kernel.topology.callsite import CallSite, Target, read_call_site, read_target
from kernel.topology.engines import topology_at
from kernel.topology.fields import Context, Hooks, prepare
from kernel.topology.reader import Reader
from kernel.topology.roles import Roles, body_of, own_contract, roles_of
from kernel.topology.topology import Topology


@struct(eq=False)
class Callee:
    """A resource that is called, in its module, and its definition, in the definition's home."""

    resource: Resource
    module: Module
    definition: Definition
    home: Module

    @property
    def owner(self) -> Resource | Definition:
        """The owner of the unit whose call sites a call leads to."""
        return self.resource if self.definition.body is None else self.definition

    def declared(self, part: Part) -> DeclaredSchema | None:
        """The inputs or outputs: of the resource itself, of its kind, or of the kind's body."""
        definition, resource = self.definition, self.resource
        own = own_contract(roles_of(definition, resource.fields, resource.path), part)
        if own is not None:
            return DeclaredSchema(own[1], self.module, resource.document, own[0])
        schema = getattr(definition, part)
        path: Path = (part,)
        if schema is None and definition.body is not None:
            path, schema = own_contract(body_of(definition)[1], part) or (path, None)
        if schema is None:
            return None
        return DeclaredSchema(schema, self.home, definition.document, path)


@struct(eq=False)
class CelField:
    """A field with CEL: its value as written, its path, and the variables that it brings."""

    value: Any
    path: Path
    context: Context = None


@struct(eq=False)
class StandaloneSite:
    """A call site that stands by itself: a route, a target, a check.

    ``data`` is what is written; ``context`` the variables that its fields have; ``own_fields``
    are fields that its kind adds, evaluated for each call.
    """

    site: CallSite
    data: Mapping[str, Any]
    path: Path
    context: Context = None
    own_fields: tuple[CelField, ...] = ()


@struct(eq=False)
class Unit:
    """What is analysed by itself. ``path`` is where its owner stands in the document.

    ``topology`` is what an engine runs, ``roles`` the fields that hold it. ``sites`` are its other
    call sites, ``fields`` the values with CEL that are evaluated when it comes up, ``texts`` those
    that have none, ``deferred`` the values that are evaluated for each call.
    """

    owner: Resource | Definition | Module | Policy
    module: Module
    document: Document
    path: Path = ()
    definition: Definition | None = None
    home: Module | None = None
    topology: Topology | None = None
    roles: Roles = field(default_factory=dict)
    sites: tuple[StandaloneSite, ...] = ()
    fields: tuple[CelField, ...] = ()
    texts: tuple[CelField, ...] = ()
    deferred: tuple[CelField, ...] = ()
    references: tuple[Target, ...] = ()

    @property
    def is_body(self) -> bool:
        """Whether it is the body of a kind, with ``self`` in scope."""
        return isinstance(self.owner, Definition)

    @property
    def label(self) -> str:
        """How people call the unit."""
        match self.owner:
            case Definition():
                return self.owner.kind
            case Resource():
                return self.owner.name or self.owner.kind
        return self.owner.name

    def declared(self, part: Part) -> DeclaredSchema | None:
        """The inputs or outputs that the topology declares, or its kind does."""
        own, definition = own_contract(self.roles, part), self.definition
        if definition is None:
            return None
        schema = None if own is not None and not self.is_body else getattr(definition, part)
        if schema is not None:
            return DeclaredSchema(schema, self.home or self.module, definition.document, (part,))
        return None if own is None else DeclaredSchema(own[1], self.module, self.document, own[0])

    def call_sites(self) -> Iterator[CallSite]:
        """All call sites, in reading order."""
        if self.topology is not None:
            yield from self.topology.sites()
        yield from (site.site for site in self.sites)


class Linked:
    """The units of a manifest, and what its call sites call."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self._callees: dict[tuple[int, int, Path], Callee | None] = {}
        self._called: dict[Resource, Callee | None] = {}
        self._in_place: dict[tuple[int, Path], Resource] = {}
        self.units: dict[object, Unit] = {}
        for module in {id(m): m for m in manifest.modules.values()}.values():
            self._module(module)

    def callee(self, module: Module, target: Target) -> Callee | None:
        """What a target that is written in a module leads to."""
        key = (id(module), id(target.document), target.path)
        if key not in self._callees:
            self._callees[key] = self._find(module, target)
        return self._callees[key]

    def unit_of(self, callee: Callee) -> Unit | None:
        """The unit whose call sites a call leads to; None for what is outside of the manifest."""
        return self.units.get(callee.owner)

    def units_of(self, callee: Callee) -> Iterator[Unit]:
        """The units that read the inputs of a call: its own, and that of the kind's definition."""
        for owner in dict.fromkeys((callee.owner, callee.definition)):
            if owner in self.units:
                yield self.units[owner]

    def _find(self, module: Module, target: Target) -> Callee | None:
        if target.fields is not None:
            resource, owner = self._place(module, target, target.fields), module
        else:
            found = find_resource(module, target.kind, target.name or "")
            if found is None:
                return None
            resource, owner = found
        if resource not in self._called:
            kind = find_kind(owner, resource.kind)
            self._called[resource] = None if kind is None else Callee(resource, owner, *kind)
        return self._called[resource]

    def _place(self, module: Module, target: Target, fields: Mapping[str, Any]) -> Resource:
        """The resource that is written in place of a reference; the same object each time."""
        document = target.document
        assert document is not None
        key = (id(document), target.path)
        if key not in self._in_place:
            self._in_place[key] = Resource(
                target.kind, target.name or "", fields, document, module.name, target.path
            )
        return self._in_place[key]

    def _module(self, module: Module) -> None:
        for definition in module.definitions.values():
            self._definition(definition, module)
        for resource in module.resources.values():
            self._resource(resource, module)
        for policy in module.policies.values():
            rules = enumerate(policy.rules)
            conditions = tuple(
                CelField(r.when, ("rules", n, "when")) for n, r in rules if _is_cel(r.when)
            )
            self._add(Unit(policy, module, policy.document, deferred=conditions))
        if module.document is not None:
            self._targets(module, module.document)

    def _targets(self, module: Module, document: Document) -> None:
        sites = []
        for target in module.targets or ():
            site = read_call_site(Reader(target.document), target.data, target.path)
            if site is not None:
                sites.append(StandaloneSite(site, target.data, target.path))
        self._add(Unit(module, module, document, sites=tuple(sites)))

    def _definition(self, definition: Definition, module: Module) -> None:
        """The body of a kind; its check; its safety."""
        topology: Topology | None = None
        roles: Roles = {}
        if definition.body is not None:
            engine, roles = body_of(definition)
            topology = topology_at(definition.document, engine, roles)[0]
        sites = []
        if definition.check is not None:
            site = read_call_site(Reader(definition.document), definition.check, ("check",))
            if site is not None:
                own = tuple(
                    CelField(definition.check[name], ("check", name))
                    for name in ("landed", "outputs")
                    if name in definition.check
                )
                sites.append(StandaloneSite(site, definition.check, ("check",), None, own))
        self._add(
            Unit(
                definition,
                module,
                definition.document,
                definition=definition,
                home=module,
                topology=topology,
                roles=roles,
                sites=tuple(sites),
            )
        )

    def _resource(self, resource: Resource, module: Module) -> None:
        if resource in self.units:
            return
        kind = find_kind(module, resource.kind)
        if kind is None:
            self._add(Unit(resource, module, resource.document, resource.path))
            return
        definition, home = kind
        topology, roles = None, roles_of(definition, resource.fields, resource.path)
        if definition.topology is not None and definition.body is None:
            topology = topology_at(resource.document, definition.topology, roles)[0]
        walk = _Fields(resource)
        prepare(definition.schema or {}, resource.fields, walk.hooks(), resource.path)
        unit = Unit(
            resource,
            module,
            resource.document,
            resource.path,
            definition,
            home,
            topology,
            roles,
            tuple(walk.sites),
            tuple(walk.fields),
            tuple(walk.texts),
            tuple(walk.deferred),
            tuple(walk.references),
        )
        self._add(unit)
        for target in walk.references:
            self._visit(module, target)

    def _add(self, unit: Unit) -> None:
        self.units[unit.owner] = unit
        for site in unit.call_sites():
            self._visit(unit.module, site.target)

    def _visit(self, module: Module, target: Target) -> None:
        """Make a unit of a resource that is written in place of a reference."""
        if target.fields is not None and target.document is not None:
            self._resource(self._place(module, target, target.fields), module)


def _is_cel(value: object) -> bool:
    return isinstance(value, str) and "${{" in value


class _Fields:
    """The special nodes among the fields of a resource."""

    def __init__(self, resource: Resource) -> None:
        self.reader = Reader(resource.document)
        self.fields: list[CelField] = []
        self.texts: list[CelField] = []
        self.deferred: list[CelField] = []
        self.sites: list[StandaloneSite] = []
        self.references: list[Target] = []

    def hooks(self) -> Hooks:
        return Hooks(evaluate=self.evaluate, defer=self.defer, refer=self.refer, call=self.call)

    def evaluate(self, value: str, path: Path) -> Any:
        (self.fields if "${{" in value else self.texts).append(CelField(value, path))
        return value

    def defer(self, value: Any, path: Path, context: Context) -> Any:
        self.deferred.append(CelField(value, path, context))
        return value

    def refer(self, value: Any, wanted: str, path: Path) -> Any:
        target = read_target(self.reader, value, path)
        if target is not None:
            self.references.append(target)
        return value

    def call(self, value: Mapping[str, Any], own: Any, path: Path, context: Context) -> Any:
        site = read_call_site(self.reader, value, path)
        mine = [field for field in self.deferred if field.path[: len(path)] == path]
        if site is not None:
            self.sites.append(StandaloneSite(site, value, path, context, tuple(mine)))
        self.deferred = [field for field in self.deferred if field not in mine]
        return value

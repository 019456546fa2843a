"""K108: data that no schema describes, if a field of it is read.

Each source of data is reported once, at the place in the manifest where it can be declared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import repeat
from typing import Any

from analyzer.checks.concurrency import concurrency_in
from analyzer.findings.finding import Finding
from analyzer.findings.messages import k1_schemas
from analyzer.flow.reads import Read, ReadPath, path_read, reads_in
from analyzer.program.contexts import shared
from analyzer.program.declared import DeclaredSchema, Part
from analyzer.program.linking import Callee, CelField, StandaloneSite, Unit
from analyzer.program.program import Program, written
from analyzer.types import Dyn, List, Map, Null, Record, Type, members_of, union
from analyzer.types.members import member
from analyzer.types.seen_through import says_nothing
from kernel.cel import Template
from kernel.errors import Path
from kernel.manifest import Definition, Document, Module, Policy, Resource, resolve_kind
from kernel.schema.bundle import local
from kernel.schema.keywords import traits
from kernel.structs import struct
from kernel.topology.callsite import CallSite
from kernel.topology.fields import variables
from kernel.topology.forms import Step, Steps, all_steps

MAX_ALIASES = 8

_EXPECTING = frozenset({"condition", "list", "milliseconds", "pattern"})


@struct(eq=False)
class _Source:
    """Data of a type that comes from one place, with what people call it and how to declare it.

    ``schema`` is its schema, if that stands in the user's own files.
    """

    type: Type
    what: str
    how: str
    document: Document
    path: Path
    schema: Any = None


def find_unchecked(program: Program) -> Iterator[Finding]:
    """One info for each source of data that is read and that no schema describes."""
    told: set[tuple[int, Path, str]] = set()
    for unit in program.linked.units.values():
        if isinstance(unit.owner, Policy):
            continue
        if not _may_read_open(program, unit):
            continue
        reading = _Unit(program, unit)
        for source, inner in reading.unchecked():
            shown = "".join("[]" if isinstance(one, int) else f".{one}" for one in inner)
            what = f"`{shown.removeprefix('.')}` of {source.what}" if shown else source.what
            path = (*source.path, *_inside(source.schema, inner))
            if (id(source.document), path, what) not in told:
                told.add((id(source.document), path, what))
                span = source.document.span(path)
                yield k1_schemas.unchecked(what, source.how).at(span, path)


def _may_read_open(program: Program, unit: Unit) -> bool:
    """Whether a unit may read something that no schema describes."""
    if unit.sites or unit.fields or unit.deferred or unit.is_body or unit.topology is None:
        return True
    contracts, module = program.contracts, unit.module
    if module in program.once(_OpenModules).found or contracts.leaves_open(
        contracts.arguments(unit)
    ):
        return True
    callees = {
        program.linked.callee(module, step.site.target)
        for step in all_steps(unit.topology.steps)
        if step.site is not None
    }
    return any(one is not None and contracts.leaves_open(contracts.outputs(one)) for one in callees)


class _OpenModules:
    """The modules with a variable, or a published value, that no schema describes."""

    def __init__(self, program: Program) -> None:
        self.found = {
            module
            for module in program.linked.manifest.modules.values()
            if program.contracts.leaves_open(program.variables.of_module(module)["vars"])
            or any(map(_publishes_anything, module.resources.values(), repeat(module)))
        }


def _publishes_anything(resource: Resource, module: Module) -> bool:
    definition = resolve_kind(module, resource.kind)
    return (
        definition is not None
        and definition.outputs is None
        and definition.capability in ("Provider", "Service")
    )


class _Unit:
    """The paths that the expressions of a unit read, and the sources of their data."""

    def __init__(self, program: Program, unit: Unit) -> None:
        self._program = program
        self._unit = unit
        steps = () if unit.topology is None else unit.topology.steps
        self._steps = {step.name: step for step in all_steps(steps) if step.name is not None}
        self._items: dict[Step, ReadPath | None] = {}
        self._calls: dict[CallSite, _Source | None] = {}
        self._find_items(steps, None)

    def unchecked(self) -> Iterator[tuple[_Source, ReadPath]]:
        """The sources that are read further than schemas describe them, each with that path."""
        reads = list(dict.fromkeys(self._reads()))
        asked = [read.path for read, _ in reads if read.asked]
        for read, site in reads:
            if read.asked or any(read.path[: len(one)] == one for one in asked):
                continue
            found = self._source(read.path, site)
            if found is not None:
                source, rest = found
                length = _unknown_at(source.type, rest, read.used)
                if length is not None:
                    yield source, rest[:length]

    # Reads

    def _reads(self) -> Iterator[tuple[Read, StandaloneSite | None]]:
        topology = self._unit.topology
        for step in () if topology is None else all_steps(topology.steps):
            for field in step.fields:
                item = self._items.get(step)
                if step.form.gives == "list" and field.expects == "value":
                    item = self._item_of(step)
                used = field.expects in _EXPECTING
                yield from ((read, None) for read in _of(field.template, used, item))
        if topology is not None and topology.result is not None:
            yield from ((read, None) for read in _of(topology.result, False))
        limited = concurrency_in(self._unit)
        if limited is not None and limited.group is not None:
            yield from ((read, None) for read in _of(limited.group, True))
        for site in self._unit.sites:
            if site.site.inputs is not None:
                yield from ((read, site) for read in _of(site.site.inputs, False))
            if site.site.when is not None:
                yield from ((read, site) for read in _of(site.site.when, True))
            for own in site.own_fields:
                yield from ((read, site) for read in _of_field(own))
        for own in (*self._unit.fields, *self._unit.deferred):
            yield from ((read, None) for read in _of_field(own))

    def _find_items(self, steps: Steps, item: ReadPath | None) -> None:
        for step in steps:
            self._items[step] = item
            for part in step.parts:
                inner = self._item_of(step) if part.is_isolated else item
                self._find_items(part.steps, inner)

    def _item_of(self, step: Step) -> ReadPath | None:
        """Where the items of a `forEach` come from."""
        field = next((one for one in step.fields if one.expects == "list"), None)
        path = None if field is None else _whole(field.template, self._items.get(step))
        return None if path is None else (*path, 0)

    # Sources

    def _source(
        self, path: ReadPath, site: StandaloneSite | None, depth: int = 0
    ) -> tuple[_Source, ReadPath] | None:
        unit = self._unit
        match path:
            case ("steps", str(name), "result", *rest):
                step = self._steps.get(name)
                if step is not None and step.site is not None:
                    return _and(self._of_call(step.site), rest)
                if step is not None and step.form.gives == "value" and depth < MAX_ALIASES:
                    field = next(one for one in step.fields if one.expects == "value")
                    inner = _whole(field.template, self._items.get(step))
                    return None if inner is None else self._source((*inner, *rest), site, depth + 1)
            case ("result", *rest) if site is not None:
                return _and(self._of_call(site.site), rest)
            case (str(name), *rest) if site is not None and name in variables(site.context):
                return self._of_context(site, name, tuple(rest))
            case ("inputs", *rest) if unit.topology is not None or "inputs" in unit.roles:
                return _and(self._inputs, rest)
            case ("vars", str(name), *rest):
                return _and(self._of_variable(name), rest)
            case ("resources", str(name), *rest):
                return _and(self._of_resource(name), rest)
            case ("self", *rest) if unit.definition is not None and unit.is_body:
                return _and(self._of_fields(unit.definition), rest)
        return None

    def _of_call(self, site: CallSite) -> _Source | None:
        if site not in self._calls:
            self._calls[site] = self._called(site)
        return self._calls[site]

    def _called(self, site: CallSite) -> _Source | None:
        callee = self._program.linked.callee(self._unit.module, site.target)
        if callee is None:
            return None
        type_ = self._program.contracts.outputs(callee)
        what = f"the result of `{callee.resource.name or callee.definition.kind}`"
        declared = callee.declared("outputs")
        return self._declared_at(type_, what, declared, "outputs", callee.definition, callee)

    @cached_property
    def _inputs(self) -> _Source | None:
        unit, definition = self._unit, self._unit.definition
        declared = unit.declared("inputs")
        if definition is None or (unit.path and not unit.is_body):
            return None  # what is called in place is checked with what its call gives
        type_ = self._program.contracts.arguments(unit)
        return self._declared_at(
            type_, f"the input of `{unit.label}`", declared, "inputs", definition, unit
        )

    def _declared_at(
        self,
        type_: Type,
        what: str,
        declared: DeclaredSchema | None,
        part: Part,
        definition: Definition,
        of: Callee | Unit,
    ) -> _Source | None:
        """The source at the schema that declares it, or at the place where one is missing."""
        own = self._program.once(_own_documents)
        if declared is not None and declared.document in own:
            path, schema = declared.path, declared.schema
            return _Source(type_, what, "give it a `type`", declared.document, path, schema)
        resource = of.resource if isinstance(of, Callee) else of.owner
        field = _field_with_role(definition, part)
        if isinstance(resource, Resource) and (field or definition.document not in own):
            how = f"declare `{field}`" if field else f"call it in a topology that declares `{part}`"
            return _Source(type_, what, how, resource.document, (*resource.path, "kind"))
        return self._of_definition(definition, type_, what, part)

    def _of_resource(self, name: str) -> _Source | None:
        module = self._unit.module
        resource = module.resources.get(name)
        definition = None if resource is None else resolve_kind(module, resource.kind)
        if resource is None or definition is None or definition.outputs is not None:
            return None
        type_ = self._program.contracts.published(module, resource)
        return self._of_definition(definition, type_, f"`resources.{name}`", "outputs")

    def _of_fields(self, definition: Definition) -> _Source | None:
        type_ = self._program.contracts.fields(definition, self._unit.module)
        return self._of_definition(definition, type_, "`self`", "schema")

    def _of_definition(
        self, definition: Definition, type_: Type, what: str, part: str
    ) -> _Source | None:
        """The source at the definition of its kind; None for a kind of the library."""
        if definition.document not in self._program.once(_own_documents):
            return None
        path = ("metadata", "name")
        return _Source(type_, what, f"declare `{part}`", definition.document, path)

    def _of_context(
        self, site: StandaloneSite, name: str, path: ReadPath
    ) -> tuple[_Source, ReadPath] | None:
        """A variable of a call site, or a part of it, whose schema the call site itself writes."""
        unit = self._unit
        node: Any = variables(site.context)[name]
        type_ = self._program.variables.of_context(unit, site.context, site.data)[name]
        for length in range(len(path) + 1):
            node = local(node, shared(unit))
            field = traits(node).schema
            if field is not None:
                what = f"`{'.'.join(map(str, (name, *path[:length])))}`"
                place = (*site.path, *field.split("."))
                schema = _at(site.data, tuple(field.split(".")))
                found = _Source(type_, what, f"declare `{field}`", unit.document, place, schema)
                return found, path[length:]
            if length == len(path) or not isinstance(node, Mapping):
                break
            node = node.get("properties", {}).get(path[length])
            type_ = union(
                inner for one in members_of(type_) for inner in _stepped(one, path[length])
            )
        return None

    def _of_variable(self, name: str) -> _Source | None:
        declared = self._unit.module.vars.get(name)
        found = self._program.variables.of_module(self._unit.module)["vars"]
        field = found.get(name) if isinstance(found, Record) else None
        if declared is None or field is None:
            return None
        what, how = f"`vars.{name}`", "give it a `type`"
        return _Source(field.type, what, how, declared.document, declared.path, declared.schema)


def _own_documents(program: Program) -> frozenset[Document]:
    """The documents that the user wrote, and not those of the library."""
    return frozenset(program.linked.manifest.documents)


def _and(source: _Source | None, rest: list[str | int]) -> tuple[_Source, ReadPath] | None:
    return None if source is None else (source, tuple(rest))


def _of(template: Template, used: bool, item: ReadPath | None = None) -> Iterator[Read]:
    for scalar in template.tree.scalars.values():
        for segment in scalar.segments:
            if not isinstance(segment, str):
                yield from reads_in(segment.expr, used, item)


def _at(data: Any, path: Path) -> Any:
    for step in path:
        data = data.get(step) if isinstance(data, Mapping) else None
    return data


def _of_field(field: CelField) -> Iterator[Read]:
    return _of(written(field.value), False)


def _whole(template: Template, item: ReadPath | None) -> ReadPath | None:
    """The path that a template is, if it is nothing else."""
    scalar = template.tree.scalars.get(())
    if scalar is None or scalar.whole is None:
        return None
    return path_read(scalar.whole.expr, {} if item is None else {"item": item})


def _field_with_role(definition: Definition, part: Part) -> str | None:
    properties = (definition.schema or {}).get("properties")
    fields = properties.items() if isinstance(properties, Mapping) else ()
    return next((name for name, node in fields if traits(node).role == part), None)


def _unknown_at(type_: Type, path: ReadPath, used: bool) -> int | None:
    """The length of the part of a path that leads to the first value without a schema.

    None if there is no such value, or if the path ends there and the value is not worked with.
    """
    for length in range(len(path) + 1):
        found = [one for one in members_of(type_) if not isinstance(one, Null)]
        if found and all(map(says_nothing, found)):
            is_used = used and all(isinstance(one, Dyn) for one in found)
            return length if length < len(path) or is_used else None
        if length == len(path):
            return None
        type_ = union(inner for one in found for inner in _stepped(one, path[length]))
    return None


def _stepped(type_: Type, step: str | int) -> Iterator[Type]:
    match type_:
        case List() if isinstance(step, int):
            yield type_.element
        case Record() | Map() if isinstance(step, str):
            read = member(type_, step)
            if read.presence in ("certain", "possible"):
                yield read.type


def _inside(schema: Any, path: ReadPath) -> Path:
    """The path within a schema to the part that describes a path of data, as far as it goes."""
    place: list[str | int] = []
    for step in path:
        word: tuple[str | int, ...] = ("items",) if isinstance(step, int) else ("properties", step)
        for one in word:
            if not isinstance(schema, Mapping) or one not in schema:
                return tuple(place)
            schema = schema[one]
        place += word
    return tuple(place)

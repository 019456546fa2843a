"""Rules over the schemas that a module declares (K101 to K106).

What loading checks of them already (K101, K102, K105) is not checked again; the schemas of the
data of errors, and those that call sites write of their own variables, are new here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from analyzer.findings.finding import Edit, Finding
from analyzer.findings.message import Message
from analyzer.findings.messages import k1_schemas
from analyzer.lowering.conjunction import MAX_ALTERNATIVES, alternatives
from analyzer.lowering.lower import Lowering, Untyped, untyped
from analyzer.program.contexts import schemas_at
from analyzer.program.linking import Unit
from analyzer.program.program import Program
from analyzer.rules.schema.defaults import refused_defaults
from analyzer.rules.schema.finite import endless
from analyzer.rules.schema.keywords import misspelt
from analyzer.rules.schema.other_drafts import other_drafts
from analyzer.rules.schema.parts import Parts, parts_of
from analyzer.rules.schema.plain import is_plain
from analyzer.rules.schema.satisfiable import unsatisfiable
from kernel.errors import Path
from kernel.manifest import Document, Module, Resource, find_kind, schemas_of
from kernel.schema import NO_SCHEMAS, InvalidSchema, Schemas, check_schema, sound_part
from kernel.schema.bundle import bundle
from kernel.structs import struct
from kernel.topology.roles import roles_of

_CONTRACT = ("inputs", "outputs")
_CHOOSING = ("anyOf", "oneOf", "allOf")


@struct(eq=False)
class Declared:
    """A schema where it is declared. ``checked``: loading has reported its mistakes."""

    schema: Any
    schemas: Schemas
    document: Document
    path: Path
    checked: bool = True


def find_wrong_schemas(program: Program) -> Iterator[Finding]:
    """The mistakes in the schemas of all modules, and in those that call sites write."""
    for module in program.linked.manifest.modules.values():
        units = [unit for unit in program.linked.units.values() if unit.module is module]
        yield from schema_findings(module, units)


def schema_findings(module: Module, units: Sequence[Unit] = ()) -> Iterator[Finding]:
    """The mistakes in the schemas of a module, and in those that its ``units`` hold."""
    seen: set[int] = set()
    for declared in chain(_declared(module, units), _at_call_sites(units)):
        if id(declared.schema) not in seen:
            seen.add(id(declared.schema))
            yield from _findings(declared)


def _declared(module: Module, units: Iterable[Unit]) -> Iterator[Declared]:
    """The schemas of a module: of kinds, contracts, errors, variables, secrets.

    Resources in place of references have contracts as well.
    """
    schemas = schemas_of(module)
    for definition in module.definitions.values():
        for part in ("schema", *_CONTRACT):
            schema = getattr(definition, part)
            if schema is not None:
                yield Declared(schema, schemas, definition.document, (part,))
        for code, error in (definition.errors or {}).items():
            if error and "data" in error:
                place: Path = ("errors", code, "data")
                yield Declared(error["data"], schemas, definition.document, place, checked=False)
    for one in (*module.vars.values(), *module.secrets.values()):
        yield Declared(one.schema, schemas, one.document, one.path)
    owners = (unit.owner for unit in units if unit.path)
    in_place = (owner for owner in owners if isinstance(owner, Resource))
    for resource in (*module.resources.values(), *in_place):
        found = find_kind(module, resource.kind)
        roles = roles_of(found[0], resource.fields, resource.path) if found else {}
        for part in _CONTRACT:
            if part in roles:
                path, schema = roles[part]
                yield Declared(schema, schemas, resource.document, path)


def _at_call_sites(units: Iterable[Unit]) -> Iterator[Declared]:
    """The schemas that call sites write: as at run time, they refer to no other schemas."""
    for unit in units:
        for path, schema in schemas_at(unit):
            yield Declared(schema, NO_SCHEMAS, unit.document, path, checked=False)


def _findings(declared: Declared) -> Iterator[Finding]:
    schema, path = declared.schema, declared.path

    def at(place: Path, message: Message) -> Finding:
        return message.at(declared.document.span(path + place), path + place)

    if not declared.checked:
        for fault in check_schema(schema, declared.schemas):
            yield at(fault.problem.path, Message(fault.code, fault.problem.message))
    if is_plain(schema):
        return
    for place, name, meant in misspelt(schema):
        span = declared.document.span(path + place, True)
        fix = Edit(f"write '{meant}'", span, meant)
        yield k1_schemas.misspelt_keyword(name, meant).at(span, path + place, fix=fix)
    yield from other_drafts(schema, declared.document, path)
    found = _sound(schema, declared.schemas)
    if found is None:
        return
    schema, bundled = found
    for known in _outermost(untyped(schema)):
        yield at(known.path, k1_schemas.partly_typed(known.path[-1], known.why))
    lowering = Lowering(bundled, "")
    parts = parts_of(schema, bundled)
    for known in _outermost(_given_up(parts, bundled)):
        yield at(known.path, k1_schemas.untyped(known.path[-1], known.why))
    for find in (unsatisfiable, refused_defaults, endless):
        for found in find(lowering, parts):
            yield at(found.path, found.message)


def _sound(schema: Any, schemas: Schemas) -> tuple[Any, Any] | None:
    """A schema without what loading has found to be wrong in it, and the same bundled."""
    from kernel.schema.engine import validator

    try:
        bundled = bundle(schema, schemas)
        validator(bundled)
    except InvalidSchema:
        return sound_part(schema, schemas)
    return schema, bundled


def _given_up(parts: Parts, root: Any) -> Iterator[Untyped]:
    """The choices with too many alternatives to be typed."""
    for path, node in parts.values():
        schema = node.schema if isinstance(node.schema, Mapping) else {}
        choosing = [keyword for keyword in _CHOOSING if keyword in schema]
        if choosing and alternatives(root, (node,)) is None:
            why = f"there are more than {MAX_ALTERNATIVES} alternatives"
            yield Untyped((*path, choosing[0]), why)


def _outermost(found: Iterable[Untyped]) -> Iterator[Untyped]:
    """The keywords that are not inside another one of them."""
    told: set[Path] = set()
    for one in found:
        if any(one.path[:length] in told for length in range(1, len(one.path))):
            continue
        yield one
        told.add(one.path)
        if one.path[-1] == "if":
            told |= {(*one.path[:-1], "then"), (*one.path[:-1], "else")}

"""The placeholders of a literal statement, against what a call binds to them (K210).

A kind says with ``x-kernel-bindings`` which of its texts are statements, and which input holds the
values. Only what is wrong whatever the values and the database are is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from analyzer.checks.unit_check import UnitCheck
from analyzer.expressions.templates import Evaluation, constant_structure
from analyzer.findings.finding import Edit, Note
from analyzer.findings.message import Message
from analyzer.findings.messages import k2_contracts
from analyzer.program.linking import Callee
from analyzer.types import NEVER, List, Record, String, Type, members_of, union
from kernel.cel.template_tree import OPEN
from kernel.errors import Path
from kernel.manifest import Document, Resource
from kernel.manifest.suggest import nearest
from kernel.schema.keywords import traits
from kernel.sql_text import Dialect, Placeholders, placeholders, sql_tokens
from kernel.structs import struct
from kernel.topology.callsite import CallSite

_DIALECTS: Final[tuple[Dialect, ...]] = ("sqlite", "postgresql")

_EMPTY: Final = Record(())
_NOTHING: Final = List(NEVER, 0, 0)


@struct
class _Statement:
    """A statement and where it stands; ``texts`` are the literals that it may be."""

    texts: tuple[str, ...]
    bindings: str
    document: Document
    path: Path

    def note(self, name: str | None) -> Note:
        """The place of a placeholder, or that of the whole statement."""
        text = self.texts[0]
        for start, end in _places(text, name):
            shown = f"`:{name}` stands here"
            return Note(shown, self.document.scalar_span(self.path, start, end))
        return Note("the statement", self.document.scalar_span(self.path, 0, len(text)))


@struct
class _Mismatch:
    """What is wrong: a placeholder that nothing is bound to, or a binding without a placeholder."""

    message: Message
    placeholder: str | None = None
    unused: str | None = None
    meant: str | None = None


def check_bindings(
    check: UnitCheck,
    site: CallSite,
    callee: Callee,
    value: Evaluation | None,
    *,
    complete: bool = True,
) -> None:
    """Check what a call binds; what it lacks may be given later unless it is ``complete``."""
    given = _EMPTY if value is None else value.type
    if not isinstance(given, Record):
        return
    found = [*_in_inputs(check, site, callee, given), *_in_fields(callee)]
    for one in found if len(found) == 1 else ():
        bound = _bound(callee, given, one.bindings)
        if bound is None or (not complete and given.get(one.bindings) is None):
            continue
        for mismatch in _certain(_mismatches(one.texts, bound)):
            _add(check, site, value, one, mismatch)


def _in_inputs(
    check: UnitCheck, site: CallSite, callee: Callee, given: Record
) -> Iterator[_Statement]:
    for name, bindings in _statements(callee.definition.inputs):
        field = given.get(name)
        if field is None:
            continue
        texts = field.type.literals if isinstance(field.type, String) and field.required else None
        path = (*site.path, "inputs", name)
        yield _Statement(tuple(sorted(texts or ())), bindings, check.document, path)


def _in_fields(callee: Callee) -> Iterator[_Statement]:
    resource = callee.resource
    for path, text, bindings in _written(callee.definition.schema, resource.fields):
        texts = () if OPEN in text else (text,)
        yield _Statement(texts, bindings, resource.document, (*resource.path, *path))


def _written(schema: Any, fields: Mapping[str, Any]) -> Iterator[tuple[Path, str, str]]:
    """The statements among the fields of a resource, each with the input that holds the values."""
    for name, node in _properties(schema).items():
        value = fields.get(name)
        listed = node.get("items") if isinstance(node, Mapping) else None
        if isinstance(value, str) and (bindings := traits(node).bindings) is not None:
            yield (name,), value, bindings
        elif isinstance(value, list) and (bindings := traits(listed).bindings) is not None:
            texts = ((n, one) for n, one in enumerate(value) if isinstance(one, str))
            yield from (((name, number), text, bindings) for number, text in texts)


def check_unbound(check: UnitCheck) -> None:
    """Check the statements of a resource to which no call binds anything."""
    unit = check.unit
    if not isinstance(unit.owner, Resource) or unit.definition is None:
        return
    inputs = _properties(unit.definition.inputs)
    for path, text, bindings in _written(unit.definition.schema, unit.owner.fields):
        if bindings not in inputs and OPEN not in text:
            for one in _certain(_mismatches([text], _NOTHING)):
                check.add(one.message, (*unit.path, *path))


def _statements(schema: Any) -> Iterator[tuple[str, str]]:
    """The names of the texts that are statements, each with the input that holds the values."""
    for name, node in _properties(schema).items():
        bindings = traits(node).bindings
        if bindings is not None:
            yield name, bindings


def _properties(schema: Any) -> Mapping[str, Any]:
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    return properties if isinstance(properties, Mapping) else {}


def _bound(callee: Callee, given: Record, name: str) -> Type | None:
    """The type of what is bound; None where nothing is known of it."""
    field = given.get(name)
    if field is not None and field.required:
        return field.type
    node = _properties(callee.definition.inputs).get(name)
    if not isinstance(node, Mapping) or "default" not in node or not given.is_closed:
        return None
    default = constant_structure(node["default"])
    return default if field is None else union((field.type, default))


def _mismatches(texts: Iterable[str], bound: Type) -> Iterator[list[_Mismatch]]:
    """The mismatches of each case: for each text, each type of the bindings, each database."""
    for text in texts:
        read = [placeholders(text, dialect) for dialect in _DIALECTS]
        for one in members_of(bound):
            yield from (_against(known, one) for known in read if known is not None)


def _certain(found: Iterable[list[_Mismatch]]) -> list[_Mismatch]:
    """The mismatches that are the same in every case.

    A case without a mismatch means that the call may be right: then there is none. If every case
    has mismatches, but none is in all of them, those of the first case are given.
    """
    cases = list(found)
    if not cases or not all(cases):
        return []
    return [one for one in cases[0] if all(one in case for case in cases)] or cases[0]


def _against(known: Placeholders, bound: Type) -> list[_Mismatch]:
    match bound:
        case List():
            if known.certain and (known.marks == 0 or bound.has_size(known.marks)):
                first = min(known.certain)
                return [_Mismatch(k2_contracts.names_in_a_list(known.certain, bound.most), first)]
            if not bound.has_size(known.marks):
                counted = k2_contracts.binding_count(known.marks, bound.least, bound.most)
                return [_Mismatch(counted)]
        case Record():
            return _of_names(known, bound)
    return []


def _of_names(known: Placeholders, bound: Record) -> list[_Mismatch]:
    certain = [name for name, field in bound.fields if field.required or field.default]
    unused = [name for name in certain if name not in known.names]
    if unused and not known.names and known.marks:
        return [_Mismatch(k2_contracts.marks_in_an_object(known.marks))]
    bindable = {name for name, _ in bound.fields}
    missing = sorted(known.names - bindable) if bound.is_closed else []
    only = missing[0] if len(missing) == len(unused) == 1 else None
    found = []
    for name in unused:
        meant = nearest(name, missing)
        message = k2_contracts.no_placeholder(name, meant, only, known.names)
        told = meant or only
        found.append(_Mismatch(message, told, name, meant))
        missing = [one for one in missing if one != told]
    return [*found, *(_Mismatch(k2_contracts.no_binding(name), name) for name in missing)]


def _add(
    check: UnitCheck,
    site: CallSite,
    value: Evaluation | None,
    statement: _Statement,
    found: _Mismatch,
) -> None:
    """Report a mismatch at the binding; without one, at all bindings or at the call."""
    inputs = (*site.path, "inputs")
    path: Path = (*inputs, statement.bindings)
    note = (statement.note(found.placeholder),)
    written = None if value is None else value.tree.structure
    if not isinstance(written, Mapping) or statement.bindings not in written:
        at = (*site.path, "invoke") if value is None else inputs
        check.add(found.message, at, key=True, related=note)
        return
    bound = written[statement.bindings]
    if found.unused is None or not isinstance(bound, Mapping) or found.unused not in bound:
        check.add(found.message, path, related=note)
        return
    path = (*path, found.unused)
    fix = None
    if found.meant is not None:
        fix = Edit(f"write '{found.meant}'", check.document.span(path, True), found.meant)
    check.add(found.message, path, key=True, related=note, fix=fix)


def _places(text: str, name: str | None) -> Iterator[tuple[int, int]]:
    """Where a placeholder stands in a statement."""
    for dialect in _DIALECTS if name is not None else ():
        place = 0
        try:
            for kind, token in sql_tokens(text, dialect):
                if kind == "name" and token == f":{name}":
                    yield place, place + len(token)
                place += len(token)
        except ValueError:
            continue

"""What can be written at the cursor."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from analyzer.checks.scope_at import Scope, unit_at
from analyzer.editor.cursor import expression
from analyzer.editor.cursor.items import Item, Proposals
from analyzer.editor.cursor.nameable import kinds_for, resources_for
from analyzer.editor.cursor.position import MARK, Cursor, cursor_at
from analyzer.editor.cursor.slots import Slot, slot_at
from analyzer.editor.cursor.vocabulary import NODE, STEP
from analyzer.editor.origins import description, origin_of, scope_of
from analyzer.editor.workspace import Analysis, Workspace
from analyzer.expressions.facts import Facts
from analyzer.program.linking import Unit
from analyzer.program.program import Program
from kernel.cel import MACROS, TABLE, reference_path
from kernel.cel.functions.table import Function
from kernel.errors import Path
from kernel.manifest import Document, Module
from kernel.manifest.scalars import resolve
from kernel.structs import struct
from kernel.topology.steps import FORMS

_NAME = re.compile(r"^metadata:\s*(?:\{[^}\n]*?)?\bname:\s*([\w.]+)", re.MULTILINE)
_EVERY_STEP = ("name", "description", "when")


def complete(workspace: Workspace, path: str, offset: int) -> Proposals:
    """The proposals for an offset of a file."""
    text = workspace.text(path)
    cursor = cursor_at(text, offset)
    if cursor is None:
        return Proposals(start=offset, end=offset)
    if cursor.text is None:  # it is no YAML, even with the mark in it
        analysis = workspace.last_sound(path)
    else:
        analysis = workspace.analysis_with(path, cursor.text)
    document = _document(analysis, path, text, cursor)
    module = analysis.manifest.root if document is None else analysis.module_of(document)
    if cursor.cel is not None:
        items = _in_expression(analysis, module, document, cursor)
    else:
        items = _in_yaml(analysis, module, cursor)
    ordered = sorted(dict.fromkeys(items), key=lambda one: (one.rank, one.label.lower()))
    return Proposals(tuple(ordered), cursor.start, cursor.end)


def _document(analysis: Analysis, path: str, text: str, cursor: Cursor) -> Document | None:
    """The document that the cursor is in, if it is sound enough to be read."""
    if cursor.text is not None:
        return analysis.document_at(path, cursor.text.index(MARK))
    number = text.count("\n---", 0, cursor.region[0])
    named = _name_in(text[slice(*cursor.region)])
    documents = analysis.documents_of(path)
    for document in documents:
        if named is not None and _name_in(document.source.text[document.start :]) == named:
            return document
    return documents[number] if number < len(documents) else None


def _name_in(text: str) -> str | None:
    match = _NAME.search(text)
    return match.group(1) if match else None


# YAML --------------------------------------------------------------------------------------------


def _in_yaml(analysis: Analysis, module: Module, cursor: Cursor) -> Iterator[Item]:
    slot = slot_at(module, cursor.data, cursor.path[:-1] if cursor.is_key else cursor.path)
    if not cursor.is_key:
        yield from _values(analysis, slot)
        return
    if not cursor.siblings and not cursor.colon:
        yield from (one for one in _values(analysis, slot) if one.kind == "value")
    yield from _fields(slot, cursor)


def _fields(slot: Slot, cursor: Cursor) -> Iterator[Item]:
    wanted = _of_form(cursor.siblings) if slot.is_step else None
    if wanted is not None and any(one is NODE for one in slot.nodes):
        wanted |= NODE["properties"].keys() - STEP["properties"].keys()
    for name, (schema, required) in slot.fields.items():
        if name in cursor.siblings or (wanted is not None and name not in wanted):
            continue
        insert = name if cursor.colon else f"{name}:" if _is_structure(schema) else f"{name}: "
        rank = 1 if required else 3 if name == "metadata" or name.startswith("x-") else 2
        detail = _type_of(schema) + (", required" if required else "")
        yield Item(name, "field", insert, detail, str(schema.get("description", "")), rank)


def _of_form(siblings: tuple[str, ...]) -> frozenset[str]:
    """The fields that a step may still have: of its form, or the ones that choose a form."""
    written = set(siblings) & STEP["properties"].keys() - {*_EVERY_STEP}
    forms = [name for name, form in FORMS.items() if written <= form.fields]
    if written & FORMS.keys() or (written and len(forms) == 1):
        return frozenset(_EVERY_STEP).union(*(FORMS[name].fields for name in forms))
    return frozenset((*_EVERY_STEP, *forms))


def _values(analysis: Analysis, slot: Slot) -> Iterator[Item]:
    holder = slot.holder
    is_resource = holder is not None and (holder.ref is not None or holder.holder is None)
    if slot.name == "kind" and holder is not None and is_resource:
        yield from kinds_for(slot.module, holder.ref, document=holder.holder is None)
        return
    if slot.name == "name" and holder is not None and holder.ref is not None:
        kind = holder.data.get("kind") if isinstance(holder.data, Mapping) else None
        yield from resources_for(slot.module, holder.ref, kind if isinstance(kind, str) else None)
        return
    yield from (Item(name, "value", name) for name in _needable(slot))
    seen: set[str] = set()
    for node in slot.nodes:
        for value in _literals(node):
            text = _yaml(value)
            if text not in seen:
                seen.add(text)
                is_default = "default" in node and node["default"] == value
                yield Item(text, "value", text, "default" if is_default else "", rank=len(seen))
    if slot.name == "x-kernel-ref" and slot.ref is None:
        yield from kinds_for(slot.module, None, document=False)


def _needable(slot: Slot) -> Iterator[str]:
    """The other nodes of a workflow, where a node lists what it needs."""
    needs = slot.holder
    node = None if needs is None else needs.holder
    if needs is None or node is None or node.holder is None or needs.name != "needs":
        return
    if any(one is NODE for one in node.nodes) and isinstance(node.holder.data, list):
        for number, other in enumerate(node.holder.data):
            name = other.get("name") if isinstance(other, Mapping) else None
            if isinstance(name, str) and number != node.name:
                yield name


def _literals(node: Mapping[str, Any]) -> list[Any]:
    values = node.get("enum")
    found = list(values) if isinstance(values, list) else []
    if "const" in node:
        found.append(node["const"])
    if node.get("type") == "boolean":
        found += [True, False]
    if not found and isinstance(node.get("default"), str | int | float | bool):
        found.append(node["default"])
    return [one for one in found if isinstance(one, str | int | float | bool) or one is None]


def _yaml(value: Any) -> str:
    """A scalar as YAML writes it."""
    if not isinstance(value, str):
        return json.dumps(value)
    special = not value or value != value.strip() or value[0] in "-?:,[]{}#&*!|>'\"%@`"
    plain = not special and ": " not in value and " #" not in value and value[-1] != ":"
    return value if plain and resolve(value) == value else json.dumps(value, ensure_ascii=False)


def _is_structure(schema: Mapping[str, Any]) -> bool:
    declared = schema.get("type")
    kinds = declared if isinstance(declared, list) else [declared]
    return bool({"object", "array"} & {*kinds}) and "string" not in kinds


def _type_of(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(_yaml(one) for one in schema["enum"][:6])
    reference = schema.get("x-kernel-ref")
    if isinstance(reference, str):
        return f"reference to {reference}"
    declared = schema.get("type", "any")
    return " | ".join(declared) if isinstance(declared, list) else str(declared)


# CEL ---------------------------------------------------------------------------------------------


@struct
class _Around:
    """What proposals depend on at a place of an expression. ``called``: a parenthesis follows."""

    program: Program
    unit: Unit | None
    scope: Scope
    path: Path
    called: bool

    def description(self, *name: str | int) -> str:
        """The schema's description of a variable, or of a field within a variable."""
        if self.unit is None or (name[0] == "steps" and len(name) == 2):
            return ""
        found = origin_of(self.program, self.unit, self.scope, name, self.path)
        return "" if found is None else description(*found)


def _in_expression(
    analysis: Analysis, module: Module, document: Document | None, cursor: Cursor
) -> Iterator[Item]:
    assert cursor.cel is not None
    program = analysis.program
    unit = None if document is None else unit_at(program, document, cursor.path)
    scope = scope_of(program, module, unit, cursor.path)
    here = expression.expression_place_at(cursor.cel, scope.facts)
    if here is None:
        return
    around = _Around(program, unit, scope, cursor.path, cursor.cel.after.startswith("("))
    if here.compared is not None:
        for text in expression.texts_of(here.compared):
            yield Item(text, "value", text, rank=1)
    elif here.prefix:
        yield from _dotted(here.prefix, around.called)
    elif here.type is None:
        yield from _names(around, here.facts)
    else:
        yield from _members(around, here)


def _names(around: _Around, facts: Facts) -> Iterator[Item]:
    for name in facts.scope:
        type_ = str(facts.type_of(name))
        yield Item(name, "variable", name, type_, around.description(name), rank=1)
    for word in ("true", "false", "null"):
        yield Item(word, "value", word, rank=4)
    for name, function in TABLE.items():
        if name.startswith("_") or name.endswith("_"):
            continue
        if "." in name:
            head = name.partition(".")[0]
            yield Item(head, "function", f"{head}.", "functions", rank=6)
        elif any(not one.receiver for one in function.overloads):
            yield _function(function, False, around.called)
    for name, macro in MACROS.items():
        if not macro.receiver and "." not in name:
            yield _macro(name, around.called)


def _members(around: _Around, here: expression.ExpressionPlace) -> Iterator[Item]:
    assert here.type is not None
    assert here.operand is not None
    path = reference_path(here.operand)
    for number, one in enumerate(expression.members(here.type)):
        said = "" if path is None else around.description(*path, one.name)
        detail = str(one.type) + ("" if one.required else ", may be absent")
        if one.name.isidentifier():
            yield Item(one.name, "member", one.name, detail, said, rank=1 if number < 500 else 2)
    for function in expression.methods(here.type):
        yield _function(function, True, around.called)
    for name in expression.macros_on(here.type):
        yield _macro(name, around.called)


def _dotted(prefix: str, called: bool) -> Iterator[Item]:
    for name in (*TABLE, *MACROS):
        if name.startswith(f"{prefix}."):
            item = _function(TABLE[name], False, called) if name in TABLE else _macro(name, called)
            label, insert = (text.removeprefix(f"{prefix}.") for text in (name, item.insert))
            yield replace(item, label=label, insert=insert)


def _function(function: Function, receiver: bool, called: bool) -> Item:
    overloads = [one for one in function.overloads if one.receiver is receiver]
    detail = overloads[0].signature(function.name) if overloads else ""
    if len(overloads) > 1:
        detail += f" (+{len(overloads) - 1})"
    bare = all(len(one.parameters) == int(receiver) for one in overloads)
    call = "" if called else "()" if bare else "("
    said = f"{function.doc}\n\n`{function.example}`"
    return Item(function.name, "function", function.name + call, detail, said, rank=6)


def _macro(name: str, called: bool) -> Item:
    macro = MACROS[name]
    said = f"{macro.doc}\n\n`{macro.example}`"
    return Item(name, "function", name + ("" if called else "("), macro.form, said, rank=5)

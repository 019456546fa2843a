"""What stands at a place: what is known of it, where it is declared, where else it is named."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from analyzer.checks.scope_at import Scope, unit_at
from analyzer.editor.cursor.expression import node_at, own_place, types_in
from analyzer.editor.cursor.items import Shown
from analyzer.editor.cursor.slots import Slot, slot_at
from analyzer.editor.origins import Origin, contract_of, description, origin_of, scope_of, span
from analyzer.editor.symbols import occurrences_of, symbol_at
from analyzer.editor.workspace import Analysis, Workspace
from analyzer.expressions.checker import UNNAMED, shown
from analyzer.program.linking import Unit
from kernel.cel import MACROS, TABLE, CelSyntaxError, Embedded, Expr, reference_path, scan
from kernel.cel.functions.macros import MacroDoc
from kernel.cel.functions.table import Function
from kernel.cel.tree import Call, Ident, Index, Macro, Select
from kernel.errors import Path, Span
from kernel.manifest import Definition, Document, Module, find_kind, find_resource
from kernel.manifest.nodes import Node
from kernel.manifest.offsets import offsets
from kernel.structs import struct


@struct(eq=False, slots=False)
class Here:
    """A place of a document. ``expr`` is the part of an expression that stands there."""

    analysis: Analysis
    document: Document
    module: Module
    path: Path
    node: Node
    is_key: bool
    unit: Unit | None
    whole: Expr | None = None
    expr: Expr | None = None

    @cached_property
    def scope(self) -> Scope:
        """The variables that an expression there can read."""
        return scope_of(self.analysis.program, self.module, self.unit, self.path)

    def origin(self) -> Origin | None:
        """The schema that describes what is read there, and the path within it."""
        found = None if self.expr is None else reference_path(self.expr)
        if found is None or self.unit is None:
            return None
        return origin_of(self.analysis.program, self.unit, self.scope, found, self.path)


def hover(workspace: Workspace, path: str, offset: int) -> Shown | None:
    """The description of the field, value or expression at an offset of a file."""
    here = _here(workspace, path, offset)
    if here is None:
        return None
    if here.whole is not None:
        return None if here.expr is None else _of_expression(here)
    text = _of_yaml(here)
    return None if not text else Shown(text, here.node.start, here.node.end)


def definition(workspace: Workspace, path: str, offset: int) -> Span | None:
    """The declaration of the symbol, value or argument that is named at an offset."""
    here = _here(workspace, path, offset)
    if here is None:
        return None
    occurrence = symbol_at(here.analysis, here.document, offset)
    if occurrence is not None:
        return occurrence.symbol.declaration
    if here.expr is not None:
        origin = here.origin()
        return None if origin is None else span(*origin)
    return _argument(here) if here.is_key else None


def references(
    workspace: Workspace, path: str, offset: int, *, declaration: bool = True
) -> tuple[Span, ...]:
    """Every place where the symbol at an offset is named."""
    here = _here(workspace, path, offset)
    occurrence = None if here is None else symbol_at(here.analysis, here.document, offset)
    if occurrence is None:
        return ()
    found = (
        one.span
        for analysis in workspace.analyses_with(occurrence.span.file)
        for one in occurrences_of(analysis, occurrence.symbol)
        if declaration or not one.declares
    )
    return tuple(dict.fromkeys(found))


def _argument(here: Here) -> Span | None:
    """The declaration of the argument that a key of ``inputs`` names."""
    site = here.scope.site
    if here.unit is None or site is None:
        return None
    start = (*site.path, "inputs")
    declared = contract_of(here.analysis.program, here.unit, site, "inputs")
    if declared is None or here.path[: len(start)] != start:
        return None
    return span(declared, here.path[len(start) :])


# The place ---------------------------------------------------------------------------------------


def _here(workspace: Workspace, path: str, offset: int) -> Here | None:
    analysis = workspace.analysis(path)
    document = analysis.document_at(path, offset)
    if document is None:
        return None
    found = _node_at(document.root(), offset)
    if found is None:
        return None
    node, where, is_key = found
    unit = unit_at(analysis.program, document, where)
    module = analysis.module_of(document)
    whole, expr = (None, None) if is_key else _expression_at(document, node, offset)
    return Here(analysis, document, module, where, node, is_key, unit, whole, expr)


def _node_at(root: Node, offset: int) -> tuple[Node, Path, bool] | None:
    """The scalar at an offset, its path, and whether it is a key."""
    node = root
    path: Path = ()
    while node.kind != "scalar":
        keys = node.keys if node.kind == "mapping" else [None] * len(node.items)
        for number, (key, item) in enumerate(zip(keys, node.items, strict=True)):
            step: Any = number
            if key is not None:
                step = key.value if isinstance(key.value, int) else key.text
                if key.start <= offset <= key.end:
                    return key, (*path, step), True
            if item.start <= offset <= item.end:
                node, path = item, (*path, step)
                break
        else:
            return None
    return node, path, False


def _expression_at(document: Document, node: Node, offset: int) -> tuple[Expr | None, Expr | None]:
    """The expression of a scalar that an offset lies in, and the part of it that stands there."""
    if "${{" not in node.text:
        return None, None
    places = offsets(document.source.text, node)
    try:
        segments = scan(node.text)
    except CelSyntaxError:
        return None, None
    if places is None:
        return None, None
    inner = max(bisect_right(places, offset) - 1, 0)
    for segment in segments:
        if isinstance(segment, Embedded) and segment.start <= inner <= segment.end:
            return segment.expr, node_at(segment.expr, inner, node.text)
    return None, None


# CEL ---------------------------------------------------------------------------------------------


def _of_expression(here: Here) -> Shown | None:
    expr, whole = here.expr, here.whole
    assert expr is not None
    assert whole is not None
    start, end = own_place(expr, here.node.text)
    span = here.document.scalar_span(here.path, start, end)
    area = here.document.source.extent(span)
    match expr:
        case Call(function=name) if name in TABLE:
            forms = "\n".join(one.signature(name) for one in TABLE[name].overloads)
            return Shown(_function(forms, TABLE[name]), *area)
        case Macro(name=name):
            return Shown(_function(MACROS[name].form, MACROS[name]), *area)
        case Ident() | Select() | Index():
            return Shown(_value(here, expr, whole), *area)
    return None


def _value(here: Here, expr: Expr, whole: Expr) -> str:
    facts = here.scope.facts
    type_ = types_in(whole, facts).get(id(expr)) or types_in(expr, facts).get(id(expr))
    text = _code(f"{shown(expr).replace(UNNAMED, '…')}: {type_ or 'any'}")
    origin = here.origin()
    said = "" if origin is None else description(*origin)
    return f"{text}\n\n{said}" if said else text


def _function(forms: str, described: Function | MacroDoc) -> str:
    return f"{_code(forms)}\n\n{described.doc}\n\nExample: `{described.example}`"


# YAML --------------------------------------------------------------------------------------------


def _of_yaml(here: Here) -> str:
    slot = slot_at(here.module, here.document.data, here.path)
    holder = slot.holder
    if here.is_key:
        return _field(slot)
    if here.path[-1:] == ("kind",) and isinstance(here.node.value, str):
        found = find_kind(here.module, here.node.value)
        return _field(slot) if found is None else _kind(here.node.value, found[0])
    if here.path[-1:] == ("name",) and holder is not None and holder.ref is not None:
        return _reference(here, holder.data)
    return _field(slot)


def _field(slot: Slot) -> str:
    fields = {} if slot.holder is None else slot.holder.fields
    schema, required = fields.get(str(slot.name), ({}, False))
    declared = schema.get("type", slot.nodes[0].get("type") if slot.nodes else None)
    said = slot.description or str(schema.get("description", ""))
    if not said and declared is None:
        return ""
    kinds = declared if isinstance(declared, list) else [declared]
    type_ = " | ".join(str(kind) for kind in kinds if kind)
    head = f"{slot.name}: {type_}" if type_ else str(slot.name)
    text = _code(head + (" (required)" if required else ""))
    for word in ("default", "enum"):
        node = next((one for one in (schema, *slot.nodes) if word in one), None)
        if node is not None:
            said += f"\n\n{word}: `{node[word]}`"
    return f"{text}\n\n{said}".rstrip()


def _kind(name: str, found: Definition) -> str:
    text = f"{_code(f'{name}: {found.capability}')}\n\n{found.description}".rstrip()
    if found.safety and "${{" not in found.safety:
        text += f"\n\nSafety class: {found.safety}"
    for part in ("inputs", "outputs"):
        schema = getattr(found, part)
        properties = schema.get("properties") if isinstance(schema, Mapping) else None
        if properties:
            required = schema.get("required") or ()
            names = [name if name in required else f"{name}?" for name in properties]
            text += f"\n\n{part}: {', '.join(f'`{name}`' for name in names)}"
    return text


def _reference(here: Here, data: Any) -> str:
    kind, name = data.get("kind"), data.get("name")
    named = isinstance(kind, str) and isinstance(name, str)
    found = find_resource(here.module, kind, name) if named else None
    if found is None:
        return ""
    resource, _ = found
    return f"{_code(f'{resource.name}: {resource.kind}')}\n\n{resource.description}".rstrip()


def _code(text: str) -> str:
    return f"```\n{text}\n```"

"""What is declared in a manifest, and every place where it is named."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from analyzer.editor.workspace import Analysis
from analyzer.program.linking import Unit
from kernel.cel import Expr, parse_template
from kernel.cel.tree import Ident, Index, Literal, Macro, Select, children
from kernel.errors import Path, Span
from kernel.manifest import Definition, Document, Module, Resource, find_kind, find_resource
from kernel.topology.callsite import Target
from kernel.topology.forms import Step, all_steps

SymbolKind = typing.Literal["kind", "resource", "step", "variable", "secret", "import"]


@dataclass(frozen=True, slots=True)
class Symbol:
    """Something with a name. Two are the same if they are declared at the same place.

    ``what`` is the definition, resource, step, declaration or module that is meant; ``unit`` is the
    topology of a step.
    """

    kind: SymbolKind
    declaration: Span
    name: str = field(compare=False)
    what: Any = field(compare=False, repr=False)
    module: Module = field(compare=False, repr=False)
    unit: Unit | None = field(compare=False, repr=False, default=None)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A place where a symbol is named."""

    symbol: Symbol
    span: Span
    declares: bool = False


def symbol_at(analysis: Analysis, document: Document, offset: int) -> Occurrence | None:
    """The symbol that is named at an offset of a document."""
    line, column = document.source.position(offset)
    for one in occurrences_in(analysis, document):
        span = one.span
        if span.line == line == span.end_line and span.column <= column <= span.end_column:
            return one
    return None


def occurrences_of(analysis: Analysis, symbol: Symbol) -> Iterator[Occurrence]:
    """Every place of a manifest where a symbol is named."""
    told: set[Span] = set()
    for document in analysis.manifest.documents:
        if symbol.name not in document.source.text[document.start : document.end]:
            continue
        for one in occurrences_in(analysis, document):
            if one.symbol == symbol and one.span not in told:
                told.add(one.span)
                yield one


def occurrences_in(analysis: Analysis, document: Document) -> Iterator[Occurrence]:
    """Every symbol that is named in a document."""
    module = analysis.module_of(document)
    units = [one for one in analysis.program.linked.units.values() if one.document is document]
    units.sort(key=lambda one: len(one.path), reverse=True)
    yield from _declared(document, module)
    for unit in units:
        yield from _in_unit(unit, module)
    yield from _in_expressions(document, module, units)


# YAML --------------------------------------------------------------------------------------------


def _declared(document: Document, module: Module) -> Iterator[Occurrence]:
    data = document.data
    if data["kind"] == "Kernel.Module":
        for group, kind in (("vars", "variable"), ("secrets", "secret")):
            for name in getattr(module, group):
                symbol = _variable(module, kind, name)
                if symbol is not None:
                    yield Occurrence(symbol, symbol.declaration, True)
        for alias in data.get("imports") or ():
            symbol = _imported(module, alias)
            if symbol is not None:
                yield Occurrence(symbol, document.span(("imports", alias), key=True), True)
                yield Occurrence(symbol, document.span(("imports", alias)))
        return
    if data["kind"] == "Kernel.Definition":
        for definition in module.definitions.values():
            if definition.document is document:
                symbol = _kind(definition, module)
                yield Occurrence(symbol, symbol.declaration, True)
        return
    for resource in module.resources.values():
        if resource.document is document:
            symbol = _resource(resource, module)
            yield Occurrence(symbol, symbol.declaration, True)
            yield from _kind_named(document, module, ("kind",), resource.kind)


def _in_unit(unit: Unit, module: Module) -> Iterator[Occurrence]:
    targets = [site.target for site in unit.call_sites()]
    for target in (*targets, *unit.references):
        yield from _target(target, module)
    if unit.sequence is not None:
        for step in all_steps(unit.sequence.steps):
            if step.name is not None:
                symbol = _step(unit, step)
                yield Occurrence(symbol, symbol.declaration, True)


def _target(target: Target, module: Module) -> Iterator[Occurrence]:
    document = target.document
    if document is None:
        return
    yield from _kind_named(document, module, (*target.path, "kind"), target.kind)
    if target.fields is not None or target.name is None:
        return
    found = find_resource(module, target.kind, target.name)
    if found is not None:
        start = target.name.rfind(".") + 1
        span = document.scalar_span((*target.path, "name"), start, len(target.name))
        yield Occurrence(_resource(*found), span)


def _kind_named(document: Document, module: Module, path: Path, kind: str) -> Iterator[Occurrence]:
    found = find_kind(module, kind)
    if found is not None:
        span = document.scalar_span(path, 0, len(kind))
        yield Occurrence(_kind(*found), span)


# CEL ---------------------------------------------------------------------------------------------


def _in_expressions(document: Document, module: Module, units: list[Unit]) -> Iterator[Occurrence]:
    body = {key: value for key, value in document.data.items() if key not in ("kind", "metadata")}
    for path, embedded in parse_template(body).expressions():
        unit = next((one for one in units if path[: len(one.path)] == one.path), None)
        for variable, name, start, end in _named(embedded.expr):
            symbol = _meant(variable, name, module, unit)
            if symbol is not None:
                yield Occurrence(symbol, document.scalar_span(path, start, end))


def _named(expr: Expr) -> Iterator[tuple[str, str, int, int]]:
    """The fields that are read of variables, but not of those of a macro, and where they stand."""
    waiting: list[tuple[Expr, frozenset[str]]] = [(expr, frozenset())]
    while waiting:
        node, bound = waiting.pop()
        found = _read(node)
        if found is not None and (found[0].absolute or found[0].name not in bound):
            yield found[0].name, *found[1:]
        inner = bound | frozenset(node.variables) if isinstance(node, Macro) else bound
        target = getattr(node, "target", None)
        waiting += [(one, bound if one is target else inner) for one in children(node)]


def _read(node: Expr) -> tuple[Ident, str, int, int] | None:
    """The variable, the field of it that a node reads, and where that is named."""
    match node:
        case Select(operand=Ident() as variable, field=name):
            return variable, name, node.end - len(name), node.end
        case Index(operand=Ident() as variable, index=Literal(value=str(name)) as literal):
            return variable, name, literal.offset + 1, literal.end - 1
    return None


def _meant(variable: str, name: str, module: Module, unit: Unit | None) -> Symbol | None:
    match variable:
        case "vars":
            return _variable(module, "variable", name)
        case "secrets":
            return _variable(module, "secret", name)
        case "resources":
            resource = module.resources.get(name)
            return None if resource is None else _resource(resource, module)
        case "steps" if unit is not None and unit.sequence is not None:
            step = _step_named(unit, name)
            return None if step is None else _step(unit, step)
    return None


def _step_named(unit: Unit, name: str) -> Step | None:
    steps = () if unit.sequence is None else unit.sequence.steps
    return next((step for step in all_steps(steps) if step.name == name), None)


# Symbols -----------------------------------------------------------------------------------------


def _variable(module: Module, kind: str, name: str) -> Symbol | None:
    declarations: Mapping[str, Any] = module.vars if kind == "variable" else module.secrets
    declaration = declarations.get(name)
    if declaration is None:
        return None
    known: SymbolKind = "variable" if kind == "variable" else "secret"
    return Symbol(known, declaration.span, name, declaration, module)


def _resource(resource: Resource, module: Module) -> Symbol:
    span = resource.document.scalar_span(
        (*resource.path, "metadata", "name"), 0, len(resource.name)
    )
    return Symbol("resource", span, resource.name, resource, module)


def _kind(definition: Definition, module: Module) -> Symbol:
    span = definition.document.scalar_span(("metadata", "name"), 0, len(definition.name))
    return Symbol("kind", span, definition.name, definition, module)


def _step(unit: Unit, step: Step) -> Symbol:
    assert step.name is not None
    span = unit.document.scalar_span((*step.path, "name"), 0, len(step.name))
    return Symbol("step", span, step.name, step, unit.module, unit)


def _imported(module: Module, alias: str) -> Symbol | None:
    imported = module.imports.get(alias)
    if imported is None:
        return None
    return Symbol("import", first_place(imported), alias, imported, module)


def first_place(module: Module) -> Span:
    """Where a module begins: its Kernel.Module, else the first of its documents."""
    documents = [] if module.document is None else [module.document]
    documents += [one.document for one in module.definitions.values()]
    documents += [one.document for one in module.resources.values()]
    if not documents:
        return Span(str(module.folder or ""), 1, 1, 1, 1)
    return documents[0].span(("metadata", "name"))

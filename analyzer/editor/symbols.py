"""What is declared in a manifest, and every place where it is named."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from typing import Any, Final

from analyzer.editor.origins import steps_of
from analyzer.editor.workspace import Analysis
from analyzer.program.linking import Unit
from kernel.cel import Expr, parse_template
from kernel.cel.tree import Ident, Index, Literal, Macro, Select, children
from kernel.errors import Path, Span
from kernel.manifest import Document, Module, find_kind, find_resource, model
from kernel.manifest.source import whole
from kernel.structs import field, struct
from kernel.topology.callsite import Target
from kernel.topology.forms import Step

SymbolKind = typing.Literal["kind", "resource", "step", "variable", "secret", "import"]
_GROUPS: Final[dict[str, SymbolKind]] = {"vars": "variable", "secrets": "secret"}
"""The fields of a module that declare, and that CEL reads by the same names."""


@struct
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


@struct
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
        for group in _GROUPS:
            for declaration in getattr(module, group).values():
                yield _declaring(_variable(module, group, declaration))
        for alias in data.get("imports") or ():
            if alias in module.imports:
                symbol = _imported(module, alias)
                yield Occurrence(symbol, document.span(("imports", alias), key=True), True)
                short = isinstance(data["imports"][alias], str)
                place: Path = ("imports", alias) if short else ("imports", alias, "source")
                yield Occurrence(symbol, document.span(place))
        yield from _named_in_module(document, module)
    elif data["kind"] == "Kernel.Definition":
        for definition in module.definitions.values():
            if definition.document is document:
                yield _declaring(_kind(definition, module))
    else:
        for resource in module.resources.values():
            if resource.document is document:
                yield _declaring(_resource(resource, module))
                yield from _kind_named(document, module, ("kind",), resource.kind)


def _named_in_module(document: Document, module: Module) -> Iterator[Occurrence]:
    """What is exported, and the variables and secrets of imports to which values are passed."""
    for number, name in enumerate(module.exports or ()):
        place = document.span(("exports", number))
        if name in module.resources:
            yield Occurrence(_resource(module.resources[name], module), place)
        for definition in module.definitions.values():
            if definition.name == name:
                yield Occurrence(_kind(definition, module), place)
    for alias, passed in module.passed.items():
        imported = module.imports[alias]
        for group, values in (("vars", passed.vars), ("secrets", passed.secrets)):
            declared = getattr(imported, group)
            for name in values:
                if name in declared:
                    place = document.span((*passed.path, group, name), key=True)
                    yield Occurrence(_variable(imported, group, declared[name]), place)


def _declaring(symbol: Symbol) -> Occurrence:
    return Occurrence(symbol, symbol.declaration, True)


def _in_unit(unit: Unit, module: Module) -> Iterator[Occurrence]:
    targets = [site.target for site in unit.call_sites()]
    for target in (*targets, *unit.references):
        yield from _target(target, module)
    named = _named_steps(unit)
    for step in steps_of(unit):
        if step.name is not None:
            yield _declaring(_step(unit, step))
        for number, name in enumerate(step.needs):
            if name in named:
                span = unit.document.scalar_span((*step.path, "needs", number), 0, len(name))
                yield Occurrence(_step(unit, named[name]), span)


def _named_steps(unit: Unit) -> Mapping[str, Step]:
    """The steps of a unit by their names; of several with one name, the first."""
    found: dict[str, Step] = {}
    for step in steps_of(unit):
        if step.name is not None:
            found.setdefault(step.name, step)
    return found


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
    steps = {unit: _named_steps(unit) for unit in units}
    for path, embedded in parse_template(body).expressions():
        unit = next((one for one in units if path[: len(one.path)] == one.path), None)
        for variable, name, start, end in _named(embedded.expr):
            if unit is not None and variable == "steps":
                step = steps[unit].get(name)
                symbol = None if step is None else _step(unit, step)
            else:
                symbol = _meant(variable, name, module)
            if symbol is not None:
                yield Occurrence(symbol, document.scalar_span(path, start, end))


def _named(expr: Expr) -> Iterator[tuple[str, str, int, int]]:
    """The fields that are read of variables, without those of macros, and their offsets."""
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
    """The variable and the field that a node reads, and the offsets of the field's name."""
    match node:
        case Select(operand=Ident() as variable, field=name):
            return variable, name, node.end - len(name), node.end
        case Index(operand=Ident() as variable, index=Literal(value=str(name)) as literal):
            return variable, name, literal.offset + 1, literal.end - 1
    return None


def _meant(variable: str, name: str, module: Module) -> Symbol | None:
    if variable in _GROUPS:
        declaration = getattr(module, variable).get(name)
        return None if declaration is None else _variable(module, variable, declaration)
    if variable == "resources":
        resource = module.resources.get(name)
        return None if resource is None else _resource(resource, module)
    return None


# Symbols -----------------------------------------------------------------------------------------


def _variable(module: Module, group: str, declaration: model.Declaration) -> Symbol:
    return Symbol(_GROUPS[group], declaration.span, declaration.name, declaration, module)


def _resource(resource: model.Resource, module: Module) -> Symbol:
    span = resource.document.scalar_span(
        (*resource.path, "metadata", "name"), 0, len(resource.name)
    )
    return Symbol("resource", span, resource.name, resource, module)


def _kind(definition: model.Definition, module: Module) -> Symbol:
    span = definition.document.scalar_span(("metadata", "name"), 0, len(definition.name))
    return Symbol("kind", span, definition.name, definition, module)


def _step(unit: Unit, step: Step) -> Symbol:
    assert step.name is not None
    span = unit.document.scalar_span((*step.path, "name"), 0, len(step.name))
    return Symbol("step", span, step.name, step, unit.module, unit)


def _imported(module: Module, alias: str) -> Symbol:
    """An import, declared where the imported module begins: at its Kernel.Module, if it has one."""
    imported = module.imports[alias]
    inner: list[model.Definition | model.Resource] = [*imported.definitions.values()]
    inner += imported.resources.values()
    document = imported.document or next((one.document for one in inner), None)
    path = ("metadata", "name")
    span = whole(str(imported.folder or "")) if document is None else document.span(path)
    return Symbol("import", span, alias, imported, module)

"""The type of a template: of each of its scalars, and of the whole.

A ``Check`` gives the type of one expression, and the findings in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, Final

from analyzer import types
from analyzer.expressions.checker import shown
from analyzer.findings.diagnostic import Diagnostic
from analyzer.findings.messages import k0_text
from analyzer.types import Type, members_of
from analyzer.types.operators import union_of_many
from kernel.cel import Expr, Scalar, TemplateTree
from kernel.cel.values import entries, entry
from kernel.errors import Path
from kernel.structs import struct

Check = Callable[[Expr], tuple[Type, tuple[Diagnostic, ...]]]

_WITHOUT_TEXT: Final = (types.List, types.Map, types.Record, types.Optional, types.TypeValue)


@struct(eq=False)
class Evaluation:
    """The types of a template, by the path of each scalar that holds CEL, and of the whole.

    ``found`` are the findings in its expressions, each with the path of its scalar. ``taken_by``
    are the types of places that were found to take it, where the evaluation is kept; else None.
    """

    tree: TemplateTree
    type: Type
    scalar_types: Mapping[Path, Type]
    found: tuple[tuple[Path, Diagnostic], ...]
    taken_by: list[Type] | None = None

    def type_at(self, path: Path) -> Type:
        """The type of the part of the structure at ``path``."""
        if () in self.scalar_types:
            return self.scalar_types[()]
        return _typed(reduce(entry, path, self.tree.structure), path, self.scalar_types)

    def part(self, path: Path) -> Evaluation:
        """The evaluation of a part of the structure, without its findings."""
        value = reduce(entry, path, self.tree.structure)
        length = len(path)
        scalars = {p[length:]: s for p, s in self.tree.scalars.items() if p[:length] == path}
        scalar_types = {p[length:]: t for p, t in self.scalar_types.items() if p[:length] == path}
        return Evaluation(TemplateTree(value, scalars, ()), self.type_at(path), scalar_types, ())


def evaluate(tree: TemplateTree, check: Check) -> Evaluation:
    """The types of all expressions of a template; nothing is known of one that does not parse."""
    if tree.errors:
        return Evaluation(tree, types.ERROR, {(): types.ERROR}, ())
    found: list[tuple[Path, Diagnostic]] = []
    scalar_types: dict[Path, Type] = {}
    for path, scalar in tree.scalars.items():
        scalar_types[path], diagnostics = _scalar(scalar, check)
        found += [(path, diagnostic) for diagnostic in diagnostics]
    return Evaluation(tree, _typed(tree.structure, (), scalar_types), scalar_types, tuple(found))


def _scalar(scalar: Scalar, check: Check) -> tuple[Type, list[Diagnostic]]:
    whole = scalar.whole
    if whole is not None:
        type_, found = check(whole.expr)
        return type_, list(found)
    diagnostics: list[Diagnostic] = []
    wrong = False
    for segment in scalar.segments:
        if isinstance(segment, str):
            continue
        type_, found = check(segment.expr)
        diagnostics += found
        textless = [one for one in members_of(type_) if isinstance(one, _WITHOUT_TEXT)]
        if textless:
            diagnostics.append(k0_text.not_text(segment.expr, shown(segment.expr), textless[0]))
        wrong = wrong or bool(textless) or isinstance(type_, types.Error)
    return types.ERROR if wrong else _text(scalar), diagnostics


def _text(scalar: Scalar) -> Type:
    """Text around an expression is there whatever the expression gives."""
    has_text = any(isinstance(one, str) for one in scalar.segments)
    return types.String(least=1) if has_text else types.STRING


_TEXT_ONLY: Final = frozenset({str})


def _typed(value: Any, path: Path, scalar_types: Mapping[Path, Type]) -> Type:
    known = scalar_types.get(path)
    if known is not None:
        return known
    if type(value) is dict or isinstance(value, Mapping):
        parts = [_typed(item, (*path, key), scalar_types) for key, item in entries(value)]
        if _TEXT_ONLY.issuperset(map(type, value)):
            return types.Record(tuple(zip(value, map(types.Field, parts), strict=True)))
        return types.Map(union_of_many(parts), union_of_many(map(constant, value)))
    if isinstance(value, list | tuple):
        elements = [_typed(item, (*path, index), scalar_types) for index, item in enumerate(value)]
        return types.List(union_of_many(elements), len(elements), len(elements))
    return constant(value)


def constant_structure(value: Any) -> Type:
    """The type of a literal structure."""
    return _typed(value, (), {})


def constant(value: Any) -> Type:
    """The type of a literal scalar."""
    match value:
        case None:
            return types.NULL
        case bool():
            return types.Bool(value)
        case int():
            return types.Int(value, value)
        case float():
            return types.Double(value, value)
        case str():
            return types.String(frozenset([value]))
    return types.STRING

"""What a template gives: the type of each of its scalars, and of the whole.

A judge says what is known of one expression: its type, and what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from analyzer.expressions.checker import shown
from analyzer.findings.diagnostic import Diagnostic
from analyzer.findings.messages import k0_text
from analyzer.types import (
    ERROR,
    NULL,
    STRING,
    Bool,
    Double,
    Error,
    Field,
    Int,
    List,
    Map,
    Optional,
    Record,
    String,
    Type,
    TypeValue,
    members_of,
)
from analyzer.types.operators import union_of_many
from kernel.cel import Expr, Scalar, TemplateTree
from kernel.errors import Path

Check = Callable[[Expr], tuple[Type, tuple[Diagnostic, ...]]]

_WITHOUT_TEXT: Final = (List, Map, Record, Optional, TypeValue)


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The types of a template, by the path of each scalar that holds CEL, and of the whole.

    ``found`` are the findings in its expressions, each with the path of its scalar.
    """

    tree: TemplateTree
    type: Type
    types: Mapping[Path, Type]
    found: tuple[tuple[Path, Diagnostic], ...]

    def type_at(self, path: Path) -> Type:
        """The type of the part of the structure at ``path``."""
        if () in self.types:
            return self.types[()]
        value = self.tree.structure
        for step in path:
            value = value[step]
        return _typed(value, path, self.types)

    def part(self, path: Path) -> Evaluation:
        """The evaluation of a part of the structure, without its findings."""
        value = self.tree.structure
        for step in path:
            value = value[step]
        length = len(path)
        scalars = {p[length:]: s for p, s in self.tree.scalars.items() if p[:length] == path}
        types = {p[length:]: t for p, t in self.types.items() if p[:length] == path}
        return Evaluation(TemplateTree(value, scalars, ()), self.type_at(path), types, ())


def evaluate(tree: TemplateTree, check: Check) -> Evaluation:
    """Judge every expression of a template; of one that does not parse nothing is known."""
    if tree.errors:
        return Evaluation(tree, ERROR, {(): ERROR}, ())
    found: list[tuple[Path, Diagnostic]] = []
    types: dict[Path, Type] = {}
    for path, scalar in tree.scalars.items():
        types[path], diagnostics = _scalar(scalar, check)
        found += [(path, diagnostic) for diagnostic in diagnostics]
    return Evaluation(tree, _typed(tree.structure, (), types), types, tuple(found))


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
        wrong = wrong or bool(textless) or isinstance(type_, Error)
    return ERROR if wrong else _text(scalar), diagnostics


def _text(scalar: Scalar) -> Type:
    """Text around an expression is there whatever the expression gives."""
    return String(least=1) if any(isinstance(one, str) for one in scalar.segments) else STRING


def _typed(value: Any, path: Path, types: Mapping[Path, Type]) -> Type:
    known = types.get(path)
    if known is not None:
        return known
    if type(value) is dict or isinstance(value, Mapping):
        parts = {key: _typed(item, (*path, key), types) for key, item in value.items()}
        if all(isinstance(key, str) for key in parts):
            return Record(tuple((key, Field(type_)) for key, type_ in parts.items()))
        return Map(union_of_many(parts.values()), union_of_many(map(constant, parts)))
    if isinstance(value, list | tuple):
        elements = [_typed(item, (*path, index), types) for index, item in enumerate(value)]
        return List(union_of_many(elements), len(elements), len(elements))
    return constant(value)


def constant(value: Any) -> Type:
    """The type of a literal scalar."""
    match value:
        case None:
            return NULL
        case bool():
            return Bool(value)
        case int():
            return Int(value, value)
        case float():
            return Double(value, value)
        case str():
            return String(frozenset([value]))
    return STRING

"""Calls with constants that their function refuses: a pattern, a format, a number too large."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from analyzer import types
from analyzer.expressions.checker import Checker
from analyzer.findings.messages import k3_names, k6_values
from analyzer.types.overloads import kinds
from kernel.cel import TABLE, Expr
from kernel.cel.budget import Budget, Limits
from kernel.cel.errors import Problem
from kernel.cel.functions import invoke
from kernel.cel.functions.formatting import clauses
from kernel.cel.functions.regex import compiled
from kernel.cel.tree import Call, ListLiteral, Literal

_PATTERNS: Final = frozenset({"matches", "regex.extract", "regex.extractAll", "regex.replace"})
_LIMITS: Final = Limits(steps=10_000, size=100_000)


def constants_fit(checker: Checker, expr: Call, parts: tuple[Expr, ...]) -> bool:
    """Report a constant that its function refuses."""
    name = expr.function
    if name in _PATTERNS and len(parts) > 1:
        pattern = parts[1]
        if (
            isinstance(pattern, Literal)
            and isinstance(pattern.value, str)
            and not _works(checker, pattern, lambda: _pattern(name, pattern.value))
        ):
            return False
    literal = [part for part in parts if isinstance(part, Literal)]
    values = [part.value for part in literal]
    if parts and len(literal) == len(parts):
        return _works(checker, expr, lambda: _called(expr, values))
    if name in _STAND_INS and parts[1:] and literal == [*parts[1:]]:
        return _works(checker, expr, lambda: _called(expr, [_STAND_INS[name](), *values]))
    if name == "format" and literal:
        return _works(checker, literal[0], lambda: clauses(values[0]))
    return True


def _called(expr: Call, values: list[Any]) -> Any:
    return invoke(Budget(_LIMITS), expr.function, expr.target is not None, values)


def _any_time() -> Any:
    return invoke(Budget(_LIMITS), "timestamp", False, ["2000-01-01T00:00:00Z"])


_STAND_INS: Final[Mapping[str, Callable[[], Any]]] = {
    "regex.replace": str,
    **{name: _any_time for name in TABLE if name.startswith("get")},
}
"""A first argument that the functions take which fail for what the others are."""


def _pattern(function: str, pattern: str) -> None:
    if compiled(pattern).groups > 1 and function.startswith("regex.extract"):
        raise Problem("bad-argument", "the pattern has more than one capture group")


def _works(checker: Checker, node: Expr, attempt: Callable[[], Any]) -> bool:
    try:
        attempt()
    except Problem as problem:
        if problem.reason == "overflow":
            checker.report(k6_values.int_overflow(node))
        elif problem.reason == "bad-argument":
            checker.report(k6_values.bad_literal(node, problem.message))
        else:
            return True
        return False
    return True


_NUMBERS: Final = frozenset({"int", "uint", "double"})
_FORMATTED: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys("dfe", _NUMBERS),
    **dict.fromkeys("xX", frozenset({"int", "uint", "string", "bytes"})),
    "o": frozenset({"int", "uint"}),
    "b": frozenset({"int", "uint", "bool"}),
}


def format_fits(checker: Checker, expr: Call) -> bool:
    """Report a clause of a constant format that does not take what is at its place in the list."""
    text, items = expr.args if expr.target is None else (expr.target, *expr.args)
    if not isinstance(text, Literal) or not isinstance(items, ListLiteral) or items.optional:
        checker.may_fail = True
        return True
    found = clauses(text.value)
    if len(found) > len(items.elements):
        message = f"the format has {len(found)} clauses, the list {len(items.elements)} elements"
        checker.report(k6_values.bad_literal(expr, message))
        return False
    return all(
        _clause_fits(checker, clause, node)
        for clause, node in zip(found, items.elements, strict=False)
    )


def _clause_fits(checker: Checker, clause: str, node: Expr) -> bool:
    wanted = _FORMATTED.get(clause)
    one = checker.node_types.get(id(node), types.Dyn())
    found = kinds(one)
    if found is None:
        is_unknown = wanted is not None and not isinstance(one, types.Error)
        checker.may_fail = checker.may_fail or is_unknown
    elif wanted is not None and not found <= wanted:
        checker.report(k3_names.no_overload(node, f"'%{clause}' of {one}", None))
        return False
    return True

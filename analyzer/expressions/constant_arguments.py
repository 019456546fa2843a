"""Calls with constants that their function refuses: a pattern, a format, a number too large."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from analyzer import types
from analyzer.expressions.checker import Checker
from analyzer.findings.messages import k3_names, k6_values
from analyzer.types.overloads import kinds
from kernel.cel import TABLE, Expr, compile, free_names
from kernel.cel.budget import Budget, Limits
from kernel.cel.errors import CelEvaluationError, Problem
from kernel.cel.functions import invoke
from kernel.cel.functions.formatting import clauses
from kernel.cel.functions.regex import compiled
from kernel.cel.tree import Call, Ident, ListLiteral, Literal, Select

_PATTERNS: Final = frozenset({"matches", "regex.extract", "regex.extractAll", "regex.replace"})
_LIMITS: Final = Limits(steps=10_000, size=100_000)

MAX_EVALUATED: Final = 500
"""A call without variables that is longer than that is not evaluated."""


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


def whole_works(checker: Checker, expr: Call, parts: tuple[Expr, ...]) -> bool:
    """Evaluate a call without variables; more than literals are operands of it."""
    if any(isinstance(part, Ident | Select) for part in parts):
        return True
    if expr.end - expr.offset > MAX_EVALUATED or free_names(expr):
        return True
    try:
        compile(expr, limits=_LIMITS).evaluate_by_reference({})
    except CelEvaluationError as error:
        return _told(checker, expr, error.reason, error.message)
    return True


_NATURAL: Final[Mapping[str, str]] = {
    "flatten": "the depth",
    "math.bitShiftLeft": "the number of bits to shift by",
    "math.bitShiftRight": "the number of bits to shift by",
}
"""The functions whose second argument may not be negative, and what it is."""


def ranges_fit(checker: Checker, expr: Call, args: tuple[types.Type, ...]) -> bool:
    """Report an argument whose values are all out of range."""
    name = expr.function
    if name == "uint" and isinstance(args[0], types.Int) and args[0].most < 0:
        checker.report(k6_values.int_overflow(expr))
        return False
    if name not in _NATURAL or len(args) < 2:
        return True
    count = args[1]
    if not isinstance(count, types.Int) or count.least < 0:
        checker.may_fail = True
    if isinstance(count, types.Int) and count.most < 0:
        checker.report(k6_values.bad_literal(expr, f"{_NATURAL[name]} is negative"))
        return False
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
        return _told(checker, node, problem.reason, problem.message)
    return True


def _told(checker: Checker, node: Expr, reason: str, message: str) -> bool:
    """Report why a call fails; True where that is found out elsewhere."""
    if reason == "overflow":
        checker.report(k6_values.int_overflow(node))
    elif reason == "bad-argument":
        checker.report(k6_values.bad_literal(node, message))
    else:
        return True
    return False


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

"""Quotients of ints, which lose what is behind the point (CEL specification, Arithmetic)."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer import types
from analyzer.expressions.checker import UNNAMED, shown
from analyzer.findings.diagnostic import Fix
from analyzer.types import Type, members_of
from kernel.cel import Expr, tree


def quotients(expr: Expr) -> Iterator[tree.Binary]:
    """The divisions of which an expression gives one, as it is or with another sign."""
    match expr:
        case tree.Binary(operator="/"):
            yield expr
        case tree.Unary(operator="-"):
            yield from quotients(expr.operand)
        case tree.Conditional():
            yield from quotients(expr.then)
            yield from quotients(expr.otherwise)


def is_int(type_: Type | None) -> bool:
    """Whether values of a type are ints for sure."""
    return type_ is not None and all(isinstance(one, types.Int) for one in members_of(type_))


def is_double(type_: Type) -> bool:
    """Whether a place takes doubles, and no ints as they are."""
    kinds = [one for one in members_of(type_) if not isinstance(one, types.Null)]
    return bool(kinds) and all(isinstance(one, types.Double) for one in kinds)


def as_doubles(expr: tree.Binary) -> Fix | None:
    """The same division of doubles; None where an operand has no name to write."""
    left, right = (_as_double(one) for one in (expr.left, expr.right))
    if left is None or right is None:
        return None
    return Fix("divide doubles", expr.left.offset, expr.right.end, f"{left} / {right}")


def _as_double(expr: Expr) -> str | None:
    if isinstance(expr, tree.Literal):
        return f"{expr.value}.0"
    if isinstance(expr, tree.Call) and expr.function == "size":
        parts = (*expr.args, *(() if expr.target is None else (expr.target,)))
        text = shown(parts[0])
        return None if text.startswith(UNNAMED) else f"double(size({text}))"
    text = shown(expr)
    return None if text.startswith(UNNAMED) else f"double({text})"

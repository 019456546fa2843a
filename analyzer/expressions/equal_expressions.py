"""Keys of expressions: equal for equal expressions, wherever they stand."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from typing import Any

from kernel.cel import Expr
from kernel.cel.tree import Call, Literal


def expression_key(value: Any) -> Any:
    """The parts of an expression without their offsets."""
    kind: Any = type(value)
    if kind is tuple:
        return tuple(map(expression_key, value))
    if kind is Literal:
        return (Literal, type(value.value), repr(value.value))
    if kind is Call and (sized := sized_expr(value)) is not None:
        return (kind, "size", expression_key(sized))
    if hasattr(value, "offset"):
        return (kind, *[expression_key(getattr(value, name)) for name in _parts(kind)])
    return value


@lru_cache(maxsize=64)
def _parts(kind: Any) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind) if one.name not in ("offset", "end"))


def sized_expr(expr: Expr) -> Expr | None:
    """The ``l`` of ``size(l)`` and of ``l.size()``."""
    if not isinstance(expr, Call) or expr.function != "size":
        return None
    parts = expr.args if expr.target is None else (expr.target, *expr.args)
    return parts[0] if len(parts) == 1 else None

"""Whether an optional certainly has a value, so that ``value()`` gives it (CEL, Optional types)."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.expressions.facts import AccessPath, Facts, holds_value, path_of, type_at
from analyzer.types import List, Type, members_of
from analyzer.types.members import member
from kernel.cel import Expr
from kernel.cel.tree import Call, Index, Literal, Select


def has_value(expr: Expr, facts: Facts, types: Mapping[int, Type]) -> bool:
    """Whether an optional has a value, by the form of the expression or by the facts.

    ``types`` are those of the nodes inside, by ``id``.
    """
    if holds_value(expr, facts):
        return True
    if isinstance(expr, Call):
        return _is_full(expr, facts, types)
    return isinstance(expr, Select | Index) and _is_there(expr, facts, types)


def _is_full(expr: Call, facts: Facts, types: Mapping[int, Type]) -> bool:
    if expr.function in ("first", "last"):
        return _is_longer(types.get(id(expr.target)), 0)
    if expr.function == "or" and expr.target is not None:
        return any(has_value(one, facts, types) for one in (expr.target, *expr.args))
    return expr.function == "optional.of"


def _is_there(expr: Select | Index, facts: Facts, types: Mapping[int, Type]) -> bool:
    path = path_of(expr, facts)
    if path is not None and (path in facts.known or _is_certain(path, facts)):
        return True
    step = expr.field if isinstance(expr, Select) else _literal(expr.index)
    owner = types.get(id(expr.operand))
    if isinstance(step, int):
        return _is_longer(owner, step)
    return owner is not None and step is not None and _has(owner, step)


def _is_certain(path: AccessPath, facts: Facts) -> bool:
    """Whether each field on a path is there, however optional the way to it is written."""
    return all(
        isinstance(step, str) and _has(type_at(path[:count], facts), step)
        for count, step in enumerate(path[1:], 1)
    )


def _has(type_: Type, name: str) -> bool:
    return all(member(one, name).presence == "certain" for one in members_of(type_))


def _literal(index: Expr) -> str | int | None:
    value = index.value if isinstance(index, Literal) else None
    return value if type(value) in (str, int) else None


def _is_longer(type_: Type | None, position: int) -> bool:
    found = () if type_ is None else members_of(type_)
    return all(isinstance(one, List) and one.least > position for one in found) and bool(found)

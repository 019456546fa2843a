"""Numbers that are the sizes of lists beside them (``x-kernel-same-length``)."""

from __future__ import annotations

from analyzer.expressions.facts import Facts, plain_path, type_at
from analyzer.types import Record, Type, members_of
from kernel.cel import Expr
from kernel.cel.tree import Call, Select


def size_that_is(expr: Expr, facts: Facts) -> Expr | None:
    """The size of the list that a field of a record is the number of elements of."""
    if type(expr) is not Select:
        return None
    owner = None if expr.optional else plain_path(expr.operand, facts)
    if owner is None:
        return None
    found = {_listed(one, expr.field) for one in members_of(type_at(owner, facts))}
    if len(found) != 1 or (name := found.pop()) is None:
        return None
    whole = Select(expr.offset, expr.end, expr.operand, name, False)
    return Call(expr.offset, expr.end, "size", whole, ())


def _listed(type_: Type, field: str) -> str | None:
    return dict(type_.lengths).get(field) if isinstance(type_, Record) else None

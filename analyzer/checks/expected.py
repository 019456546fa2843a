"""Fields that need a value of one type: conditions, lists, texts (K402, K601, K602)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from analyzer import types
from analyzer.checks.unit_check import UnitCheck
from analyzer.expressions.checker import shown
from analyzer.expressions.templates import Evaluation
from analyzer.findings.messages import k4_types, k5_presence, k6_values
from analyzer.types import Type, without
from kernel.cel import Expr
from kernel.errors import Path

_REQUIRED: Final = frozenset({"required"})

Fits = Callable[[Type], bool]
"""Whether a field takes the values of a type that is no union."""


def _of(*kinds: type[Type]) -> Fits:
    return lambda one: isinstance(one, kinds)


def _is_asking(one: Type) -> bool:
    return isinstance(one, types.Bool) or (
        isinstance(one, types.String) and one.literals == _REQUIRED
    )


def _is_filled(one: Type) -> bool:
    """Whether a text is not known to be empty; an empty one of a few was written on purpose."""
    return isinstance(one, types.String) and "" not in (one.literals or ())


EXPECTED: Final[dict[str, Fits]] = {
    "a bool": _of(types.Bool),
    "`required` or a bool": _is_asking,
    "a list": _of(types.List),
    "a number": _of(types.Int, types.UInt, types.Double),
    "a string": _of(types.String),
    "a string that is not empty": _is_filled,
    "a string or an int": _of(types.String, types.Int, types.Null),
    "a string or null": _of(types.String, types.Null),
}
"""What a field takes, in words, and whether a type is that."""


def expect(check: UnitCheck, value: Evaluation, field: str, wanted: str, path: Path) -> bool:
    """Whether a field takes a value; a finding if not."""
    type_ = value.type
    check_fits = EXPECTED[wanted]
    add = without(type_, lambda one: isinstance(one, types.Dyn | types.Error) or check_fits(one))
    if isinstance(add, types.Never):
        return True
    expr = whole_expression(value)
    if expr is None:
        check.add(k4_types.field_of_type(field, wanted, type_), path)
    elif add == types.NULL and type_ != types.NULL:
        check.add_diagnostic(k5_presence.nullable_unguarded(expr, shown(expr)), path)
    else:
        check.add_diagnostic(k4_types.slot_type(expr, field, wanted, type_), path)
    return False


def check_constant(
    check: UnitCheck, value: Evaluation, path: Path, alone: Callable[[Expr], Type] | None = None
) -> None:
    """Report a condition that is always the same, by itself or by the conditions around it.

    ``alone`` gives the type of an expression without regard to the conditions around it.
    """
    type_ = value.type
    expr = whole_expression(value)
    if not isinstance(type_, types.Bool) or type_.literal is None or value.found:
        return
    if expr is None:
        check.add(k6_values.constant_field(type_.literal), path)
        return
    itself = type_ if alone is None else alone(expr)
    if isinstance(itself, types.Bool) and itself.literal is not None:
        check.add_diagnostic(k6_values.constant_condition(expr, type_.literal), path)
    elif type_.literal is False:
        check.add_diagnostic(k6_values.unreachable(expr, "this is never true"), path)


def whole_expression(value: Evaluation) -> Expr | None:
    """The expression that the whole template is, or the first of several."""
    scalar = value.tree.scalars.get(())
    if scalar is None:
        return None
    if scalar.whole is not None:
        return scalar.whole.expr
    return next(one for one in scalar.segments if not isinstance(one, str)).expr

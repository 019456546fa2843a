"""Ranges of doubles: of arithmetic, of conversions; and the values that JSON has not."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Final

from analyzer.types.algebra import DOUBLE, Double, Type, Union

NAN: Final = Double(math.inf, -math.inf)
"""What is not a number: no number lies within these bounds, which say nothing about NaN."""


def nearest_double(bound: float) -> float:
    """The double nearest to a number."""
    try:
        return float(bound)
    except OverflowError:
        return math.inf if bound > 0 else -math.inf


def is_never_json(type_: Type) -> bool:
    """Whether all values are infinite or not a number, which JSON has not."""
    return isinstance(type_, Double) and (type_.least == math.inf or type_.most == -math.inf)


def double_arithmetic(symbol: str, left: Type, right: Type) -> Type:
    """The range of an operation on two doubles."""
    if not isinstance(left, Double) or not isinstance(right, Double) or NAN in (left, right):
        return DOUBLE
    ends = (left.least, left.most), (right.least, right.most)
    combine = _COMBINED.get(symbol)
    if combine is None:
        return DOUBLE
    is_point = left.least == left.most and right.least == right.most
    if symbol == "/" and not is_point and right.least <= 0 <= right.most:
        return DOUBLE
    if symbol == "/" and is_point and right.least == 0 and left.least != 0:
        # A range does not tell the two zeros apart.
        return Union((Double(-math.inf, -math.inf), Double(math.inf, math.inf)))
    found = [combine(a, b) for a in ends[0] for b in ends[1]]
    if any(map(math.isnan, found)):
        return NAN if is_point else DOUBLE
    return Double(min(found), max(found))


def _quotient(left: float, right: float) -> float:
    """As IEEE 754 has it, where Python raises."""
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1, right)


_COMBINED: Final[dict[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _quotient,
}

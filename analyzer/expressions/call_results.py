"""What calls give beyond what their overloads say, from the types of the arguments alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeGuard

from analyzer import types
from analyzer.lowering.by_kind import JSON_MOST
from analyzer.types import Type, members_of, resolved, union
from analyzer.types.doubles import nearest_double
from analyzer.types.operators import (
    flattened,
    int_within,
    possible_size,
    union_of_many,
    with_size_of,
)

Types = tuple[Type, ...]
Result = Callable[[Types, Type], Type]
"""The type of a result, for the types of the arguments and what the overload gives."""


def _size(args: Types, given: Type) -> Type:
    return union(map(possible_size, members_of(args[0])))


def _with_size(keep_least: bool, args: Types, given: Type) -> Type:
    return with_size_of(args[0], given, keep_least)


def _flatten(args: Types, given: Type) -> Type:
    depth = _constant(args[1]) if len(args) > 1 else 1
    if depth is None or depth > 10:
        return types.List(types.Dyn("the depth is not known"))
    lists = [one for one in members_of(args[0]) if isinstance(one, types.List)]
    return types.List(union(flattened(one.element, depth) for one in lists))


def _constant(type_: Type) -> int | None:
    return type_.least if isinstance(type_, types.Int) and type_.least == type_.most else None


def _double(args: Types, given: Type) -> Type:
    """A whole number becomes the double that is nearest; a text may be any."""
    number = resolved(args[0])
    if isinstance(number, types.Int):
        return types.Double(nearest_double(number.least), nearest_double(number.most))
    return number if isinstance(number, types.Double) else given


def _of_numbers(change: Callable[[float], float], args: Types, given: Type) -> Type:
    """What a function that never falls gives of the least and the greatest number."""
    return union(_between(one, change) or given for one in members_of(args[0]))


def _between(type_: Type, change: Callable[[float], float]) -> Type | None:
    if not _is_range(type_):
        return None
    least, most = change(type_.least), change(type_.most)
    if isinstance(type_, types.Int):
        return types.Int(int(least), int(most))
    return types.Double(float(least), float(most))


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)


def _whole(change: Callable[[float], int]) -> Callable[[float], float]:
    """The same for infinite numbers, which stay as they are."""
    return lambda number: change(number) if math.isfinite(number) else number


def _rounded(args: Types, given: Type) -> Type:
    """A half is rounded up or down."""
    number = args[0]
    if not isinstance(number, types.Double) or not number.least <= number.most:
        return given
    least, most = _whole(math.floor)(number.least), _whole(math.ceil)(number.most)
    return types.Double(float(least), float(most))


def _root(args: Types, given: Type) -> Type:
    number = args[0]
    if isinstance(number, types.Double) and 0 <= number.least <= number.most:
        return types.Double(math.sqrt(number.least), math.sqrt(number.most))
    return given


def _absolute(args: Types, given: Type) -> Type:
    return union(_absolute_of(one) or given for one in members_of(args[0]))


def _absolute_of(type_: Type) -> Type | None:
    if not _is_range(type_):
        return None
    least, most = sorted((abs(type_.least), abs(type_.most)))
    least = 0 if type_.least <= 0 <= type_.most else least
    if isinstance(type_, types.Int):
        return types.Int(int(least), int(most))
    return types.Double(float(least), float(most))


def _whole_number(args: Types, given: Type) -> Type:
    """A whole number stays as it is, of 64 bits or not; a double loses what is behind the point."""
    found = [_as_int(one) for one in members_of(args[0])]
    known = [one for one in found if one is not None]
    return union(known) if len(known) == len(found) else given


def _as_int(type_: Type) -> Type | None:
    if isinstance(type_, types.Double) and math.isfinite(type_.least + type_.most):
        return int_within(math.trunc(type_.least), math.trunc(type_.most))
    return type_ if isinstance(type_, types.Int) else None


def extreme(args: Types, given: Type, greatest: bool) -> Type:
    """The greatest or the least of some numbers is one of them, and not beyond any."""
    numbers = [[one for one in members_of(arg) if _is_range(one)] for arg in args]
    every = all(_is_range(one) for arg in args for one in members_of(arg))
    if not numbers or not all(numbers) or not every:
        return given
    if greatest:
        bound = max(min(one.least for one in found) for found in numbers)
    else:
        bound = min(max(one.most for one in found) for found in numbers)
    return union_of_many(_within(one, bound, greatest) for found in numbers for one in found)


def _is_range(type_: Type) -> TypeGuard[types.Int | types.Double]:
    return isinstance(type_, types.Int | types.Double) and type_.least <= type_.most


def _within(type_: types.Int | types.Double, bound: float, greatest: bool) -> Type:
    """The numbers that are not less, or not greater, than a bound."""
    least, most = (max(type_.least, bound), type_.most)
    if not greatest:
        least, most = (type_.least, min(type_.most, bound))
    if least > most:
        return types.NEVER
    if isinstance(type_, types.Double):
        return types.Double(nearest_double(least), nearest_double(most))
    first, last = math.ceil(least), math.floor(most)
    return types.Int(first, last) if first <= last else types.NEVER


def _part_of_time(least: int, most: int, args: Types, given: Type) -> Type:
    """A part of a moment is within the calendar; that of a span of time is a number of any size."""
    return types.Int(least, most) if _is_moment(args[0]) else given


def _string(args: Types, given: Type) -> Type:
    """A moment is written with its date, its time and its zone."""
    return types.String(least=20) if _is_moment(args[0]) else given


def _is_moment(type_: Type) -> bool:
    found = members_of(type_)
    return bool(found) and all(isinstance(one, types.Timestamp) for one in found)


def _or_value(args: Types, given: Type) -> Type:
    """What stands in for the value is evaluated where it is needed only: it may always fail."""
    if not isinstance(args[1], types.Never):
        return given
    return union(one.value for one in members_of(args[0]) if isinstance(one, types.Optional))


def _or(args: Types, given: Type) -> Type:
    return args[0] if isinstance(args[1], types.Never) else given


def _bits(args: Types, given: Type) -> Type:
    """Bits are not cut off from a number of JSON that has more than 64 of them."""
    is_wide = any(isinstance(one, types.Int) and not _is_64_bits(one) for one in args)
    return types.Int(-2 * JSON_MOST, 2 * JSON_MOST) if is_wide else given


def _is_64_bits(type_: types.Int) -> bool:
    return type_.least >= types.INT_MIN and type_.most <= types.INT_MAX


def _of_non_zero(args: Types, given: Type) -> Type:
    """The optional never holds null."""
    return types.Optional(types.without_null(args[0]))


def _range(args: Types, given: Type) -> Type:
    count = args[0]
    if not isinstance(count, types.Int):
        return types.List(types.Int(0))
    least, most = max(0, count.least), max(0, count.most)
    return types.List(types.Int(0, max(0, most - 1)), least, most)


def _split(args: Types, given: Type) -> Type:
    """A separator that is not empty gives one part at least."""
    is_filled = isinstance(args[1], types.String) and possible_size(args[1]).least > 0
    return types.List(types.STRING, 1 if is_filled and len(args) == 2 else 0)


_PARTS_OF_TIME: Final = {
    "getMonth": (0, 11),
    "getDate": (1, 31),
    "getDayOfMonth": (0, 30),
    "getDayOfWeek": (0, 6),
    "getDayOfYear": (0, 365),
    "getHours": (0, 23),
    "getMinutes": (0, 59),
    "getSeconds": (0, 59),
    "getMilliseconds": (0, 999),
}
RESULTS: Final[Mapping[str, Result]] = {
    "size": _size,
    "sort": partial(_with_size, True),
    "reverse": partial(_with_size, True),
    "distinct": partial(_with_size, False),
    "flatten": _flatten,
    "optional.ofNonZeroValue": _of_non_zero,
    "int": _whole_number,
    "math.ceil": partial(_of_numbers, _whole(math.ceil)),
    "math.floor": partial(_of_numbers, _whole(math.floor)),
    "math.trunc": partial(_of_numbers, _whole(math.trunc)),
    "math.round": _rounded,
    "math.sign": partial(_of_numbers, _sign),
    "math.sqrt": _root,
    "double": _double,
    "string": _string,
    "math.abs": _absolute,
    "or": _or,
    "orValue": _or_value,
    "lists.range": _range,
    "split": _split,
    **dict.fromkeys(("math.bitAnd", "math.bitOr", "math.bitXor", "math.bitNot"), _bits),
    **{name: partial(_part_of_time, *bounds) for name, bounds in _PARTS_OF_TIME.items()},
}
"""The functions of which more is known than their overloads say."""

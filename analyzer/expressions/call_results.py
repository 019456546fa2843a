"""What calls give beyond what their overloads say, from the types of the arguments alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from analyzer import types
from analyzer.lowering.by_kind import JSON_MOST, nearest_double
from analyzer.types import Type, members_of, resolved, union
from analyzer.types.operators import flattened, possible_size, with_size_of

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


def same_number(args: Types, given: Type) -> Type:
    """A number is given back as it is, one of JSON with more than 64 bits too."""
    return union(args) if all(isinstance(one, types.Int) for one in args) else given


def _double(args: Types, given: Type) -> Type:
    """A whole number becomes the double that is nearest; a text may be any."""
    number = resolved(args[0])
    if isinstance(number, types.Int):
        return types.Double(nearest_double(number.least), nearest_double(number.most))
    return number if isinstance(number, types.Double) else given


def _absolute(args: Types, given: Type) -> Type:
    number = resolved(args[0])
    if not isinstance(number, types.Int):
        return given
    least = 0 if number.least <= 0 <= number.most else min(abs(number.least), abs(number.most))
    return types.Int(least, max(abs(number.least), abs(number.most)))


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
    "int": same_number,
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

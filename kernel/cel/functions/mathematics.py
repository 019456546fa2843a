"""The math extension."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from kernel.cel.budget import Budget
from kernel.cel.errors import Problem
from kernel.cel.functions.table import Function, Overload, charged, library, on
from kernel.cel.operations import NUMBERS, less, no_overload
from kernel.cel.values import INT_MAX, INT_MIN, UINT_MAX, UInt, integer, type_name, unsigned

_math = library("math")


def _extreme(name: str, better: Callable[[Budget, Any, Any], bool]) -> Callable[..., Any]:
    """A function that gives the best of some numbers; of equal ones, the first; NaN if one is."""

    def choose(budget: Budget, *args: Any) -> Any:
        numbers = args[0] if len(args) == 1 and type_name(args[0]) == "list" else args
        budget.spend(len(numbers))
        if not numbers:
            raise Problem("bad-argument", f"{name}() of an empty list")
        best = numbers[0]
        for number in numbers:
            if type_name(number) not in NUMBERS:
                raise no_overload(name, tuple(numbers)[:8])
            # NaN is neither less nor greater than a number: what came first would decide.
            if _is_nan(number) or (not _is_nan(best) and better(budget, number, best)):
                best = number
        return best

    return choose


def _is_nan(number: Any) -> bool:
    return isinstance(number, float) and math.isnan(number)


def _extremes(name: str, better: Callable[[Budget, Any, Any], bool]) -> tuple[Overload, ...]:
    choose = _extreme(name, better)
    return (
        charged("(int...) -> int", choose),
        charged("(uint...) -> uint", choose),
        charged("(double...) -> double", choose),
        charged("(list(T)) -> T", choose),
        charged("(dyn...) -> dyn", choose),
    )


def _round(value: float) -> float:
    if not math.isfinite(value):
        return value
    # Half away from zero; adding 0.5 first would round 0.49999999999999994 up.
    whole = math.trunc(value)
    step = math.copysign(1.0, value) if abs(value - whole) >= 0.5 else 0.0
    return math.copysign(abs(whole + step), value)


def _whole(function: Callable[[float], int]) -> Callable[[float], float]:
    def apply(value: float) -> float:
        return math.copysign(function(value), value) if math.isfinite(value) else value

    return apply


def _sign(value: float) -> float:
    if math.isnan(value):
        return value
    return float((value > 0) - (value < 0))


def _square_root(value: float) -> float:
    return math.sqrt(value) if value >= 0 else math.nan


def _shift(name: str, doc: str, example: str, of: Callable[[int, int], int]) -> Function:
    def shifted(value: int, count: int) -> int:
        if count < 0:
            raise Problem("bad-argument", "the number of bits to shift by is negative")
        return of(int(value) & UINT_MAX, count) if count < 64 else 0

    signed = on("(int, int) -> int", lambda value, count: _signed(shifted(value, count)))
    unsigned = on("(uint, int) -> uint", lambda value, count: UInt(shifted(value, count)))
    return _math(name, doc, example, signed, unsigned)


def _signed(bits: int) -> int:
    return bits if bits <= INT_MAX else bits + 2 * INT_MIN


def _bits(name: str, doc: str, example: str, of: Callable[[int, int], int]) -> Function:
    return _math(
        name,
        doc,
        example,
        on("(int, int) -> int", of),
        on("(uint, uint) -> uint", lambda a, b: UInt(of(int(a), int(b)))),
    )


def _of_double(
    name: str, doc: str, example: str, of: Callable[[float], Any], result: str = "double"
) -> Function:
    return _math(name, doc, example, on(f"(double) -> {result}", of))


FUNCTIONS: Final = (
    _math(
        "math.greatest",
        "The greatest of the numbers, or of those in a list; NaN if one is.",
        "math.greatest(1, 2.5, 2u) == 2.5",
        *_extremes("math.greatest", lambda budget, a, b: less(budget, b, a)),
    ),
    _math(
        "math.least",
        "The least of the numbers, or of those in a list; NaN if one is.",
        "math.least([3, 1, 2]) == 1",
        *_extremes("math.least", less),
    ),
    _of_double(
        "math.ceil", "The least whole number not below.", "math.ceil(1.2) == 2.0", _whole(math.ceil)
    ),
    _of_double(
        "math.floor",
        "The greatest whole number not above.",
        "math.floor(-1.2) == -2.0",
        _whole(math.floor),
    ),
    _of_double(
        "math.round",
        "The nearest whole number, half away from zero.",
        "math.round(-1.5) == -2.0",
        _round,
    ),
    _of_double(
        "math.trunc",
        "The number without its fraction.",
        "math.trunc(-1.3) == -1.0",
        _whole(math.trunc),
    ),
    _of_double(
        "math.isNaN", "Whether it is not a number.", "math.isNaN(0.0 / 0.0)", math.isnan, "bool"
    ),
    _of_double(
        "math.isInf", "Whether it is an infinity.", "math.isInf(1.0 / 0.0)", math.isinf, "bool"
    ),
    _of_double(
        "math.isFinite",
        "Whether it is neither an infinity nor NaN.",
        "math.isFinite(1.2)",
        math.isfinite,
        "bool",
    ),
    _math(
        "math.abs",
        "The number without its sign.",
        "math.abs(-1) == 1",
        on("(int) -> int", lambda value: integer(abs(value))),
        on("(uint) -> uint", lambda value: value),
        on("(double) -> double", abs),
    ),
    _math(
        "math.sign",
        "-1, 0 or 1, in the type of the number.",
        "math.sign(-42) == -1",
        on("(int) -> int", lambda value: (value > 0) - (value < 0)),
        on("(uint) -> uint", lambda value: UInt(value > 0)),
        on("(double) -> double", _sign),
    ),
    _math(
        "math.sqrt",
        "The square root; NaN of a negative number.",
        "math.sqrt(81) == 9.0",
        on("(double) -> double", _square_root),
        on("(int) -> double", _square_root),
        on("(uint) -> double", _square_root),
    ),
    _bits("math.bitAnd", "The bits set in both.", "math.bitAnd(3, 5) == 1", lambda a, b: a & b),
    _bits("math.bitOr", "The bits set in either.", "math.bitOr(1, 2) == 3", lambda a, b: a | b),
    _bits("math.bitXor", "The bits set in one.", "math.bitXor(3, 5) == 6", lambda a, b: a ^ b),
    _math(
        "math.bitNot",
        "The bits that are not set, of 64.",
        "math.bitNot(1) == -2",
        on("(int) -> int", lambda value: ~value),
        on("(uint) -> uint", lambda value: unsigned(UINT_MAX - int(value))),
    ),
    _shift(
        "math.bitShiftLeft",
        "The 64 bits shifted to the left.",
        "math.bitShiftLeft(1, 2) == 4",
        lambda bits, count: (bits << count) & UINT_MAX,
    ),
    _shift(
        "math.bitShiftRight",
        "The 64 bits shifted to the right; zeros come in from the left.",
        "math.bitShiftRight(1024, 2) == 256",
        lambda bits, count: bits >> count,
    ),
)

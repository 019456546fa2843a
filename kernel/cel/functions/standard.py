"""The operators and the standard functions (CEL specification, Standard Definitions)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from operator import add, sub
from typing import Any, Final

from kernel.cel import operations as op
from kernel.cel.budget import Budget
from kernel.cel.errors import Problem
from kernel.cel.functions import regex, times
from kernel.cel.functions.formatting import plain_double
from kernel.cel.functions.table import Function, charged, library, on
from kernel.cel.values import (
    INT_MAX,
    INT_MIN,
    TYPES,
    UINT_MAX,
    Type,
    UInt,
    described,
    duration,
    integer,
    native,
    timestamp,
    type_name,
    unsigned,
)

_standard = library("standard")


def _time(combine: Callable[[int, int], int], of: Callable[[int], Any]) -> Callable[..., Any]:
    """The sum or difference of two times, as a timestamp or as a duration."""
    return lambda a, b: of(combine(native(a).nanoseconds, native(b).nanoseconds))


def _contains_key(budget: Budget, key: Any, mapping: Any) -> bool:
    budget.spend(1)
    if type_name(key) not in op.LOOKED_UP:
        raise op.no_overload("_in_", (key, mapping))
    return op.contains_key(budget, mapping, key)


def type_of(value: Any) -> Type:
    """The type of a value as a value."""
    name = type_name(value)
    if name not in TYPES:
        raise Problem("bad-argument", f"a {described(value)} is not a value of the language")
    return TYPES[name]


def _int_of_double(value: float) -> int:
    # The bounds are exclusive: see the specification, Overflow.
    if not float(INT_MIN) < value < float(INT_MAX):
        raise Problem("overflow", "the double does not fit in int (64 bits)")
    return int(value)


def _uint_of_double(value: float) -> UInt:
    if not -1.0 < value < float(UINT_MAX):
        raise Problem("overflow", "the double does not fit in uint (64 bits)")
    return unsigned(int(value))


_INT_TEXT = re.compile(r"[-+]?[0-9]{1,30}")
_DOUBLE_TEXT = re.compile(
    r"[-+]?(?:(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][-+]?[0-9]++)?|NaN|[Ii]nf(?:inity)?)"
)
_MAX_NUMBER_LENGTH: Final = 400


def _int_of_string(text: str) -> int:
    if not _INT_TEXT.fullmatch(text):
        raise Problem("bad-argument", "the string is not an integer of 64 bits")
    return integer(int(text))


def _uint_of_string(text: str) -> UInt:
    if not _INT_TEXT.fullmatch(text) or text[0] in "+-":
        raise Problem("bad-argument", "the string is not an unsigned integer of 64 bits")
    return unsigned(int(text))


def _double_of_string(text: str) -> float:
    if len(text) > _MAX_NUMBER_LENGTH or not _DOUBLE_TEXT.fullmatch(text):
        raise Problem("bad-argument", "the string is not a number")
    return float(text)


_BOOLS: Final = {
    **dict.fromkeys(("1", "t", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "false", "FALSE", "False"), False),
}


def _bool_of_string(text: str) -> bool:
    if text not in _BOOLS:
        raise Problem("bad-argument", "the string is neither true nor false")
    return _BOOLS[text]


def _double_text(value: float) -> str:
    """The shortest digits that read back as the double: ``1``, ``-0.0045``, ``NaN``, ``+Inf``."""
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return plain_double(value)


def _string_of_bytes(budget: Budget, value: bytes) -> str:
    budget.copy(len(value))
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Problem("bad-argument", "the bytes are not UTF-8 text") from None


def _bytes_of_string(budget: Budget, text: str) -> bytes:
    budget.copy(len(text))
    return regex.encoded(text)


def _same(value: Any) -> Any:
    return value


def _contains(budget: Budget, text: str, part: str) -> bool:
    budget.read(len(text))
    return part in text


_COMPARED: Final = ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration")
_ORDERED: Final = [(kind, kind) for kind in _COMPARED] + [
    (a, b) for a in ("int", "uint", "double") for b in ("int", "uint", "double") if a != b
]


def _order(name: str, doc: str, example: str, implementation: Any) -> Function:
    overloads = tuple(charged(f"({a}, {b}) -> bool", implementation) for a, b in _ORDERED)
    return _standard(name, doc, example, *overloads)


def _not_greater(budget: Budget, a: Any, b: Any) -> bool:
    return op.less(budget, a, b) or op.equal(budget, a, b)


OPERATORS: Final = (
    _standard(
        "_+_",
        "The sum of two numbers of one type or two times; two strings, bytes or lists joined.",
        "1 + 2 == 3 && 'a' + 'b' == 'ab'",
        on("(int, int) -> int", lambda a, b: integer(a + b)),
        on("(uint, uint) -> uint", lambda a, b: unsigned(int(a) + int(b))),
        on("(double, double) -> double", lambda a, b: a + b),
        charged("(string, string) -> string", op.join),
        charged("(bytes, bytes) -> bytes", op.join),
        charged("(list(T), list(T)) -> list(T)", op.join_lists),
        on("(timestamp, duration) -> timestamp", _time(add, timestamp)),
        on("(duration, timestamp) -> timestamp", _time(add, timestamp)),
        on("(duration, duration) -> duration", _time(add, duration)),
    ),
    _standard(
        "_-_",
        "The difference of two numbers of one type, or of two times.",
        "3 - 2 == 1",
        on("(int, int) -> int", lambda a, b: integer(a - b)),
        on("(uint, uint) -> uint", lambda a, b: unsigned(int(a) - int(b))),
        on("(double, double) -> double", lambda a, b: a - b),
        on("(timestamp, timestamp) -> duration", _time(sub, duration)),
        on("(timestamp, duration) -> timestamp", _time(sub, timestamp)),
        on("(duration, duration) -> duration", _time(sub, duration)),
    ),
    _standard(
        "_*_",
        "The product of two numbers of one type.",
        "2 * 3 == 6",
        on("(int, int) -> int", lambda a, b: integer(a * b)),
        on("(uint, uint) -> uint", lambda a, b: unsigned(int(a) * int(b))),
        on("(double, double) -> double", lambda a, b: a * b),
    ),
    _standard(
        "_/_",
        "The quotient of two numbers of one type; of integers, cut towards zero.",
        "7 / 2 == 3 && -7 / 2 == -3",
        on("(int, int) -> int", op.divide),
        on("(uint, uint) -> uint", op.divide_unsigned),
        on("(double, double) -> double", op.divide_doubles),
    ),
    _standard(
        "_%_",
        "The remainder of two integers of one type; it has the sign of the left one.",
        "7 % 2 == 1 && -7 % 2 == -1",
        on("(int, int) -> int", op.remainder),
        on("(uint, uint) -> uint", lambda a, b: unsigned(op.remainder(int(a), int(b)))),
    ),
    _standard(
        "-_",
        "The negative of an int or a double.",
        "-(1) == 0 - 1",
        on("(int) -> int", lambda a: integer(-a)),
        on("(double) -> double", lambda a: -a),
    ),
    _standard(
        "!_", "True for false, false for true.", "!false", on("(bool) -> bool", lambda a: not a)
    ),
    _standard(
        "_==_",
        "Whether two values are equal: numbers by value, other values of one type by content.",
        "1 == 1.0 && [1] == [1u] && !(1 == '1')",
        charged("(A, B) -> bool", op.equal),
    ),
    _standard(
        "_!=_",
        "Whether two values are not equal.",
        "1 != 2",
        charged("(A, B) -> bool", lambda budget, a, b: not op.equal(budget, a, b)),
    ),
    _order("_<_", "Whether the left value is before the right one.", "1 < 2.5", op.less),
    _order("_<=_", "Whether the left value is not after the right one.", "1 <= 1", _not_greater),
    _order(
        "_>_",
        "Whether the left value is after the right one.",
        "'b' > 'a'",
        lambda budget, a, b: op.less(budget, b, a),
    ),
    _order(
        "_>=_",
        "Whether the left value is not before the right one.",
        "2u >= 2",
        lambda budget, a, b: _not_greater(budget, b, a),
    ),
    _standard(
        "_in_",
        "Whether a list has an equal element, or a map the key.",
        "1 in [1, 2] && 'a' in {'a': 1}",
        charged("(T, list(T)) -> bool", op.contains_element),
        charged("(K, map(K, V)) -> bool", _contains_key),
    ),
    _standard(
        "_[_]",
        "The element of a list at a position from 0, or the value of a map for a key.",
        "[5, 6][1] == 6 && {'a': 1}['a'] == 1",
        charged("(list(T), int) -> T", op.find),
        charged("(list(T), dyn) -> T", op.find),
        charged("(map(K, V), K) -> V", op.find),
        cost="constant",
    ),
)

_SIZES: Final = ("string", "bytes", "list(T)", "map(K, V)")

FUNCTIONS: Final = (
    _standard(
        "size",
        "The number of code points, bytes, elements or entries.",
        "size('é') == 1 && [1, 2].size() == 2",
        *(on(f"({kind}) -> int", len) for kind in _SIZES),
        *(on(f"{kind}.() -> int", len) for kind in _SIZES),
    ),
    _standard(
        "contains",
        "Whether the string contains another.",
        "'abc'.contains('b')",
        charged("string.(string) -> bool", _contains),
    ),
    _standard(
        "startsWith",
        "Whether the string starts with another.",
        "'abc'.startsWith('ab')",
        on("string.(string) -> bool", lambda text, part: text.startswith(part)),
    ),
    _standard(
        "endsWith",
        "Whether the string ends with another.",
        "'abc'.endsWith('bc')",
        on("string.(string) -> bool", lambda text, part: text.endswith(part)),
    ),
    _standard(
        "matches",
        "Whether an RE2 pattern matches somewhere in the string.",
        "'abc'.matches('^a.c$')",
        charged("string.(string) -> bool", regex.matches),
        charged("(string, string) -> bool", regex.matches),
        cost="product",
    ),
    _standard(
        "bool",
        "The bool that a string names (`true`, `t`, `1`, `false`, `f`, `0`).",
        "bool('true')",
        on("(bool) -> bool", _same),
        on("(string) -> bool", _bool_of_string),
    ),
    _standard(
        "bytes",
        "The UTF-8 bytes of a string.",
        "bytes('é') == b'é'",
        on("(bytes) -> bytes", _same),
        charged("(string) -> bytes", _bytes_of_string),
    ),
    _standard(
        "double",
        "The nearest double of a number or of the number in a string.",
        "double(1) == 1.0 && double('1e3') == 1000.0",
        on("(double) -> double", _same),
        on("(int) -> double", float),
        on("(uint) -> double", float),
        on("(string) -> double", _double_of_string),
    ),
    _standard(
        "int",
        "The int of a number (cut towards zero), of a string, or the Unix seconds of a timestamp.",
        "int(1.9) == 1 && int('42') == 42",
        on("(int) -> int", _same),
        on("(uint) -> int", lambda value: integer(int(value))),
        on("(double) -> int", _int_of_double),
        on("(string) -> int", _int_of_string),
        on("(timestamp) -> int", times.unix_seconds),
    ),
    _standard(
        "uint",
        "The uint of a number (cut towards zero) or of a string.",
        "uint(1) == 1u && uint('42') == 42u",
        on("(uint) -> uint", _same),
        on("(int) -> uint", unsigned),
        on("(double) -> uint", _uint_of_double),
        on("(string) -> uint", _uint_of_string),
    ),
    _standard(
        "string",
        "The text of a scalar.",
        "string(1.5) == '1.5' && string(true) == 'true'",
        on("(string) -> string", _same),
        on("(bool) -> string", lambda value: "true" if value else "false"),
        on("(int) -> string", lambda value: int.__repr__(value)),
        on("(uint) -> string", lambda value: int.__repr__(value)),
        on("(double) -> string", _double_text),
        charged("(bytes) -> string", _string_of_bytes),
        on("(timestamp) -> string", times.timestamp_text),
        on("(duration) -> string", times.duration_text),
    ),
    _standard(
        "timestamp",
        "The timestamp of RFC 3339 text, or of seconds since 1970.",
        "timestamp('1970-01-01T00:00:01Z') == timestamp(1)",
        on("(timestamp) -> timestamp", _same),
        on("(string) -> timestamp", times.parse_timestamp),
        on("(int) -> timestamp", times.from_unix_seconds),
    ),
    _standard(
        "duration",
        "The duration of text such as `1h30m`, `1.5s` or `-10ms`.",
        "duration('1m') == duration('60s')",
        on("(duration) -> duration", _same),
        on("(string) -> duration", times.parse_duration),
    ),
    _standard(
        "type",
        "The type of a value.",
        "type(1) == int && type('a') != int",
        on("(T) -> type(T)", type_of),
    ),
    _standard(
        "dyn",
        "The value itself, which the checker takes to be of any type.",
        "dyn(1) == 1",
        on("(T) -> dyn", _same),
    ),
    *times.FUNCTIONS,
)

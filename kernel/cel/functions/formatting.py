"""``format`` of the strings extension: ``%[.precision]conversion``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

from kernel.cel.budget import Budget
from kernel.cel.errors import Problem
from kernel.cel.functions import times
from kernel.cel.operations import NUMBERS
from kernel.cel.values import DURATION, TIMESTAMP, described, type_name

_Conversion = Callable[[Budget, Any, int], str]
"""Gives the text of a value; takes the budget, the value and the precision."""

_CLAUSE = re.compile(r"%(?:(%)|(?:\.([0-9]{1,4}))?([a-zA-Z])|)")
_DEFAULT_PRECISION: Final = 6
_MAX_PRECISION: Final = 1000
_MAX_NESTING: Final = 50


def format_string(budget: Budget, text: str, args: Any) -> str:
    """The text with its clauses replaced by the arguments; surplus arguments are no error."""
    budget.read(len(text))
    remaining = iter(args)
    parts: list[str] = []
    position = 0
    for match in _CLAUSE.finditer(text):
        parts.append(text[position : match.start()])
        position = match.end()
        part = "%" if match[1] else _clause(budget, match, remaining)
        budget.build(len(part))
        parts.append(part)
    parts.append(text[position:])
    budget.build(len(text))
    return "".join(parts)


def clauses(text: str) -> list[str]:
    """The conversions of a format, a letter each; ``Problem`` for what is no format."""
    found = [match for match in _CLAUSE.finditer(text) if not match[1]]
    for match in found:
        _conversion(match)
    return [match[3] for match in found]


def _conversion(match: re.Match[str]) -> tuple[_Conversion, int]:
    conversion = _CONVERSIONS.get(match[3] or "")
    if conversion is None:
        raise Problem("bad-argument", "the format has a '%' without a known conversion after it")
    precision = _DEFAULT_PRECISION if match[2] is None else int(match[2])
    if precision > _MAX_PRECISION or (match[2] and match[3] not in "fe"):
        raise Problem("bad-argument", "the precision of the format is not possible")
    return conversion, precision


def _clause(budget: Budget, match: re.Match[str], remaining: Any) -> str:
    conversion, precision = _conversion(match)
    try:
        value = next(remaining)
    except StopIteration:
        raise Problem("bad-argument", "the format has more clauses than arguments") from None
    return conversion(budget, value, precision)


def _wrong(conversion: str, value: Any) -> Problem:
    return Problem("no-overload", f"%{conversion} does not format {described(value)}")


def _special(value: Any) -> str | None:
    if type_name(value) != "double" or math.isfinite(value):
        return None
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def plain_double(value: float) -> str:
    """The shortest decimal digits of a double, without an exponent and a trailing ``.0``."""
    special = _special(value)
    if special:
        return special
    text = repr(float(value))
    if "e" in text:
        from decimal import Decimal  # for start-up time

        return format(Decimal(text), "f")
    return text.removesuffix(".0")


def _text(budget: Budget, value: Any, precision: int) -> str:
    return _plain(budget, value, 0)


def _plain(budget: Budget, value: Any, depth: int) -> str:
    kind = type_name(value)
    budget.spend(1)
    if kind == "list" or kind == "map":
        if depth > _MAX_NESTING:
            raise Problem("budget", "the value is nested too deeply to be formatted")
        return _list(budget, value, depth) if kind == "list" else _map(budget, value, depth)
    if kind not in _SCALARS:
        raise _wrong("s", value)
    text = _SCALARS[kind](value)
    budget.build(len(text))
    return text


def _list(budget: Budget, value: Any, depth: int) -> str:
    return "[" + ", ".join([_plain(budget, item, depth + 1) for item in value]) + "]"


def _map(budget: Budget, value: Any, depth: int) -> str:
    entries = sorted(
        (_plain(budget, key, depth + 1), _plain(budget, item, depth + 1))
        for key, item in value.items()
    )
    return "{" + ", ".join([f"{key}: {item}" for key, item in entries]) + "}"


_SCALARS: Final[dict[str, Callable[[Any], str]]] = {
    "null_type": lambda value: "null",
    "bool": lambda value: "true" if value else "false",
    "int": lambda value: int.__repr__(value),
    "uint": lambda value: int.__repr__(value),
    "double": plain_double,
    "string": lambda value: value,
    "bytes": lambda value: re.sub("\ufffd+", "\ufffd", value.decode(errors="replace")),
    TIMESTAMP: times.timestamp_text,
    DURATION: times.duration_text,
    "type": lambda value: value.name,
}


def _decimal(budget: Budget, value: Any, precision: int) -> str:
    kind = type_name(value)
    if kind in ("int", "uint"):
        return int.__repr__(value)
    if kind == "double":
        return plain_double(value)
    raise _wrong("d", value)


def _real(letter: str) -> _Conversion:
    """``f`` and ``e``: with a number of decimals, which Python calls by the same letters."""

    def convert(budget: Budget, value: Any, precision: int) -> str:
        if type_name(value) not in NUMBERS:
            raise _wrong(letter, value)
        return _special(value) or f"{float(value):.{precision}{letter}}"

    return convert


def _whole(letter: str, *kinds: str) -> _Conversion:
    """``o`` and ``b``: the digits of a whole number, which Python calls by the same letters."""

    def convert(budget: Budget, value: Any, precision: int) -> str:
        if type_name(value) not in kinds:
            raise _wrong(letter, value)
        return format(int(value), letter)

    return convert


def _hexadecimal(budget: Budget, value: Any, precision: int) -> str:
    kind = type_name(value)
    if kind in ("int", "uint"):
        return format(int(value), "x")
    if kind in ("string", "bytes"):
        budget.build(2 * len(value))
        return (value.encode() if kind == "string" else bytes(value)).hex()
    raise _wrong("x", value)


_CONVERSIONS: Final[dict[str, _Conversion]] = {
    "s": _text,
    "d": _decimal,
    "f": _real("f"),
    "e": _real("e"),
    "x": _hexadecimal,
    "X": lambda budget, value, precision: _hexadecimal(budget, value, precision).upper(),
    "o": _whole("o", "int", "uint"),
    "b": _whole("b", "bool", "int", "uint"),
}

"""The one reader of JSON that comes from outside: command line, files, bodies, answers (RFC 8259).

Texts that JSON allows and that have no value here are refused by name: a key that stands twice, a
lone surrogate, a number that no double holds. The journal reads what it has written by itself.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

MAX_DIGITS = 308
"""Of an integer; a longer one would not fit a double."""

_HUGE = re.compile(r"[0-9]{200}|[0-9.][eE]\+?[0-9]{3}")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F]|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


class JsonError(ValueError):
    """The text is not JSON."""


class JsonValueError(JsonError):
    """The text has the form of JSON, and a value that JSON does not have."""


def read_json(text: str | bytes) -> Any:
    """The value of a JSON text; octets are UTF-8, and may begin with a byte order mark.

    Raises :class:`JsonError`, whose text says what is wrong and where.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            octet = error.object[error.start]
            raise JsonError(f"octet 0x{octet:02x} at {error.start} is not UTF-8") from None
    text = text.removeprefix("\ufeff")
    hooks: dict[str, Any] = (
        {} if _HUGE.search(text) is None else {"parse_int": _integer, "parse_float": _float}
    )
    try:
        value = json.loads(
            text, parse_constant=_constant, object_pairs_hook=_object, strict=True, **hooks
        )
    except json.JSONDecodeError as error:
        said = f"{error.msg[:1].lower()}{error.msg[1:]}"
        raise JsonError(f"{said} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise JsonError("it is nested too deeply") from None
    if _SURROGATE.search(text) is not None:
        _check_surrogates(text)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for twice, _ in pairs:
            if twice in seen:
                break
            seen.add(twice)
        raise JsonValueError(f"the key {json.dumps(twice[:80])} stands twice in an object")
    return found


def _constant(name: str) -> NoReturn:
    raise JsonValueError(f"{name} is no number that JSON has")


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise JsonValueError(f"an integer of {len(digits)} digits; {MAX_DIGITS} are the limit")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if value - value != 0.0:
        raise JsonValueError(f"the number {digits[:40]} is too large for a double")
    return value


def _check_surrogates(text: str) -> None:
    for found in _ESCAPE.finditer(text):
        if found.group(1):
            line = text.count("\n", 0, found.start()) + 1
            raise JsonValueError(f"\\{found.group(1)} in line {line} is half of a character")

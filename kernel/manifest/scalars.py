"""Plain scalars by the core schema of YAML 1.2 (YAML 1.2.2, 10.3).

``no``, ``on`` and ``yes`` are strings, ``012`` is twelve, ``0o14`` octal; timestamps stay strings.
"""

from __future__ import annotations

import re

Scalar = str | int | float | bool | None

MAX_DIGITS = 300
"""A longer integer is a fault: no consumer takes it, and converting it costs quadratic time."""

FIRST = frozenset(["", *"~nNtTfF+-.0123456789"])
"""What a plain scalar that is not a string begins with."""

_WORDS: dict[str, Scalar] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **{sign + word: float("inf") for sign in ("", "+") for word in (".inf", ".Inf", ".INF")},
    **{"-" + word: float("-inf") for word in (".inf", ".Inf", ".INF")},
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_OFF_ALPHABET = re.compile(r"[^-+.0-9eExoa-fA-F]")


class TooManyDigits(ValueError):
    """An integer of more than `MAX_DIGITS` digits."""


def resolve(text: str) -> Scalar:
    """The value of a plain scalar; raises TooManyDigits."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in FIRST or _OFF_ALPHABET.search(text):
        return text
    if _INTEGER.fullmatch(text):
        return int(_bounded(text))
    if _BASED.fullmatch(text):
        return int(_bounded(text), 0)
    return float(text) if _FLOAT.fullmatch(text) else text


def resolve_tagged(text: str, tag: str) -> Scalar:
    """The value of a scalar with an explicit core tag (``!!int`` is ``int`` here).

    Raises ValueError if the text is not one of that type.
    """
    if tag == "str":
        return text
    value = resolve(text)
    if tag == "float" and type(value) is int:
        return float(value)
    if type(value).__name__ != {"null": "NoneType"}.get(tag, tag):
        raise ValueError(f"{text!r} is not of the type {tag}")
    return value


def _bounded(text: str) -> str:
    if len(text) > MAX_DIGITS:
        raise TooManyDigits(f"an integer of {len(text)} digits; {MAX_DIGITS} are the limit")
    return text

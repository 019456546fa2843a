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
}
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_OFF_ALPHABET = re.compile(r"[^-+.0-9eExoa-fA-F]")


_SURROGATE = re.compile("[\ud800-\udfff]")
_LONE = re.compile(
    "[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]",
)


class NotJson(ValueError):
    """A scalar that is YAML and has no value in JSON, or too many digits."""


def has_surrogate(text: str) -> bool:
    """Whether a text has half of a character of UTF-16, as escapes may write it."""
    return not text.isascii() and _SURROGATE.search(text) is not None


def joined(text: str) -> str:
    """The text with the pairs of surrogates joined, as JSON does; raises NotJson for a lone one."""
    lone = _LONE.search(text)
    if lone is not None:
        escape = f"\\u{ord(lone.group()):04x}"
        raise NotJson(f"{escape} is half of a character, and the other half is missing")
    return text.encode("utf-16", "surrogatepass").decode("utf-16")


def without_surrogates(text: str) -> str:
    """The text with U+FFFD in the place of what is no character."""
    return _SURROGATE.sub("\ufffd", text)


def resolve(text: str) -> Scalar:
    """The value of a plain scalar; raises NotJson."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in FIRST:
        return text
    if _NOT_FINITE.fullmatch(text):
        raise NotJson(f"{text} is no number of JSON; put it in quotes if text is meant")
    if _OFF_ALPHABET.search(text):
        return text
    if _INTEGER.fullmatch(text):
        return int(_bounded(text))
    if _BASED.fullmatch(text):
        return int(_bounded(text), 0)
    return _finite(text) if _FLOAT.fullmatch(text) else text


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


def _finite(text: str) -> float:
    value = float(text)
    if value - value != 0.0:
        raise NotJson(f"{text} is larger than any number of 64 bits")
    return value


def _bounded(text: str) -> str:
    if len(text) > MAX_DIGITS:
        raise NotJson(f"an integer of {len(text)} digits; {MAX_DIGITS} are the limit")
    return text

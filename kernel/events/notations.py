"""Texts as the notations that escape characters mean them: JSON, HTML, addresses and forms.

There are as many spellings as there are programs that write (``&#34;``, ``&quot;``, ``\\u0022``,
``%2f``), so a text is read rather than a value looked for in each of them.
"""

from __future__ import annotations

import json
import re
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator

from kernel.structs import struct

Place = Callable[[int], int]
"""Where in a text stands what is at a place of its reading."""

Reading = Callable[[str], tuple[str, Place]]
"""What a text means in a notation, and where that stands in it."""

_HEX = r"[0-9a-fA-F]"
_BACKSLASHED = (
    rf"\\(?:u[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}}|u{_HEX}{{4}}|x{_HEX}{{2}}"
    rf"|U00(?:0{_HEX}|10){_HEX}{{4}}|[bfnrt\"'/\\])"
)
_LETTERS = dict(zip("bfnrt\"'/\\", "\b\f\n\r\t\"'/\\", strict=True))
_ENTITY = rf"&(?:#[0-9]{{1,9}}|#[xX]{_HEX}{{1,8}}|[a-zA-Z][a-zA-Z0-9]{{1,30}});"
_NEXT = rf"%[89abAB]{_HEX}"
_PERCENT = (
    rf"%(?:[0-7]{_HEX}|[cdCD]{_HEX}{_NEXT}|[eE]{_HEX}(?:{_NEXT}){{2}}|[fF][0-4](?:{_NEXT}){{3}})"
)


def readings(text: str) -> Iterator[Reading]:
    """The ways to read a text that may give another one than it is."""
    if "\\" in text:
        yield _JSON.read
        yield _read_json_twice
    if "&" in text:
        yield _HTML.read
    if "%" in text:
        yield _ADDRESS.read
    if "+" in text:
        yield _FORM.read


@struct
class _Notation:
    escape: re.Pattern[str]
    meaning: Callable[[str], str]

    def read(self, text: str) -> tuple[str, Place]:
        parts: list[str] = []
        at: list[int] = []
        longer = [0]
        end = 0
        for found in self.escape.finditer(text):
            means = self.meaning(found.group())
            parts += text[end : found.start()], means
            end = found.end()
            at.append(found.start() - longer[-1])
            longer.append(longer[-1] + len(found.group()) - len(means))
        parts.append(text[end:])
        return "".join(parts), lambda place: place + longer[bisect_left(at, place)]


def _read_json_twice(text: str) -> tuple[str, Place]:
    """JSON within JSON; where there is none, nothing is read."""
    outer, in_text = _JSON.read(text)
    inner, in_outer = _JSON.read(outer)
    if inner == outer:
        return text, in_text
    return inner, lambda place: in_text(in_outer(place))


def _backslashed(escape: str) -> str:
    if escape[1] in "xU":
        return chr(int(escape[2:], 16))
    if escape[1] != "u":
        return _LETTERS[escape[1]]
    meaning: str = json.loads(f'"{escape}"')
    return meaning


def _entity(escape: str) -> str:
    from html import unescape  # for start-up time

    if escape[1] != "#":
        return unescape(escape)
    number = int(escape[3:-1], 16) if escape[2] in "xX" else int(escape[2:-1])
    return chr(number) if number <= sys.maxunicode else escape


def _percent(escape: str) -> str:
    if escape == "+":
        return " "
    try:
        return bytes.fromhex(escape.replace("%", "")).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return escape


_JSON = _Notation(re.compile(_BACKSLASHED), _backslashed)
_HTML = _Notation(re.compile(_ENTITY), _entity)
_ADDRESS = _Notation(re.compile(_PERCENT), _percent)
_FORM = _Notation(re.compile(rf"\+|{_PERCENT}"), _percent)

"""Readings of a text: what it means in the notations that programs write texts in.

There are as many spellings as there are programs that write (``&#34;``, ``\\u0022``, ``%2522``), so
a text is decoded until nothing changes, rather than a value looked for in each spelling.
"""

from __future__ import annotations

import json
import re
import sys
from base64 import b64decode
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import suppress

Place = Callable[[int, int], tuple[int, int]]
"""Where in a text stands what is from one place to another of a reading of the text."""

MAX_ROUNDS = 8
"""So many notations within each other are read."""

_ROUNDS_OF_RUN = 3  # what base64 holds is read less deeply: it is read at each round

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
_ESCAPE = re.compile(rf"{_BACKSLASHED}|{_ENTITY}|{_PERCENT}|\r\n?")
_MARKS = re.compile(r"[\\&%\r]")
_NO_SPACE = "\udfff"  # no text holds it
_LETTER = "[A-Za-z0-9+/_-]"
_RUN = rf"(?<!{_LETTER})(?={_LETTER}{{8}})(?>[a-z/_-]*)[A-Z0-9+]"
"""The beginning of a run of letters that may hold text; one of small letters is a word."""

_RUNS = re.compile(f"{_RUN}{_LETTER}*")
_RUN_LETTER = re.compile(_LETTER)
_OTHERWISE = re.compile(rf"[\\&%\r+]|{_RUN}")
_BASE64 = str.maketrans("-_", "+/")
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1f]")


def has_readings(text: str) -> bool:
    """Whether a text may mean something else than it is."""
    return _OTHERWISE.search(text) is not None


def readings(text: str) -> Iterator[tuple[str, Place]]:
    """The text, and what it means in JSON, HTML, addresses, forms, base64 and hexadecimal.

    Line ends are read as ``\\n``. Notations may stand within each other, and are mixed.
    """
    return _readings(text, _same, MAX_ROUNDS)


def canonical(text: str) -> str:
    """The text, decoded until nothing changes; what base64 holds stays as it is."""
    for _ in range(MAX_ROUNDS):
        read, _ = _decoded(text)
        if read == text:
            break
        text = read
    return text


def _readings(text: str, place: Place, rounds: int) -> Iterator[tuple[str, Place]]:
    yield text, place
    while rounds > 0:
        if rounds > _ROUNDS_OF_RUN:
            for read, within in _runs(text):
                yield from _readings(read, _within(place, within), rounds - _ROUNDS_OF_RUN)
        if "+" in text:
            # A space that stands there is none that a form writes.
            form, in_form = _decoded(text.replace(" ", _NO_SPACE).replace("+", " "))
            yield form, _within(place, in_form)
        read, in_text = _decoded(text)
        if read == text:
            return
        text, place, rounds = read, _within(place, in_text), rounds - 1
        yield text, place


def _same(start: int, end: int) -> tuple[int, int]:
    return start, end


def _within(outer: Place, inner: Place) -> Place:
    return inner if outer is _same else lambda start, end: outer(*inner(start, end))


def _decoded(text: str) -> tuple[str, Place]:
    """The text with each escape replaced by what it means."""
    if _MARKS.search(text) is None:
        return text, _same
    parts: list[str] = []
    at: list[int] = []
    longer = [0]
    end = 0
    for found in _ESCAPE.finditer(text):
        means = _meaning(found.group())
        parts += text[end : found.start()], means
        end = found.end()
        at.append(found.start() - longer[-1])
        longer.append(longer[-1] + len(found.group()) - len(means))
    parts.append(text[end:])

    def place(start: int, end: int) -> tuple[int, int]:
        return start + longer[bisect_left(at, start)], end + longer[bisect_left(at, end)]

    return "".join(parts), place


def _meaning(escape: str) -> str:
    match escape[0]:
        case "\\":
            return _backslashed(escape)
        case "&":
            return _entity(escape)
        case "%":
            return _percent(escape)
    return "\n"


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
    try:
        return bytes.fromhex(escape.replace("%", "")).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return escape


def _runs(text: str) -> Iterator[tuple[str, Place]]:
    """The texts that stand in hexadecimal or base64 in a text."""
    for found in _RUNS.finditer(text):
        for octets, (name, _) in _octets(found.group()):
            with suppress(UnicodeDecodeError):
                read = octets.decode("utf-8", "surrogatepass")
                if _BINARY.search(read) is None:
                    bits = 4 if name == "hex" else 6
                    yield read, _place_of_octets(read, found.start(), found.end(), bits)


def run_around(text: str, start: int, end: int) -> tuple[int, list[tuple[str, str]]]:
    """Where the run of characters begins that a part of a text stands in.

    With the names of the spellings that it may be of, and the texts that it holds by these.
    """
    while start > 0 and _RUN_LETTER.match(text, start - 1):
        start -= 1
    while end < len(text) and _RUN_LETTER.match(text, end):
        end += 1
    read: list[tuple[str, str]] = []
    for octets, names in _octets(text[start:end]):
        with suppress(UnicodeDecodeError):
            found = octets.decode("utf-8", "surrogatepass")
            read += ((name, found) for name in names)
    return start, read


def _octets(run: str) -> Iterator[tuple[bytes, tuple[str, ...]]]:
    """The octets that a run of characters stands for, and the spellings by which it does so."""
    with suppress(ValueError):
        yield bytes.fromhex(run), ("hex", "HEX")
    whole = len(run) - (len(run) % 4 == 1)
    octets = b64decode(run[:whole].translate(_BASE64) + "=" * (-whole % 4))
    yield octets, ("base64-bare", "base64url-bare")


def _place_of_octets(read: str, first: int, last: int, bits: int) -> Place:
    def octets_before(place: int) -> int:
        return place if read.isascii() else len(read[:place].encode("utf-8", "surrogatepass"))

    def place(start: int, end: int) -> tuple[int, int]:
        begin = first + octets_before(start) * 8 // bits
        return begin, min(first - (-octets_before(end) * 8 // bits), last)

    return place

"""A line of a manifest as a terminal shows it, with carets under a part of it."""

from __future__ import annotations

import unicodedata
from itertools import accumulate

_TAB_WIDTH = 4
_MAX_WIDTH = 120
_CHARACTERS_BEFORE = 40
_HIDDEN = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def visible(text: str) -> str:
    """``text`` without what would command a terminal: control characters are written as escapes."""
    if text.isprintable():
        return text
    return "".join(_written(character) for character in text)


def excerpt(line: str, start: int, end: int) -> tuple[str, str]:
    """The line, and below it the carets under ``line[start:end]``.

    Tabs become spaces, wide characters count two places and combining ones none; of a long line
    the part around the carets is shown.
    """
    start = min(start, len(line))
    end = max(min(end, len(line)), start)
    first, last = _window(line, start, end)
    pieces = _cells(line[first:last])
    places = [0, *accumulate(map(_width, pieces))]
    before = "…" if first else ""
    after = "…" if last < len(line) else ""
    left = places[start - first] + len(before)
    right = places[min(end, last) - first] + len(before)
    shown = f"{before}{''.join(pieces)}{after}"
    return shown, " " * left + "^" * max(right - left, 1)


def _window(line: str, start: int, end: int) -> tuple[int, int]:
    if len(line) <= _MAX_WIDTH:
        return 0, len(line)
    first = max(min(start - _CHARACTERS_BEFORE, len(line) - _MAX_WIDTH), 0)
    return first, min(max(first + _MAX_WIDTH, min(end, start + _MAX_WIDTH)), len(line))


def _cells(text: str) -> list[str]:
    """What is printed for each character."""
    cells: list[str] = []
    column = 0
    for character in text:
        cell = (
            " " * (_TAB_WIDTH - column % _TAB_WIDTH) if character == "\t" else _written(character)
        )
        cells.append(cell)
        column += _width(cell)
    return cells


def _written(character: str) -> str:
    if character == "\n" or character == "\t":
        return character
    if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _HIDDEN:
        return character.encode("unicode_escape").decode("ascii")
    return character


def _width(cell: str) -> int:
    return len(cell) if cell.isascii() else sum(map(_columns, cell))


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1

"""Places in a text as editors give them: lines and characters from 0, in the units of an encoding.

The Language Server Protocol counts UTF-16 code units unless both sides agree on another encoding;
the offsets of everything else here are Unicode characters.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Literal, NamedTuple

from kernel.errors import Span

Encoding = Literal["utf-8", "utf-16", "utf-32"]

_BREAK = re.compile(r"\r\n?|\n")


class Position(NamedTuple):
    """A line and a character on it, both from 0."""

    line: int
    character: int


class Area(NamedTuple):
    """The text between two positions; the end is exclusive."""

    start: Position
    end: Position


class Text:
    """A text with its lines."""

    __slots__ = ("_starts", "encoding", "text")

    def __init__(self, text: str, encoding: Encoding = "utf-16") -> None:
        self.text = text
        self.encoding = encoding
        self._starts = [0, *(match.end() for match in _BREAK.finditer(text))]

    def offset(self, position: Position) -> int:
        """The offset of a position; what lies beyond a line or the text is its end."""
        if position.line >= len(self._starts):
            return len(self.text)
        line = max(position.line, 0)
        start, *after = self._starts[line : line + 2]
        end = start + len(self.text[start : after[0] if after else None].rstrip("\r\n"))
        units = 0
        for offset in range(start, end):
            if units >= position.character:
                return offset
            units += self._width(self.text[offset])
        return end

    def position(self, offset: int) -> Position:
        """The position of an offset."""
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self._starts, offset) - 1
        start = self._starts[line]
        return Position(line, sum(map(self._width, self.text[start:offset])))

    def area(self, start: int, end: int) -> Area:
        """The positions of two offsets."""
        return Area(self.position(start), self.position(end))

    def area_of(self, span: Span) -> Area:
        """The positions of a span, whose lines and columns are from 1 and in characters."""
        return self.area(self._at(span.line, span.column), self._at(span.end_line, span.end_column))

    def _at(self, line: int, column: int) -> int:
        if line > len(self._starts):
            return len(self.text)
        return min(self._starts[line - 1] + column - 1, len(self.text))

    def _width(self, character: str) -> int:
        code = ord(character)
        if self.encoding == "utf-32" or code < 0x80:
            return 1
        if self.encoding == "utf-16":
            return 2 if code > 0xFFFF else 1
        return 2 if code < 0x800 else 3 if code < 0x10000 else 4

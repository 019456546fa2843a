"""The text of a manifest file, and places in it.

A `Source` turns offsets (in characters) into `kernel.errors.Span`s; the table of lines is made
when the first place is asked for, so that a manifest without faults never pays for it.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from pathlib import Path

from kernel.errors import Fault, ManifestError, Span

MAX_FILE_BYTES = 16 * 1024 * 1024
"""A larger file is a fault; it bounds every text, scalar and document within."""

_BREAK = re.compile(r"\r\n?|\n")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Source:
    """A name for messages, the text without its byte order mark, and the folder it comes from."""

    __slots__ = ("_lines", "folder", "name", "text")

    def __init__(self, name: str, text: str, folder: Path | None = None) -> None:
        self.name = name
        self.text = text.removeprefix("\ufeff")
        self.folder = folder
        self._lines: list[int] | None = None

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column (from 1, in characters) of the character at ``offset``."""
        if self._lines is None:
            self._lines = [0, *(match.end() for match in _BREAK.finditer(self.text))]
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    def line(self, number: int) -> str:
        """The line of a number (from 1), without its end; empty where there is none."""
        self.position(0)
        assert self._lines is not None
        if not 0 < number <= len(self._lines):
            return ""
        found = _BREAK.search(self.text, self._lines[number - 1])
        return self.text[self._lines[number - 1] : found.start() if found else None]

    def offset(self, line: int, column: int) -> int:
        """Where the character at a line and a column is; the inverse of `position`."""
        self.position(0)
        assert self._lines is not None
        start = self._lines[min(line, len(self._lines)) - 1]
        return min(start + column - 1, len(self.text))

    def extent(self, span: Span) -> tuple[int, int]:
        """Where a place begins and ends; the inverse of `span`."""
        return self.offset(span.line, span.column), self.offset(span.end_line, span.end_column)

    def span(self, start: int, end: int) -> Span:
        """The place of ``text[start:end]``."""
        first, last = self.position(start), self.position(max(start, end))
        return Span(self.name, *first, *last, self.text)


def whole(name: str) -> Span:
    """The place of a file as such, where no better one is known."""
    return Span(name, 1, 1, 1, 1)


def read_source(path: Path, name: str | None = None) -> Source:
    """Read and decode a file: UTF-8, or UTF-16/32 with a byte order mark (YAML 1.2.2, 5.2).

    Raises ManifestError (K001) if it cannot be read, is too large or is no text.
    """
    name = name or str(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ManifestError([Fault("K001", f"{name} cannot be read: {reason}")]) from None
    return Source(name, decode(data, name), path.parent)


def decode(data: bytes, name: str) -> str:
    """The text of ``data``; raises ManifestError (K001) at the first byte that is no text."""
    if len(data) > MAX_FILE_BYTES:
        limit = MAX_FILE_BYTES // (1024 * 1024)
        message = f"the file is larger than {limit} MB"
        raise ManifestError([Fault("K001", message, whole(name))])
    encoding, skip = encoding_of(data)
    try:
        return data[skip:].decode(encoding)
    except UnicodeDecodeError as error:
        before = data[skip : skip + error.start].decode(encoding, "replace")
        place = Source(name, before).position(len(before))
        span = Span(name, *place, place[0], place[1] + 1)
        message = (
            f"the file is not valid {encoding.upper()}: byte 0x{error.object[error.start]:02x}"
        )
        raise ManifestError([Fault("K001", message, span)]) from None


def encoding_of(data: bytes) -> tuple[str, int]:
    """The encoding of a file's bytes, and how long its byte order mark is."""
    return next(((e, len(bom)) for bom, e in _BOMS if data.startswith(bom)), ("utf-8", 0))

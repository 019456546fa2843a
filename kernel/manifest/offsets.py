"""Where each character of a scalar's value stands in the source (YAML 1.2.2, chapters 7 and 8).

A scalar is decoded again, character by character with offsets; the result is compared with what
libyaml made of it, and where the two should differ no place is claimed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from kernel.manifest.nodes import Node

_PROPERTIES = re.compile(r"(?:[&!][^\s]*(?:\s+(?:#[^\n\r]*\s*)*|\Z))+")
_HEADER = re.compile(r"[|>]([-+0-9]*)[^\n\r]*(?:\r\n?|\n|\Z)")
_LINE = re.compile(r"([^\n\r]*)(\r\n?|\n|\Z)")
_BREAKS = re.compile(r"[ \t]*(?:\r\n?|\n)[ \t\r\n]*")
_NAMED = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f",
    "r": "\r", "e": "\x1b", " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0",
    "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_MAX_INDENT = 200
_DIGITS = {"x": 2, "u": 4, "U": 8}

_FLOW = {"": re.compile(r"[^\r\n]+"), "'": re.compile(r"[^\r\n']+"), '"': re.compile(r"[^\r\n\\]+")}
"""What stands for itself in a plain or quoted scalar, but for white space before a line break."""

Pieces = list[tuple[str, int]]
"""Parts of a value, each with the offset of its first character; the others follow that one."""


class Offsets:
    """The offset in the source of each character of a value, and of the value's end."""

    __slots__ = ("_length", "_places", "_starts")

    def __init__(self, pieces: Pieces, length: int, end: int) -> None:
        self._length = length
        self._starts: list[int] = []
        self._places: list[int] = []
        here = 0
        for part, place in pieces:
            if here >= length:
                break
            self._starts.append(here)
            self._places.append(place)
            here += len(part)
        for start in dict.fromkeys((min(here, length), length)):  # line breaks, and the end
            self._starts.append(start)
            self._places.append(end)

    def __len__(self) -> int:
        return self._length + 1

    def __getitem__(self, index: int) -> int:
        piece = bisect_right(self._starts, index) - 1
        last = self._places[-1]
        return min(self._places[piece] + index - self._starts[piece], last)


def offsets(text: str, node: Node) -> Offsets | None:
    """Where in ``text`` the characters of the scalar's value stand.

    None if the node is no scalar or its decoding is not understood here.
    """
    if node.kind != "scalar":
        return None
    start = node.start
    if properties := _PROPERTIES.match(text, start, node.end):
        start = properties.end()
    if node.style in ("|", ">"):
        readings = _block(text, start, node.end, node.style == ">")
    else:
        stop = node.end - len(node.style)
        readings = iter([(_flow(text, start + len(node.style), stop, node.style), stop)])
    return next((found for p, end in readings if (found := _fit(p, end, node.text))), None)


def _fit(pieces: Pieces, end: int, value: str) -> Offsets | None:
    """The offsets of the pieces if they make up the value, but for line breaks at its end."""
    made = "".join(part for part, _ in pieces)
    if made.rstrip("\n") != value.rstrip("\n"):
        return None
    return Offsets(pieces, len(value), end)


def _flow(text: str, start: int, end: int, style: str) -> Pieces:
    """Plain and quoted scalars: line breaks fold, quotes and escapes are undone."""
    pieces: Pieces = []
    run = _FLOW[style]
    here = start
    while here < end:
        character = text[here]
        if part := _before_break(text, run.match(text, here, end)):
            pieces.append((part, here))
            here += len(part)
        elif character in " \t\r\n" and (gap := _BREAKS.match(text, here, end)):
            pieces += _folded(gap.group(), here)
            here = gap.end()
        elif style == "'" and character == "'":
            pieces.append(("'", here))
            here += 2
        elif style == '"' and character == "\\":
            here = _escaped(text, here, end, pieces)
        else:
            pieces.append((character, here))
            here += 1
    return pieces


def _before_break(text: str, found: re.Match[str] | None) -> str:
    """What was found, without the white space that a line break after it swallows."""
    if found is None:
        return ""
    part = found.group()
    return part.rstrip(" \t") if text[found.end() : found.end() + 1] in ("\r", "\n") else part


def _folded(gap: str, here: int) -> Pieces:
    """What white space with line breaks in it stands for: a space, or all breaks but the first."""
    breaks = [match.start() for match in re.finditer(r"\r\n?|\n", gap)]
    if len(breaks) == 1:
        return [(" ", here + breaks[0])]
    return [("\n", here + place) for place in breaks[1:]]


def _escaped(text: str, here: int, end: int, pieces: Pieces) -> int:
    letter = text[here + 1]
    if letter in "\r\n":
        gap = _BREAKS.match(text, here + 1, end)
        assert gap is not None
        breaks = [match.start() for match in re.finditer(r"\r\n?|\n", gap.group())]
        pieces += [("\n", here + 1 + place) for place in breaks[1:]]
        return gap.end()
    if letter in _DIGITS:
        stop = here + 2 + _DIGITS[letter]
        pieces.append((chr(int(text[here + 2 : stop], 16)), here))
        return stop
    pieces.append((_NAMED[letter], here))
    return here + 2


def _block(text: str, start: int, end: int, folded: bool) -> Iterator[tuple[Pieces, int]]:
    """Literal and folded scalars: a reading for each indentation that they may have.

    What chomping does to the end is left out.
    """
    header = _HEADER.match(text, start)
    assert header is not None
    lines: list[tuple[int, str, int]] = []  # offset of the line, its text, offset of its break
    here = header.end()
    while here < end:
        line = _LINE.match(text, here)
        assert line is not None
        lines.append((here, line.group(1), line.end(1)))
        here = line.end()
    most = next((len(line) - len(line.lstrip(" ")) for _, line, _ in lines if line.strip(" ")), 0)
    told = next((int(character) for character in header.group(1) if character.isdigit()), 0)
    known = range(told, min(most, told + _MAX_INDENT) + 1) if told else (most,)
    for indent in known:
        contents = [(min(at + indent, stop), line[indent:], stop) for at, line, stop in lines]
        last = max((stop for _, content, stop in contents if content), default=header.end())
        yield _unfolded(contents, folded), last


def _unfolded(contents: list[tuple[int, str, int]], folded: bool) -> Pieces:
    pieces: Pieces = []
    text_follows = False  # the next line that is not empty begins with text, not with white space
    next_is_empty = True
    for number, (at, content, stop) in zip(
        range(len(contents) - 1, -1, -1), reversed(contents), strict=True
    ):
        is_text = content[:1] not in ("", " ", "\t")
        if not folded or not (is_text and text_follows):
            pieces.append(("\n", stop))
        elif number + 1 < len(contents) and not next_is_empty:
            pieces.append((" ", stop))
        if content:
            pieces.append((content, at))
            text_follows = is_text
        next_is_empty = not content
    return pieces[::-1]

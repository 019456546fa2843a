"""Where each character of a scalar's value stands in the source (YAML 1.2.2, chapters 7 and 8).

A scalar is decoded again, character by character with offsets; the result is compared with what
libyaml made of it, and where the two should differ no place is claimed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

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

Pieces = list[tuple[str, int]]
"""Characters of a value, each with its offset in the source."""


def offsets(text: str, node: Node) -> list[int] | None:
    """The offset in ``text`` of each character of the scalar's value, and of the value's end.

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


def _fit(pieces: Pieces, end: int, value: str) -> list[int] | None:
    """The offsets of the pieces if they make up the value, but for line breaks at its end."""
    made = "".join(character for character, _ in pieces)
    if made.rstrip("\n") != value.rstrip("\n"):
        return None
    places = [offset for _, offset in pieces[: len(value)]]
    return [*places, *[end] * (len(value) - len(places)), end]


def _flow(text: str, start: int, end: int, style: str) -> Pieces:
    """Plain and quoted scalars: line breaks fold, quotes and escapes are undone."""
    pieces: Pieces = []
    here = start
    while here < end:
        character = text[here]
        if character in " \t\r\n" and (gap := _BREAKS.match(text, here, end)):
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
    for number, (at, content, stop) in enumerate(contents):
        pieces += [(character, at + n) for n, character in enumerate(content)]
        rest = contents[number : number + 2]
        if not folded or not _folds(content, contents, number):
            pieces.append(("\n", stop))
        elif len(rest) > 1 and rest[1][1]:
            pieces.append((" ", stop))
    return pieces


def _folds(content: str, contents: list[tuple[int, str, int]], number: int) -> bool:
    """Whether the break after a line folds: between two lines of text, neither indented more."""
    if not content:
        return False
    later = (line for _, line, _ in islice(contents, number + 1, None) if line)
    following = next(later, "")
    return bool(following) and content[0] not in " \t" and following[0] not in " \t"

"""Where each character of a scalar's value stands in the source (YAML 1.2.2, chapters 7 and 8).

A scalar is decoded again, character by character with offsets; the result is compared with what
libyaml made of it, and where the two should differ no place is claimed.
"""

from __future__ import annotations

import re

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
        pieces, end = _block(text, start, node.end, node.style == ">")
    elif node.style:
        pieces, end = _flow(text, start + 1, node.end - 1, node.style), node.end - 1
    else:
        pieces, end = _flow(text, start, node.end, ""), node.end
    value = "".join(character for character, _ in pieces)
    if value != node.text:
        if value.rstrip("\n") != node.text.rstrip("\n"):
            return None
        pieces = pieces[: len(node.text)] + [("\n", end)] * (len(node.text) - len(pieces))
    return [*(offset for _, offset in pieces), end]


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


def _block(text: str, start: int, end: int, folded: bool) -> tuple[Pieces, int]:
    """Literal and folded scalars, without what chomping does to the end."""
    header = _HEADER.match(text, start)
    assert header is not None
    lines: list[tuple[int, str, int]] = []  # offset of the line, its text, offset of its break
    here = header.end()
    while here < end:
        line = _LINE.match(text, here)
        assert line is not None
        lines.append((here, line.group(1), line.end(1)))
        here = line.end()
    indent = _indent(header.group(1), lines, text, start)
    contents = [(at + indent, line[indent:], stop) for at, line, stop in lines]
    pieces: Pieces = []
    for number, (at, content, stop) in enumerate(contents):
        pieces += [(character, at + n) for n, character in enumerate(content)]
        rest = contents[number:]
        if not folded or not _folds(content, rest):
            pieces.append(("\n", stop))
        elif rest[1][1]:
            pieces.append((" ", stop))
    if "-" in header.group(1):
        while pieces and pieces[-1][0] == "\n":
            pieces.pop()
    last = max((stop for _, content, stop in contents if content), default=header.end())
    return pieces, last


def _folds(content: str, rest: list[tuple[int, str, int]]) -> bool:
    """Whether the break after ``content`` folds: between two lines of text, not of more indent."""
    following = next((line for _, line, _ in rest[1:] if line), "")
    return bool(content and following) and content[0] not in " \t" and following[0] not in " \t"


def _indent(header: str, lines: list[tuple[int, str, int]], text: str, start: int) -> int:
    """How many columns of each line are indentation."""
    explicit = next((int(c) for c in header if c.isdigit()), 0)
    found = next((len(line) - len(line.lstrip(" ")) for _, line, _ in lines if line.strip(" ")), 0)
    if not explicit:
        return found
    begin = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
    outer = len(text[begin:start]) - len(text[begin:start].lstrip(" -"))
    candidates = range(explicit, outer + explicit + 1)
    return next((n for n in reversed(candidates) if n <= found or not lines), explicit)

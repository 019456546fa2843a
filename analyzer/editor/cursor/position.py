"""Where the cursor is in a text that is being written, and so is often no YAML.

The word at the cursor is replaced by a mark of our own, and what is still open on the line (a
quote, brackets) is closed. Of the texts that come of it the first that parses is taken; the place
of the mark in its tree is the place of the cursor. Where none parses, because something else in the
document is broken too, the lines that enclose the cursor tell the place, and the last text that was
sound tells the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from analyzer.findings.root_causes import region_of
from kernel.errors import ManifestError, Path
from kernel.manifest.nodes import Node, compose, to_data
from kernel.manifest.source import Source
from kernel.structs import struct

MARK: Final = "kernelCursorMark"

_MAX_MENDED_LINES: Final = 8

Area = tuple[int, int]
"""The offsets at which a part of a text begins and ends."""

_WORD = re.compile(r"[\w.$/-]*\Z")
_REST = re.compile(r"[\w.$/-]*")
_NAME = re.compile(r"[A-Za-z_]\w*\Z")
_NAME_REST = re.compile(r"\w*")
_KEY_LINE = re.compile(r"^\s*(?:-\s+)*[\w.$-]+:(?:\s|$)")
_FIELD_LINE = re.compile(r"^(\s*(?:-\s+)*[\w.$-]+:)(?:\s.*)?$")
_DASHED = re.compile(r"\s*(?:-\s+)+")
_DASHES = re.compile(r"^\s*(?:-\s+)*-?\s*$")
_CLOSING: Final = {"{": "}", "[": "]", "(": ")"}


@struct
class Expression:
    """CEL around the cursor: what stands before the word at the cursor, and after it."""

    before: str
    after: str


@struct
class Cursor:
    """The place of the cursor.

    ``start`` and ``end`` are the word that would be replaced. ``path`` leads to the place in its
    document; ``is_key``: a field is named here, beside ``siblings``. ``text`` is the whole text
    with the mark in it, None where no text could be made to parse; ``data`` is the document with
    the mark, ``region`` where it stands. ``cel`` is there inside of an expression. ``colon``: a
    colon follows.
    """

    start: int
    end: int
    path: Path
    is_key: bool
    siblings: tuple[str, ...]
    data: Any
    text: str | None
    region: Area
    cel: Expression | None = None
    colon: bool = False


@struct
class _Line:
    """What is open before a place of a line: a quote, and brackets of flow style."""

    quote: str = ""
    brackets: str = ""

    @property
    def closers(self) -> str:
        return self.quote + "".join(_CLOSING[one] for one in reversed(self.brackets))


_CLOSED: Final = _Line()


def cursor_at(text: str, offset: int) -> Cursor | None:
    """The place of an offset; None in a comment, and where no place can be found."""
    region = region_of(text, offset)
    opened = _expression_start(text, region[0], offset)
    if opened is not None:
        return _in_expression(text, offset, opened, region)
    if _is_comment(text[_line_start(text, offset) : offset]):
        return None
    return _in_yaml(text, offset, region)


# CEL ---------------------------------------------------------------------------------------------


def _expression_start(text: str, start: int, offset: int) -> int | None:
    """Where the expression begins that the cursor is in: after its ``${{``."""
    opened = text.rfind("${{", start, offset)
    if opened < 0 or opened + 3 > offset or (opened > 0 and text[opened - 1] == "$"):
        return None
    lines = text[opened:offset].splitlines()
    if any(_KEY_LINE.match(line) for line in lines[1:]):
        return None
    body = text[opened + 3 : offset]
    return opened + 3 if _closed_at(body) is None else None


def _closed_at(body: str) -> int | None:
    """Where ``}}`` closes the expression that ``body`` begins with; strings and maps count."""
    depth, quote, here = 0, "", 0
    while here < len(body):
        character = body[here]
        if quote:
            if character == "\\" and body[here + 1 : here + 2] != quote:
                here += 1
            elif character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        elif character == "{":
            depth += 1
        elif character == "}":
            if depth == 0:
                return here if body[here : here + 2] == "}}" else None
            depth -= 1
        here += 1
    return None


def _in_expression(text: str, offset: int, opened: int, region: Area) -> Cursor | None:
    name = _NAME.search(text, opened, offset)
    start = name.start() if name else offset
    rest = _NAME_REST.match(text, offset)
    end = rest.end() if rest else offset
    opening = _scan(text[_line_start(text, opened - 3) : opened - 3])
    closed = _closing(text, opened, end, opening, region[1])
    before, after = text[opened:start], text[end:closed]
    if opening.quote == '"':
        before, after = before.replace('\\"', '"'), after.replace('\\"', '"')
    elif opening.quote == "'":
        before, after = before.replace("''", "'"), after.replace("''", "'")
    has_end = text[closed : closed + 2] == "}}"
    tail = text[closed + 2 :] if has_end else text[closed:]
    line_end = _line_end(text, closed)
    rest_of_line = tail[: line_end - (closed + 2 * has_end)]
    head = text[: opened - 3] + "${{ " + MARK + " }}"
    made = head + _closed(rest_of_line, opening) + tail[len(rest_of_line) :]
    cut = head + _closed(rest_of_line, opening) + "\n" + text[region[1] :]
    cel = Expression(before, after)
    found = (_find(one, region, (start, end), cel) for one in _in_turn([made], region, [cut]))
    return next(filter(None, found), None) or _by_lines(text, offset, region, (start, end), cel)


def _closing(text: str, opened: int, end: int, opening: _Line, limit: int) -> int:
    """Where the expression ends, or would end if it were closed."""
    stop = _line_end(text, end)
    if "\n" in text[opened:end] and not opening.quote:
        stop = limit
    closed = _closed_at(text[opened:stop])
    if closed is not None and opened + closed >= end:
        between = text[end : opened + closed]
        if not opening.quote or opening.quote not in between.replace("\\" + opening.quote, ""):
            return opened + closed
    if opening.quote:
        quote = text.find(opening.quote, end, _line_end(text, end))
        if quote >= 0:
            return quote
    return _line_end(text, end) if not opening.brackets else end


def _closed(rest: str, opening: _Line) -> str:
    """The rest of a line, with the quote and the brackets closed that are open before it."""
    return rest + _scan(rest, opening).closers


# YAML --------------------------------------------------------------------------------------------


def _in_yaml(text: str, offset: int, region: Area) -> Cursor | None:
    line_start = max(_line_start(text, offset), region[0])
    line_end = _line_end(text, offset)
    word = _WORD.search(text, line_start, offset)
    start = word.start() if word else offset
    if text[start:offset].startswith("-") and not text[line_start:start].strip():
        start = offset if text[start:offset] == "-" else start
    rest = _REST.match(text, offset, line_end)
    end = rest.end() if rest else offset
    head, tail = text[line_start:start], text[end:line_end]
    opening = _scan(head)
    colon = re.match(r"[\"']?\s*:(?:\s|$)", tail) is not None
    made = [
        text[:start] + mark + _closed(rest_of_line, _scan(mark, opening))
        for mark, rest_of_line in _marked(head, tail, opening, colon)
    ]
    faithful = [line + text[line_end:] for line in made]
    cut = [line + "\n" + text[region[1] :] for line in made]
    turns = _in_turn(faithful, region, cut)
    found = (_find(one, region, (start, end), colon=colon) for one in turns)
    return next(filter(None, found), None) or _by_lines(text, offset, region, (start, end))


def _marked(head: str, tail: str, opening: _Line, colon: bool) -> Iterator[tuple[str, str]]:
    """What may stand at the cursor, with the rest of the line, the likeliest first."""
    if colon:
        yield MARK, tail
        return
    key = (f"{MARK}: null", tail)
    value = (MARK, tail)
    last = head.rstrip()[-1:]
    if opening.quote:
        yield value
    elif _DASHES.match(head):
        yield (key[0], "") if tail.strip() and not tail.strip().startswith("#") else key
        yield value
    elif opening.brackets.endswith("{") and last in "{,":
        yield key
        yield (f"{MARK}: null,", tail)
        yield value
    else:
        yield value
        yield (MARK, "")
        yield key


def _in_turn(faithful: list[str], region: Area, cut: list[str]) -> Iterator[str]:
    """The texts that may parse, those first that are quick to make."""
    yield from faithful
    yield from (_mended(text, region) for text in faithful)
    yield from cut


def _mended(text: str, region: Area) -> str:
    """The text without the lines of the document that the parser stumbles over."""
    first = region[0]
    _, stop = region_of(text, first)
    lines = text[first:stop].split("\n")
    for _ in range(_MAX_MENDED_LINES):
        wrong = _wrong_lines("\n".join(lines))
        number = next((one for one in wrong if one < len(lines) and MARK not in lines[one]), None)
        if number is None:
            break
        dashed = _DASHED.match(lines[number])
        lines[number] = "" if dashed is None else f"{dashed.group()}null"
    return text[:first] + "\n".join(lines) + text[stop:]


def _wrong_lines(text: str) -> list[int]:
    """The lines, from 0, that may keep a text from being YAML, the likeliest first."""
    try:
        compose(_parser(text).get_event, Source("", text), 0)
    except ManifestError as error:
        return [fault.span.line - 1 for fault in error.faults if fault.span is not None]
    except Exception as error:  # whatever the parser says
        marks = [getattr(error, name, None) for name in ("problem_mark", "context_mark")]
        if "block" not in str(getattr(error, "context", "")):
            marks.reverse()
        return [mark.line for mark in marks if mark is not None]
    return []


def _find(
    text: str, region: Area, word: Area, cel: Expression | None = None, colon: bool = False
) -> Cursor | None:
    """The cursor, if the document with the mark parses."""
    source = Source("", text)
    if len(source.text) != len(text):
        return None
    first = region[0]
    _, stop = region_of(text, first)
    try:
        root = compose(_parser(text[first:stop]).get_event, source, first).root
    except Exception:  # whatever the parser says of a text that is no YAML
        return None
    place = marked_place(root)
    if place is None:
        return None
    return Cursor(word[0], word[1], *place, to_data(root), text, region, cel, colon)


def _parser(text: str) -> Any:
    """libyaml only: what it refuses and YAML 1.2 takes is not worth the time of a keystroke."""
    from _ruamel_yaml import CParser  # type: ignore[import-not-found]  # compiled, without stubs

    return CParser(text)


def marked_place(root: Node) -> tuple[Path, bool, tuple[str, ...]] | None:
    """The path of the mark, whether it is a key, and the other keys beside it."""
    waiting: list[tuple[Node, Path, tuple[str, ...]]] = [(root, (), ())]
    while waiting:
        node, path, beside = waiting.pop()
        if node.kind == "scalar":
            if MARK in node.text:
                return path, False, beside
        elif node.kind == "sequence":
            waiting += [(item, (*path, number), ()) for number, item in enumerate(node.items)]
        else:
            names = tuple(key.text for key in node.keys)
            for key, item in zip(node.keys, node.items, strict=True):
                if MARK in key.text:
                    others = tuple(name for name in names if name != key.text)
                    return (*path, key.text), True, others
                step = key.value if isinstance(key.value, int) else key.text
                waiting.append((item, (*path, step), names))
    return None


def _by_lines(
    text: str, offset: int, region: Area, word: Area, cel: Expression | None = None
) -> Cursor | None:
    """The place as the indentation tells it, from the lines that enclose the cursor only."""
    begin = max(_line_start(text, offset), region[0])
    line = text[begin : _line_end(text, offset)]
    head = text[begin : word[0]] if cel is None else _before_expression(text, begin, offset)
    indent = len(line) - len(line.lstrip(" "))
    kept: list[str] = []
    if head is None:
        return None
    mark = f'"{MARK}"' if cel is not None or not _DASHES.match(head) else f"{MARK}: null"
    opening = _scan(head)
    if opening.quote:
        mark = MARK
    mine = head + mark + opening.closers
    dashed = mine.lstrip(" ").startswith("- ")
    for above in reversed(text[region[0] : begin].splitlines()):
        bare = above.lstrip(" ")
        width = len(above) - len(bare)
        if not bare or bare.startswith("#"):
            continue
        if width < indent or (width == indent and dashed and not bare.startswith("- ")):
            prefix = _DASHED.match(above)
            beside = prefix is not None and prefix.end() == indent and _is_sound(above)
            field = None if beside else _FIELD_LINE.match(above)
            kept.append(field.group(1) if field else above)  # only what holds the cursor
            indent, dashed = width, bare.startswith("- ")
        elif width == indent and dashed and bare.startswith("- "):
            kept.append(" " * width + "- null")
        elif width == indent and not dashed and _is_sound(above):
            kept.append(above)
    skeleton = "\n".join([*reversed(kept), mine])
    found = _find(skeleton, (0, len(skeleton)), word, cel)
    return None if found is None else replace(found, text=None, region=region)


def _before_expression(text: str, begin: int, offset: int) -> str | None:
    """What stands on the line before its expression; None if that begins on another line."""
    opened = text.rfind("${{", begin, offset)
    if opened < 0:
        return None
    head = text[begin:opened]
    opening = _scan(head)
    return head[: head.rindex(opening.quote)] if opening.quote else head


def _is_sound(line: str) -> bool:
    """Whether a line is a field with its value, complete."""
    if not _FIELD_LINE.match(line) or line.rstrip().endswith(":"):
        return False
    try:
        return compose(_parser(line).get_event, Source("", line), 0).root is not None
    except Exception:  # as above
        return False


# Lines -------------------------------------------------------------------------------------------


def _scan(text: str, line: _Line = _CLOSED) -> _Line:
    """The quote and brackets that are open after a piece of a line; ``line``: before it."""
    quote, brackets, here, begins = line.quote, line.brackets, 0, not line.quote
    while here < len(text):
        character = text[here]
        if quote:
            if quote == '"' and character == "\\":
                here += 1
            elif character == quote:
                if quote == "'" and text[here + 1 : here + 2] == "'":
                    here += 1
                else:
                    quote, begins = "", False
        elif character == "#" and (here == 0 or text[here - 1] in " \t"):
            break
        elif character in "'\"" and begins:
            quote = character
        elif character in "{[" and (begins or brackets):
            brackets += character
            begins = True
        elif character in "}]" and brackets:
            brackets = brackets[:-1]
            begins = False
        elif character not in " \t":
            follows = text[here + 1 : here + 2]
            dash = character == "-" and begins and follows in ("", " ")
            begins = (character == "," and bool(brackets)) or dash
            begins = begins or (character == ":" and follows in ("", " "))
        here += 1
    return _Line(quote, brackets)


def _is_comment(before: str) -> bool:
    line = _scan(before)
    return not line.quote and re.search(r"(?:^|\s)#", before) is not None and "'" not in before


def _line_start(text: str, offset: int) -> int:
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def _line_end(text: str, offset: int) -> int:
    match = re.compile(r"[\r\n]").search(text, offset)
    return match.start() if match else len(text)

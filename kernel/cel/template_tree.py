"""The trees of templates: the scalars of a JSON structure that hold CEL, with the CEL parsed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from kernel.cel.errors import CelSyntaxError
from kernel.cel.lexer import Token, tokenize
from kernel.cel.parser import MAX_DEPTH, parse_tokens
from kernel.cel.tree import Expr
from kernel.cel.values import entries
from kernel.errors import Path
from kernel.structs import struct

OPEN: Final = "${{"
CLOSE: Final = "}}"
_ATOMS = (int, float, bool, type(None))


@struct
class Embedded:
    """An expression in a scalar; ``start`` and ``end`` are the place of its brackets."""

    expr: Expr
    start: int
    end: int


Segment = str | Embedded


@struct
class Scalar:
    """A scalar that holds CEL, cut into literal text and expressions."""

    text: str
    segments: tuple[Segment, ...]

    @property
    def whole(self) -> Embedded | None:
        """The expression that is the whole scalar, whose value keeps its type."""
        first = self.segments[0]
        return first if len(self.segments) == 1 and isinstance(first, Embedded) else None


@struct
class TemplateTree:
    """A structure with its CEL parsed: the scalars that hold any, by path, and what is wrong."""

    structure: Any
    scalars: Mapping[Path, Scalar]
    errors: tuple[CelSyntaxError, ...]

    def expressions(self) -> Iterator[tuple[Path, Embedded]]:
        """Every expression with the path of its scalar, in reading order."""
        for path, scalar in self.scalars.items():
            for segment in scalar.segments:
                if isinstance(segment, Embedded):
                    yield path, segment


@lru_cache(maxsize=16_384)
def scan(text: str) -> tuple[Segment, ...]:
    """The literal text and the expressions of a scalar; ``CelSyntaxError`` with places in it.

    ``$${{`` is a literal ``${{``. The newline that a block scalar ends with does not make text of
    an expression.
    """
    segments: list[Segment] = []
    literal = ""
    position = 0
    while (start := text.find(OPEN, position)) >= 0:
        if start > position and text[start - 1] == "$":
            literal += text[position : start - 1] + OPEN
            position = start + len(OPEN)
            continue
        literal += text[position:start]
        if literal:
            segments.append(literal)
        literal = ""
        embedded = _embedded(text, start)
        segments.append(embedded)
        position = embedded.end
    literal += text[position:]
    if literal and not (literal == "\n" and _is_expression(segments)):
        segments.append(literal)
    return tuple(segments)


def _is_expression(segments: list[Segment]) -> bool:
    return len(segments) == 1 and isinstance(segments[0], Embedded)


def _embedded(text: str, start: int) -> Embedded:
    tokens = tokenize(text, start + len(OPEN), embedded=True)
    close = tokens[-1][2]
    if not text.startswith(CLOSE, close):
        raise _unclosed(text, start, close, tokens)
    if len(tokens) == 1:
        end = close + len(CLOSE)
        raise CelSyntaxError("there is no expression between the brackets", start, end, text)
    return Embedded(parse_tokens(tokens, text), start, close + len(CLOSE))


def _unclosed(text: str, start: int, close: int, tokens: list[Token]) -> CelSyntaxError:
    if close < len(text):
        return CelSyntaxError("this '}' closes nothing", close, close + 1, text)
    return CelSyntaxError("'${{' is not closed by '}}'", start, start + len(OPEN), text)


def parse_template(structure: Any) -> TemplateTree:
    """The tree of a JSON structure; all syntax errors are in its ``errors``, one for a scalar."""
    scalars: dict[Path, Scalar] = {}
    errors: list[CelSyntaxError] = []
    try:
        _collect(structure, (), scalars, errors)
    except RecursionError:
        message = "the structure is nested too deeply for the stack that is left"
        errors.append(CelSyntaxError(message, 0, 0, ""))
    return TemplateTree(structure, scalars, tuple(errors))


def _collect(
    value: Any, path: Path, scalars: dict[Path, Scalar], errors: list[CelSyntaxError]
) -> None:
    if isinstance(value, str):
        if OPEN in value:
            try:
                scalars[path] = Scalar(value, scan(value))
            except CelSyntaxError as error:
                error.path = path
                errors.append(error)
        return
    kind = type(value)
    if kind in _ATOMS or not (kind is dict or isinstance(value, (Mapping, list, tuple))):
        return
    if len(path) >= MAX_DEPTH:
        message = f"the structure is nested more than {MAX_DEPTH} levels deep"
        errors.append(CelSyntaxError(message, 0, 0, "", path))
        return
    pairs = entries(value) if kind is dict or isinstance(value, Mapping) else enumerate(value)
    for key, item in pairs:
        kind = type(item)
        if kind not in _ATOMS and (kind is not str or OPEN in item):
            _collect(item, (*path, key), scalars, errors)

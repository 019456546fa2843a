"""Templates: JSON structures with ``${{ expression }}`` in their scalars (language.md, CEL)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from kernel.cel import reference
from kernel.cel.budget import Budget, Limits
from kernel.cel.errors import CelEvaluationError, CelSyntaxError, Problem
from kernel.cel.formatted import scalar_text
from kernel.cel.frame import Closure, Frame, located
from kernel.cel.lexer import Token, tokenize
from kernel.cel.parser import MAX_DEPTH, parse_tokens
from kernel.cel.program import DEFAULT_LIMITS, exhausted, has_dotted
from kernel.cel.tree import Expr
from kernel.errors import Path

OPEN: Final = "${{"
CLOSE: Final = "}}"
_ATOMS = (int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class Embedded:
    """An expression in a scalar; ``start`` and ``end`` are the place of its brackets."""

    expr: Expr
    start: int
    end: int


Segment = str | Embedded


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar that holds CEL, cut into literal text and expressions."""

    text: str
    segments: tuple[Segment, ...]

    @property
    def whole(self) -> Embedded | None:
        """The expression that is the whole scalar, whose value keeps its type."""
        first = self.segments[0]
        return first if len(self.segments) == 1 and isinstance(first, Embedded) else None


@dataclass(frozen=True, slots=True)
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
    pairs = value.items() if kind is dict or isinstance(value, Mapping) else enumerate(value)
    for key, item in pairs:
        _collect(item, (*path, key), scalars, errors)


class Template:
    """A structure that can be evaluated any number of times, from any thread.

    ``evaluate(bindings)`` gives a new structure with the values in the place of the expressions;
    parts without CEL are shared with the template. It raises ``CelEvaluationError`` with the
    ``path`` of the scalar. ``constant``: there is no CEL, and ``evaluate`` gives the structure
    itself.
    """

    __slots__ = ("_reference", "constant", "evaluate", "limits", "tree")

    evaluate: Callable[[Mapping[str, Any]], Any]

    def __init__(self, tree: TemplateTree, limits: Limits) -> None:
        self.tree = tree
        self.limits = limits
        self.constant = not tree.scalars
        self.evaluate = self._constant if self.constant else self._first
        self._reference: tuple[Closure, int] | None = None

    def _constant(self, bindings: Mapping[str, Any]) -> Any:
        return self.tree.structure

    def _first(self, bindings: Mapping[str, Any]) -> Any:
        """Make the code, and evaluate."""
        if has_dotted(bindings):
            self.evaluate = self.evaluate_by_reference
        else:
            from kernel.cel import generate

            self.evaluate = generate.template(self.tree, self.limits, self.evaluate_by_reference)
        return self.evaluate(bindings)

    def evaluate_by_reference(self, bindings: Mapping[str, Any]) -> Any:
        """The value by the reference evaluator: the same as ``evaluate``, only slower."""
        try:
            if self._reference is None:
                self._reference = _build(self.tree)
            closure, slots = self._reference
            return closure(Frame(bindings, Budget(self.limits), slots))
        except RecursionError:
            path, first = next(self.tree.expressions())
            error = exhausted(first.expr, self.tree.scalars[path].text)
            error.path = path
            raise error from None


def compile_template(structure: Any | TemplateTree, *, limits: Limits = DEFAULT_LIMITS) -> Template:
    """The template of a JSON structure (or of its tree); raises its first ``CelSyntaxError``."""
    tree = structure if isinstance(structure, TemplateTree) else parse_template(structure)
    if tree.errors:
        raise tree.errors[0]
    return Template(tree, limits)


def faulty_template(error: CelSyntaxError) -> Template:
    """What stands for a template that does not parse: null, with the error in its tree."""
    return Template(TemplateTree(None, {}, (error,)), DEFAULT_LIMITS)


def _build(tree: TemplateTree) -> tuple[Closure, int]:
    slots = 0

    def closure(value: Any, path: Path) -> Closure | None:
        nonlocal slots
        scalar = tree.scalars.get(path)
        if scalar is not None:
            made, needed = _scalar(scalar, path)
            slots = max(slots, needed)
            return made
        if isinstance(value, Mapping):
            return _mapping(value, {key: closure(v, (*path, key)) for key, v in value.items()})
        if isinstance(value, list | tuple):
            return _list(value, [closure(v, (*path, i)) for i, v in enumerate(value)])
        return None

    made = closure(tree.structure, ())
    return made or (lambda frame: tree.structure), slots


def _mapping(value: Mapping[Any, Any], parts: dict[Any, Closure | None]) -> Closure | None:
    if not any(parts.values()):
        return None
    return lambda frame: {key: part(frame) if part else value[key] for key, part in parts.items()}


def _list(value: Any, parts: list[Closure | None]) -> Closure | None:
    if not any(parts):
        return None
    return lambda frame: [
        part(frame) if part else value[position] for position, part in enumerate(parts)
    ]


def _scalar(scalar: Scalar, path: Path) -> tuple[Closure, int]:
    slots = 0
    parts: list[str | tuple[Expr, Closure]] = []
    for segment in scalar.segments:
        if isinstance(segment, str):
            parts.append(segment)
            continue
        made, needed = reference.build(segment.expr, scalar.text)
        slots = max(slots, needed)
        parts.append((segment.expr, made))
    first = parts[0]
    if len(parts) == 1 and not isinstance(first, str):
        return _placed(first[1], path), slots
    return _placed(_joined(parts, scalar.text), path), slots


def _placed(closure: Closure, path: Path) -> Closure:
    """The closure, with the path in its errors."""

    def evaluate(frame: Frame) -> Any:
        try:
            return closure(frame)
        except CelEvaluationError as error:
            error.path = path
            raise

    return evaluate


def _joined(parts: list[str | tuple[Expr, Closure]], text: str) -> Closure:
    def join(frame: Frame) -> str:
        words: list[str] = []
        for part in parts:
            if isinstance(part, str):
                words.append(part)
                continue
            expr, closure = part
            value = closure(frame)
            try:
                words.append(scalar_text(frame.budget, value))
            except Problem as problem:
                raise located(problem, expr, text) from None
        return "".join(words)

    return join

"""Templates: JSON structures with ``${{ expression }}`` in their scalars (language.md, CEL)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kernel.cel import closures
from kernel.cel.budget import DEFAULT_LIMITS, Budget, Limits
from kernel.cel.errors import CelEvaluationError, CelSyntaxError, Problem
from kernel.cel.frame import Closure, Frame, exhausted, has_dotted, located
from kernel.cel.scalar_text import scalar_text
from kernel.cel.template_tree import Scalar, TemplateTree, parse_template
from kernel.cel.tree import Expr
from kernel.cel.values import MixedMap, entries
from kernel.errors import Path


class Template:
    """A structure that can be evaluated any number of times, from any thread.

    ``evaluate(bindings)`` gives a new structure with the values in the place of the expressions;
    parts without CEL are shared with the template. It raises ``CelEvaluationError`` with the
    ``path`` of the scalar. ``constant``: there is no CEL, and ``evaluate`` gives the structure
    itself.
    """

    __slots__ = ("_closure", "constant", "evaluate", "limits", "tree")

    evaluate: Callable[[Mapping[str, Any]], Any]

    def __init__(self, tree: TemplateTree, limits: Limits) -> None:
        self.tree = tree
        self.limits = limits
        self.constant = not tree.scalars
        self.evaluate = self._constant if self.constant else self._first
        self._closure: tuple[Closure, int] | None = None

    def _constant(self, bindings: Mapping[str, Any]) -> Any:
        return self.tree.structure

    def _first(self, bindings: Mapping[str, Any]) -> Any:
        """Make the code once, and evaluate; callers may keep this function."""
        if self.evaluate != self._first:
            return self.evaluate(bindings)
        if has_dotted(bindings):
            self.evaluate = self.evaluate_by_reference
        else:
            # For start-up time: most commands evaluate nothing.
            from kernel.cel.codegen import generate

            self.evaluate = generate.template(self.tree, self.limits, self.evaluate_by_reference)
        return self.evaluate(bindings)

    def evaluate_by_reference(self, bindings: Mapping[str, Any]) -> Any:
        """The value by the reference evaluator: the same as ``evaluate``, only slower."""
        try:
            if self._closure is None:
                self._closure = _build(self.tree)
            closure, slots = self._closure
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
            return _mapping(value, [closure(item, (*path, key)) for key, item in entries(value)])
        if isinstance(value, list | tuple):
            return _list(value, [closure(v, (*path, i)) for i, v in enumerate(value)])
        return None

    made = closure(tree.structure, ())
    return made or (lambda frame: tree.structure), slots


def _mapping(value: Mapping[Any, Any], parts: list[Closure | None]) -> Closure | None:
    if not any(parts):
        return None
    pairs = list(zip(value, parts, strict=True))
    if type(value) is MixedMap:
        return lambda frame: MixedMap.of(
            (key, part(frame) if part else value[key]) for key, part in pairs
        )
    return lambda frame: {key: part(frame) if part else value[key] for key, part in pairs}


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
        made, needed = closures.build(segment.expr, scalar.text)
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

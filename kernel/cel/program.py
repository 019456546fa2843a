"""Programs: expressions that are ready to be evaluated, by generated code or by closures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kernel.cel import closures
from kernel.cel.budget import DEFAULT_LIMITS, Budget, Limits
from kernel.cel.frame import Closure, Frame, exhausted, has_dotted
from kernel.cel.parser import parse
from kernel.cel.tree import Expr


class Program:
    """An expression that can be evaluated any number of times, from any thread.

    ``evaluate(bindings)`` gives the value for a mapping of names to values; it raises
    ``CelEvaluationError``. Its code is made at the first evaluation.
    """

    __slots__ = ("_closure", "container", "evaluate", "expr", "limits", "text")

    evaluate: Callable[[Mapping[str, Any]], Any]

    def __init__(self, expr: Expr, text: str, container: str, limits: Limits) -> None:
        self.expr = expr
        self.text = text
        self.container = container
        self.limits = limits
        self.evaluate = self._first
        self._closure: tuple[Closure, int] | None = None

    def _first(self, bindings: Mapping[str, Any]) -> Any:
        """Choose how to evaluate from now on, and do so; callers may keep this function."""
        if self.evaluate != self._first:
            return self.evaluate(bindings)
        # Names with dots and containers change what every name may mean: see the specification,
        # Name Resolution. The generated code knows plain names only.
        if self.container or has_dotted(bindings):
            self.evaluate = self.evaluate_by_reference
        else:
            # For start-up time: most commands evaluate nothing.
            from kernel.cel.codegen import generate

            self.evaluate = generate.expression(self.expr, self.limits, self.evaluate_by_reference)
        return self.evaluate(bindings)

    def evaluate_by_reference(self, bindings: Mapping[str, Any]) -> Any:
        """The value by the reference evaluator: the same as ``evaluate``, only slower."""
        try:
            if self._closure is None:
                self._closure = closures.build(self.expr, self.text, self.container)
            closure, slots = self._closure
            return closure(Frame(bindings, Budget(self.limits), slots))
        except RecursionError:
            raise exhausted(self.expr, self.text) from None


def compile(
    source: str | Expr, container: str = "", *, text: str = "", limits: Limits = DEFAULT_LIMITS
) -> Program:
    """The program of an expression, given as text or as a tree.

    ``container``: the dotted name in which names are looked up first (specification, Name
    Resolution). ``text``: for a tree, the text that it was parsed from, for the errors. Raises
    ``CelSyntaxError``.
    """
    if isinstance(source, str):
        return Program(parse(source), source, container, limits)
    return Program(source, text, container, limits)

"""Programs: expressions that are ready to be evaluated, by generated code or by the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kernel.cel import reference
from kernel.cel.budget import Budget, Limits
from kernel.cel.errors import CelEvaluationError, Problem
from kernel.cel.frame import Closure, Frame, located
from kernel.cel.parser import parse
from kernel.cel.tree import Expr

DEFAULT_LIMITS = Limits()


class Program:
    """An expression that can be evaluated any number of times, from any thread.

    ``evaluate(bindings)`` gives the value for a mapping of names to values; it raises
    ``CelEvaluationError``. Its code is made at the first evaluation.
    """

    __slots__ = ("_reference", "container", "evaluate", "expr", "limits", "text")

    evaluate: Callable[[Mapping[str, Any]], Any]

    def __init__(self, expr: Expr, text: str, container: str, limits: Limits) -> None:
        self.expr = expr
        self.text = text
        self.container = container
        self.limits = limits
        self.evaluate = self._first
        self._reference: tuple[Closure, int] | None = None

    def _first(self, bindings: Mapping[str, Any]) -> Any:
        """Choose how to evaluate from now on, and do so."""
        # Names with dots and containers change what every name may mean: see the specification,
        # Name Resolution. The generated code knows plain names only.
        if self.container or has_dotted(bindings):
            self.evaluate = self.evaluate_by_reference
        else:
            from kernel.cel import generate

            self.evaluate = generate.expression(self.expr, self.limits, self.evaluate_by_reference)
        return self.evaluate(bindings)

    def evaluate_by_reference(self, bindings: Mapping[str, Any]) -> Any:
        """The value by the reference evaluator: the same as ``evaluate``, only slower."""
        try:
            if self._reference is None:
                self._reference = reference.build(self.expr, self.text, self.container)
            closure, slots = self._reference
            return closure(Frame(bindings, Budget(self.limits), slots))
        except RecursionError:
            raise exhausted(self.expr, self.text) from None


def has_dotted(bindings: Mapping[str, Any]) -> bool:
    """Whether a binding has a dotted name, which may stand for a chain of selections."""
    return any(isinstance(name, str) and "." in name for name in bindings)


def exhausted(expr: Expr, text: str) -> CelEvaluationError:
    """The error of an expression for which the stack is too small."""
    message = "the expression is nested too deeply for the stack that is left"
    return located(Problem("budget", message), expr, text)


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

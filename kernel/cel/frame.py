"""What one evaluation by closures carries along."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kernel.cel.budget import Budget
from kernel.cel.errors import CelEvaluationError, Problem
from kernel.cel.tree import Expr


class Frame:
    """The bindings, the budget and the variables of macros (by slot) of one evaluation."""

    __slots__ = ("bindings", "budget", "locals")

    def __init__(self, bindings: Mapping[str, Any], budget: Budget, slots: int) -> None:
        self.bindings = bindings
        self.budget = budget
        self.locals: list[Any] = [None] * slots


Closure = Callable[[Frame], Any]


def located(problem: Problem, node: Expr, text: str) -> CelEvaluationError:
    """The error of a sub-expression."""
    return CelEvaluationError(problem.message, problem.reason, node.offset, node.end, text)


def exhausted(expr: Expr, text: str) -> CelEvaluationError:
    """The error of an expression for which the stack is too small."""
    message = "the expression is nested too deeply for the stack that is left"
    return located(Problem("budget", message), expr, text)


def has_dotted(bindings: Mapping[str, Any]) -> bool:
    """Whether a binding has a dotted name, which may stand for a chain of selections."""
    return any(isinstance(name, str) and "." in name for name in bindings)

"""Which variables and steps expressions and templates read, and whether they read positions."""

from __future__ import annotations

from functools import lru_cache

from analyzer.expressions.positions import asks_positions
from kernel.cel import Expr, Template, free_names
from kernel.cel.tree import Ident, Literal, Macro, Select, children
from kernel.structs import struct
from kernel.topology.step_names import step_name, steps_read_by


@struct(eq=False)
class Asked:
    """What the expressions of a template read, all of them together."""

    names: frozenset[str]
    """The variables."""
    steps: frozenset[str] | None
    """The steps by name; None where ``steps`` is read as a whole."""
    over_steps: tuple[Expr, ...]
    """The parts that may decide other conditions: ``has(...)`` and ``steps.X.f``."""
    ordered: bool
    """Whether something depends on the order of numbers."""


def asked_in(template: Template) -> Asked:
    """What a template speaks of."""
    exprs = [
        segment.expr
        for scalar in template.tree.scalars.values()
        for segment in scalar.segments
        if not isinstance(segment, str)
    ]
    return asked_by(exprs[0]) if len(exprs) == 1 else _joined(tuple(exprs))


@lru_cache(maxsize=4096)
def _joined(exprs: tuple[Expr, ...]) -> Asked:
    asked = [asked_by(one) for one in exprs]
    steps = frozenset[str]().union(*(one.steps or () for one in asked))
    is_whole = any(one.steps is None for one in asked)
    return Asked(
        frozenset[str]().union(*(one.names for one in asked)),
        None if is_whole else steps,
        () if is_whole else tuple([part for one in asked for part in one.over_steps]),
        any(one.ordered for one in asked),
    )


@lru_cache(maxsize=16_384)
def asked_by(expr: Expr) -> Asked:
    """What an expression speaks of."""
    steps = steps_read_by(expr)
    over_steps = tuple(_over_steps(expr)) if steps else ()
    return Asked(free_names(expr), steps, over_steps, asks_positions(expr))


def _over_steps(expr: Expr) -> list[Expr]:
    found: list[Expr] = []
    waiting = [expr]
    while waiting:
        node = waiting.pop()
        while type(node) is Select:
            if step_name(node.operand) is not None:
                found.append(node)
            node = node.operand
        if type(node) is Macro and node.name == "has":
            found.append(node)
        if type(node) is not Literal and type(node) is not Ident:
            waiting += children(node)
    return found

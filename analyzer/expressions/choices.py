"""Conditions of which at least one has its outcome: what is known after ``a || b``.

Where ``a`` is false later, ``b`` is true. A choice is kept until its conditions are decided, or a
name in one of them stands for something else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from analyzer.expressions.equal_expressions import expression_key
from kernel.cel import Expr, free_names
from kernel.cel.tree import Binary, Logical, Unary
from kernel.structs import struct

MAX_CHOICES: Final = 4
"""The choices that are kept at a place; later ones are forgotten."""

MAX_OPERANDS: Final = 6
"""A choice among more conditions is not kept."""

Outcome = tuple[Any, bool]
"""The key of a condition, and what it gave."""


@struct
class Choice:
    """Conditions of which at least one has the outcome; ``names`` are those that they read."""

    operands: tuple[Expr, ...]
    outcome: bool
    names: frozenset[str]


def choice(expr: Logical, outcome: bool) -> Choice | None:
    """The choice after ``a || b`` was true, or ``a && b`` false; None for a long chain."""
    if len(expr.operands) > MAX_OPERANDS:
        return None
    return Choice(expr.operands, outcome, free_names(expr))


def outcomes(expr: Expr, outcome: bool) -> Iterator[Outcome]:
    """What the parts of a condition gave, each with ``!`` and ``!=`` taken into the outcome."""
    if isinstance(expr, Logical) and (expr.operator == "&&") is outcome:
        for operand in expr.operands:
            yield from outcomes(operand, outcome)
        return
    yield _plain(expr, outcome)


def left_of(found: Choice, given: frozenset[Outcome]) -> tuple[Expr, ...]:
    """The conditions of a choice that may still have its outcome, after those of others."""
    return tuple(one for one in found.operands if not _contradicts(one, found.outcome, given))


def _contradicts(expr: Expr, outcome: bool, given: frozenset[Outcome]) -> bool:
    return any((key, not held) in given for key, held in outcomes(expr, outcome))


def _plain(expr: Expr, outcome: bool) -> Outcome:
    if isinstance(expr, Unary) and expr.operator == "!":
        return _plain(expr.operand, not outcome)
    if isinstance(expr, Binary) and expr.operator == "!=":
        kind, _, *rest = expression_key(expr)
        return (kind, "==", *rest), not outcome
    return expression_key(expr), outcome

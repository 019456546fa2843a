"""What a condition over steps says of other conditions.

``steps.X.skipped`` is false where the ``when`` of X was true; ``has(steps.X.result)`` is true where
all conditions were that lead to X; ``steps.X.result`` of a value step is the value itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from analyzer.flow.availability import Ran
from analyzer.flow.guards import Condition, Known, condition_of, when_of
from analyzer.flow.place import Spot, may_be_asked_again, step_name
from kernel.cel import Expr
from kernel.cel.tree import Binary, Literal, Logical, Macro, Select, Unary
from kernel.topology import forms
from kernel.topology.forms import Step

MAX_DEPTH = 8
"""What steps mean whose conditions are over steps, … so often."""


@dataclass(frozen=True, slots=True, eq=False)
class Meaning:
    """An expression is true where all the conditions hold; with ``positive`` false, is false."""

    conditions: Known
    positive: bool


Meanings = Callable[[Expr], Meaning | None]


def meanings_at(spot: Spot) -> Meanings:
    """What expressions over steps mean at a place, where that can be told."""
    return lambda expr: _meaning(expr, spot)


def _meaning(expr: Expr, spot: Spot) -> Meaning | None:
    selected = expr.args[0] if isinstance(expr, Macro) and expr.name == "has" else expr
    if not isinstance(selected, Select) or (name := step_name(selected.operand)) is None:
        return None
    step = spot.conditions.by_name.get(name)
    if step is None or name not in spot.state:
        return None
    found = _of_step(selected.field, selected is not expr, step, spot)
    if found is None or not all(may_be_asked_again(one, spot) for one in found.conditions):
        return None
    return found


def _of_step(field: str, guarded: bool, step: Step, spot: Spot) -> Meaning | None:
    if field == "skipped" and not guarded and spot.state[step.name or ""] is not Ran.PERHAPS:
        known = when_of(step)
        return None if step.when is not None and not known else Meaning(known, False)
    if field == "result" and guarded:
        guards = spot.conditions.guards(step, spot.step, spot.within)
        return None if guards is None else Meaning(guards, True)
    if field == "result" and isinstance(step.form, forms.Value):
        alias = condition_of(step.form.value, True, step)
        return None if alias is None else Meaning((alias,), True)
    return None


def derived(known: Known, meanings: Meanings) -> Iterator[Condition]:
    """The conditions, and what follows from what they say of steps."""
    for one in known:
        yield one
        if one.reads:
            yield from _derived(one.expr, one.outcome, meanings, 0)


def said_by(expr: Expr, outcome: bool, meanings: Meanings) -> Iterator[Condition]:
    """What follows from the outcome of one expression over a step."""
    meaning = meanings(expr)
    if meaning is None:
        return
    if outcome is meaning.positive:
        yield from meaning.conditions
    elif len(meaning.conditions) == 1:
        yield meaning.conditions[0].negated


def _derived(expr: Expr, outcome: bool, meanings: Meanings, depth: int) -> Iterator[Condition]:
    if depth > MAX_DEPTH:
        return
    match expr:
        case Unary(operator="!"):
            yield from _derived(expr.operand, not outcome, meanings, depth)
        case Logical() if (expr.operator == "&&") is outcome:
            for operand in expr.operands:
                yield from _derived(operand, outcome, meanings, depth)
        case Binary(operator="==" | "!=", right=Literal(value=bool() as value)):
            same = expr.operator == "=="
            if (outcome is same) or value is False:
                yield from _derived(expr.left, value is (outcome is same), meanings, depth)
        case _:
            for one in said_by(expr, outcome, meanings):
                yield one
                yield from _derived(one.expr, one.outcome, meanings, depth + 1)

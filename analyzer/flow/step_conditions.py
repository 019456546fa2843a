"""What a condition over steps says of other conditions.

``steps.X.skipped`` is false where the ``when`` of X was true; ``has(steps.X.result)`` is true where
all conditions were that lead to X; ``steps.X.result`` of a value step is the value itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from analyzer.flow.availability import Ran
from analyzer.flow.known import Condition, Known, condition_of, when_of
from analyzer.flow.place import Place, may_be_asked_again
from kernel.cel import Expr
from kernel.cel.tree import Binary, Literal, Logical, Macro, Select, Unary
from kernel.structs import struct
from kernel.topology.forms import Step, field_of
from kernel.topology.step_names import step_name

MAX_DEPTH = 8
"""What steps mean whose conditions are over steps, … so often."""


@struct(eq=False)
class Equivalent:
    """An expression is true where all the conditions hold; with ``positive`` false, is false."""

    conditions: Known
    positive: bool


Equivalents = Callable[[Expr], Equivalent | None]


def equivalents_at(place: Place) -> Equivalents:
    """What expressions over steps mean at a place, where that can be told."""
    return lambda expr: _equivalent(expr, place)


def _equivalent(expr: Expr, place: Place) -> Equivalent | None:
    selected = expr.args[0] if isinstance(expr, Macro) and expr.name == "has" else expr
    if not isinstance(selected, Select) or (name := step_name(selected.operand)) is None:
        return None
    step = place.conditions.by_name.get(name)
    if step is None or name not in place.state:
        return None
    found = _of_step(selected.field, selected is not expr, step, place)
    if found is None or not all(may_be_asked_again(one, place) for one in found.conditions):
        return None
    return found


def _of_step(field: str, guarded: bool, step: Step, place: Place) -> Equivalent | None:
    if field == "skipped" and not guarded and place.state[step.name or ""] is not Ran.PERHAPS:
        known = when_of(step)
        return None if step.when is not None and not known else Equivalent(known, False)
    if field == "result" and guarded:
        guards = place.conditions.guards(step, place.step, place.within)
        return None if guards is None else Equivalent(guards, True)
    if field == "result" and step.form.gives == "value":
        alias = condition_of(field_of(step, "value").template, True, step)
        return None if alias is None else Equivalent((alias,), True)
    return None


def with_implied(known: Known, equivalents: Equivalents) -> Iterator[Condition]:
    """The conditions, and what follows from what they say of steps."""
    for one in known:
        yield one
        if one.reads:
            yield from _implied(one.expr, one.outcome, equivalents, 0)


def implied_by(expr: Expr, outcome: bool, equivalents: Equivalents) -> Iterator[Condition]:
    """What follows from the outcome of one expression over a step."""
    equivalent = equivalents(expr)
    if equivalent is None:
        return
    if outcome is equivalent.positive:
        yield from equivalent.conditions
    elif len(equivalent.conditions) == 1:
        yield equivalent.conditions[0].negated


def _implied(
    expr: Expr, outcome: bool, equivalents: Equivalents, depth: int
) -> Iterator[Condition]:
    if depth > MAX_DEPTH:
        return
    match expr:
        case Unary(operator="!"):
            yield from _implied(expr.operand, not outcome, equivalents, depth)
        case Logical() if (expr.operator == "&&") is outcome:
            for operand in expr.operands:
                yield from _implied(operand, outcome, equivalents, depth)
        case Binary(operator="==" | "!=", right=Literal(value=bool() as value)):
            same = expr.operator == "=="
            if (outcome is same) or value is False:
                yield from _implied(expr.left, value is (outcome is same), equivalents, depth)
        case _:
            for one in implied_by(expr, outcome, equivalents):
                yield one
                yield from _implied(one.expr, one.outcome, equivalents, depth + 1)

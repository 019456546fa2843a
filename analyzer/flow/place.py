"""A place of a sequence where ``steps`` may be read, and what is known there."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.flow.availability import State
from analyzer.flow.guards import Condition, Conditions, Known
from analyzer.flow.scopes import Scopes
from kernel.cel import Expr
from kernel.cel.tree import Ident, Index, Literal, Select
from kernel.topology.forms import Field, Step


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A place where ``steps`` is read: what has run there, and what is known.

    ``step`` is the step whose field it is, None for the result; ``within``: the field sees the
    step's body.
    """

    conditions: Conditions
    state: State
    known: Known
    step: Step | None
    within: bool = False


def place_of(
    conditions: Conditions, scopes: Scopes, step: Step | None = None, field: Field | None = None
) -> Place:
    """The place of a field of a step, or of all its fields but some; without a step, the result.

    Which fields have places of their own is for `Conditions` to say.
    """
    if step is None:
        return Place(conditions, scopes.flow.end, conditions.end, None)
    within = field is not None and field.sees_body
    known = conditions.form[step] if field is None else conditions.at(step, field)
    return Place(conditions, scopes.state(step, within), known, step, within)


def step_name(node: Expr) -> str | None:
    """The name of the step that ``steps.<name>`` selects; None for anything else."""
    if isinstance(node, Select) and _is_steps(node.operand):
        return node.field
    if isinstance(node, Index) and _is_steps(node.operand) and isinstance(node.index, Literal):
        return node.index.value if isinstance(node.index.value, str) else None
    return None


def _is_steps(node: Expr) -> bool:
    return isinstance(node, Ident) and node.name == "steps"


def may_be_asked_again(guard: Condition, place: Place) -> bool:
    """Whether a guard says at a place what it said where it was asked, since it reads the same.

    The steps that it reads have run before it, and not again since; ``item`` and ``error`` are
    those of the same round and of the same failure.
    """
    conditions = place.conditions
    for name in guard.names & conditions.brought:
        mine = conditions.bringer(name, place.step, place.within)
        if conditions.bringer(name, guard.step) != mine:
            return False
    return all(conditions.is_past(name, guard.step) for name in guard.reads)

"""A place of a topology where ``steps`` may be read, and what is known there."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from analyzer.flow.availability import State
from analyzer.flow.known import Condition, Conditions, Known
from analyzer.flow.scopes import Scopes
from kernel.cel.values import TYPES
from kernel.structs import struct
from kernel.topology.forms import Field, Step

_GIVEN: Final = frozenset({"error", *(name.partition(".")[0] for name in TYPES)})
"""Names that are not among the variables of a place: types, and what only some fields have."""


@struct(eq=False)
class Place:
    """A place where ``steps`` is read: what has run there, and what is known."""

    conditions: Conditions
    state: State
    known: Known
    step: Step | None
    """The step whose field it is; None at the result of the topology."""
    within: bool = False
    """The field sees the step's body."""


def place_of(
    conditions: Conditions, scopes: Scopes, step: Step | None = None, field: Field | None = None
) -> Place:
    """The place of a field of a step; without a step, that of the result of the topology.

    Without a field it is the place of all fields that have none of their own (`Conditions.at`).
    """
    if step is None:
        return Place(conditions, scopes.availability.end, conditions.end, None)
    within = field is not None and field.sees_body
    known = conditions.fields[step] if field is None else conditions.at(step, field)
    return Place(conditions, scopes.state(step, within), known, step, within)


def may_be_asked_again(guard: Condition, place: Place) -> bool:
    """Whether a guard has the same value at a place as where it was evaluated.

    The steps that it reads have run before it, and not again since; ``item`` and ``error`` are
    those of the same round and of the same failure.
    """
    conditions = place.conditions
    for name in guard.names & conditions.brought:
        mine = conditions.brought_by(name, place.step, place.within)
        if conditions.brought_by(name, guard.step) != mine:
            return False
    return all(conditions.is_past(name, guard.step) for name in guard.reads)


def in_doubt(place: Place, names: Collection[str]) -> bool:
    """Whether a condition known at a place reads a step or a variable that does not exist.

    ``names`` are the variables at the place. Then it is not known what the condition excludes.
    """
    steps, brought = place.conditions.by_name.keys(), place.conditions.brought
    return any(
        not one.reads <= steps or one.names.difference(names, brought, _GIVEN)
        for one in place.known
    )

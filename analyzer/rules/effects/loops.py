"""K707: loops whose condition nothing inside changes, without a bound."""

from __future__ import annotations

from typing import Final

from analyzer.checks.unit_check import UnitCheck
from analyzer.findings.messages import k7_effects
from analyzer.flow.step_names import steps_read
from analyzer.rules.effects.reach import Effects
from kernel.cel import CelError, Template
from kernel.topology.callsite import names_in
from kernel.topology.forms import Field, Step, all_steps

_CHANGING: Final = frozenset(("resources", "invocation", "index"))
"""Variables that may have another value in the next round, whatever is inside of the loop."""


def check_loops(check: UnitCheck) -> None:
    """The loops of a topology."""
    sequence = check.unit.sequence
    for step in () if sequence is None else all_steps(sequence.steps):
        for field in step.fields:
            if field.goes_on is not None and not field.is_bounded:
                _check(check, step, field)


def _check(check: UnitCheck, step: Step, field: Field) -> None:
    condition, word = field.template, str(field.path[0])
    names, read = names_in(condition), steps_read(condition)
    inside = {one.name for part in step.parts for one in all_steps(part.steps)}
    if condition.tree.errors or read is None or names & _CHANGING or read & inside:
        return
    if not names and _constant(condition) is not field.goes_on:
        return  # It never begins, or K601 has told of it.
    if step.when is not None and _constant(step.when) is False:
        return
    raising = check.program.once(Effects).raising
    if any(raising.of_steps(check.unit, part.steps).throws for part in step.parts):
        return
    is_endless = not names and field.goes_on
    message = k7_effects.endless_loop if is_endless else k7_effects.unchanging_loop
    check.add(message(word), (*step.path, word), key=True)


def _constant(condition: Template) -> object:
    try:
        return condition.evaluate({})
    except CelError:
        return None

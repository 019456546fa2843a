"""K707 and K709: loops that never end, and loops that are given up without a word of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from analyzer.checks.unit_check import UnitCheck
from analyzer.findings.messages import k7_effects
from analyzer.rules.effects.reach import Effects
from kernel.cel import CelError, Template
from kernel.topology.callsite import names_in
from kernel.topology.forms import Field, Part, Step, Steps, all_steps
from kernel.topology.step_names import steps_read
from kernel.topology.topology import Topology

_CHANGING: Final = frozenset(("resources", "invocation", "index"))
"""Variables that may have another value in the next round, whatever is inside of the loop."""


def check_loops(check: UnitCheck) -> None:
    """The loops of a topology."""
    topology = check.unit.topology
    for step in () if topology is None else all_steps(topology.steps):
        for field in step.fields:
            if field.goes_on is not None and not field.is_bounded:
                _check(check, step, field)
        for part, handler in zip(step.parts, step.parts[1:], strict=False):
            if topology is not None and part.is_caught and not _is_looked_at(handler):
                for loop in _given_up(part.steps):
                    _check_limit(check, topology, step, loop)


def _is_looked_at(handler: Part) -> bool:
    """Whether a handler reads the error, or fails itself."""
    fields = (field for step in all_steps(handler.steps) for field in step.fields)
    fails = any(step.always_fails and step.when is None for step in handler.steps)
    return fails or any("error" in names_in(field.template) for field in fields)


def _given_up(steps: Steps) -> Iterator[Step]:
    """The loops with ``until`` whose limit leads out of these steps."""
    for step in steps:
        if any(one.goes_on is False and one.is_bounded for one in step.fields):
            yield step
        for part in step.parts:
            if not part.is_caught:
                yield from _given_up(part.steps)


def _check_limit(check: UnitCheck, topology: Topology, tried: Step, loop: Step) -> None:
    """Report a loop that was given up, where a result of it is read after its boundary."""
    mine = {one.name for one in all_steps((loop,)) if one.name is not None}
    inside = set(all_steps((tried,)))
    others = (one for one in all_steps(topology.steps) if one not in inside)
    templates = [field.template for one in others for field in one.fields]
    templates += [] if topology.result is None else [topology.result]
    read = frozenset[str]().union(*(steps_read(one) or () for one in templates))
    word = next(str(one.path[0]) for one in loop.fields if one.goes_on is False)
    for name in sorted(mine & read):
        check.add(k7_effects.unseen_limit(name), (*loop.path, word), key=True)
        return


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

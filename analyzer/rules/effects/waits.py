"""K711: a wait for an event that nothing in the manifest raises."""

from __future__ import annotations

from analyzer.checks.unit_check import UnitCheck
from analyzer.findings.messages import k7_effects
from analyzer.program.events import event_types
from analyzer.program.program import Program
from kernel.errors import Path
from kernel.manifest.suggest import nearest
from kernel.topology.forms import all_steps


def check_waits(check: UnitCheck) -> None:
    """Check the event patterns of a topology; one that is computed may be any, and is left out."""
    topology = check.unit.topology
    for step in () if topology is None else all_steps(topology.steps):
        for field in step.fields:
            text = field.template.tree.structure
            if field.expects == "pattern" and field.template.constant and isinstance(text, str):
                _check(check, text, (*step.path, *field.path))


def _check(check: UnitCheck, text: str, path: Path) -> None:
    from kernel.events.event import Pattern  # for start-up time

    known, pattern = check.program.once(_known), Pattern.of(text)
    if not any(map(pattern.takes, known)):
        check.add(k7_effects.unraised_event(pattern.type, nearest(pattern.type, known)), path)


def _known(program: Program) -> frozenset[str]:
    return event_types(program.linked)

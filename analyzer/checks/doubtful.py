"""Findings about steps whose own condition has an error: they follow from that error.

When such a step would run is not known. So it is not reported that it may not have run where it is
read under another condition, which may be the right one. Without a condition it is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from analyzer.expressions.checker import GUARDABLE
from analyzer.findings.catalogue import codes
from analyzer.findings.finding import Finding
from kernel.errors import Path
from kernel.topology.forms import Step, Steps, all_steps

_UNAVAILABLE: Final = codes("step-unavailable")
_STEP: Final = re.compile(r"step `(\w+)`")


def without_doubtful(findings: list[Finding], steps: Steps) -> list[Finding]:
    """The findings without those that follow from an error in the condition of a step."""
    if not any(one.code in _UNAVAILABLE for one in findings):
        return findings
    mistaken = {
        one.path
        for one in findings
        if one.weight == "error" and one.code not in GUARDABLE | _UNAVAILABLE
    }
    if not mistaken:
        return findings
    conditions = {
        one.path: [one.path + path for path in _conditions(one)] for one in all_steps(steps)
    }
    doubtful = {path for path, asked in conditions.items() if not mistaken.isdisjoint(asked)}
    named = {step.name: step.path for step in all_steps(steps) if step.name is not None}

    def follows(one: Finding) -> bool:
        name = _STEP.search(one.message) if one.code in _UNAVAILABLE else None
        if name is None or not any(one in doubtful for one in _around(named.get(name[1], ()))):
            return False
        asked = (path for step in _around(one.path) for path in conditions.get(step, ()))
        return any(path != one.path for path in asked)

    return [one for one in findings if not follows(one)]


def _around(path: Path) -> Iterator[Path]:
    """The paths of all that a path leads through."""
    return (path[:end] for end in range(1, len(path) + 1))


def _conditions(step: Step) -> Iterator[Path]:
    """The paths, from the step, of the fields that decide whether it or a part of it runs."""
    if step.when is not None:
        yield ("when",)
    for part in step.parts:
        yield from (one.path for one in (part.condition, part.subject) if one is not None)

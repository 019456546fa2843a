"""Steps whose declared name is misspelt: the fix renames the step, not everything that reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from analyzer.findings.catalogue import codes
from analyzer.findings.finding import Edit, Finding
from kernel.manifest import Document
from kernel.topology.forms import Step, all_steps
from kernel.topology.step_names import steps_read
from kernel.topology.topology import Topology

_UNKNOWN: Final = codes("unknown-property")
_MEANT: Final = re.compile(r"there is no step '(\w+)'; did you mean '(\w+)'\?")


def with_renamed_steps(
    findings: list[Finding], topology: Topology, document: Document
) -> list[Finding]:
    """The findings with other fixes for the names of steps that do not exist.

    Where several places read such a name, and none reads the step with the similar name, the name
    of that step is taken to be wrong.
    """
    read: dict[tuple[str, str], int] = {}
    for name in map(_names, findings):
        if name is not None:
            read[name] = read.get(name, 0) + 1
    if all(count == 1 for count in read.values()):
        return findings
    known = frozenset().union(*(names for names in _read(topology)))
    steps = {one.name: one for one in all_steps(topology.steps)}

    def renamed(one: Finding) -> Finding:
        names = _names(one)
        if names is None or one.fix is None or read[names] == 1 or names[1] in known:
            return one
        return replace(one, fix=_renaming(steps[names[1]], names[0], document))

    return [renamed(one) for one in findings]


def _names(one: Finding) -> tuple[str, str] | None:
    """The name that is read, and the near one that is declared."""
    found = _MEANT.match(one.message) if one.code in _UNKNOWN else None
    return None if found is None else (found[1], found[2])


def _read(topology: Topology) -> Iterator[frozenset[str]]:
    for step in all_steps(topology.steps):
        for field in step.fields:
            yield steps_read(field.template) or frozenset()
    if topology.result is not None:
        yield steps_read(topology.result) or frozenset()


def _renaming(step: Step, name: str, document: Document) -> Edit:
    assert step.name is not None
    span = document.scalar_span((*step.path, "name"), 0, len(step.name))
    return Edit(f"name the step '{name}'", span, name)

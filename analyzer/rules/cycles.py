"""K203: calls and references in a circle."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.findings.finding import Finding, Note
from analyzer.findings.messages import k2_contracts
from analyzer.program.call_order import Link, links_of
from analyzer.program.linking import Linked, Unit
from analyzer.program.program import Program


def find_cycles(program: Program) -> Iterator[Finding]:
    """A finding for each circle, with its path."""
    for circle in program.call_order.circles:
        path = list(_shortest(program.linked, circle))
        first, link = path[0]
        message = k2_contracts.cycle([unit.label for unit, _ in path], first.label)
        notes = tuple(Note(f"`{unit.label}` leads on", other.span) for unit, other in path[1:])
        yield message.at(link.span, link.path, notes)


def _shortest(linked: Linked, circle: list[Unit]) -> Iterator[tuple[Unit, Link]]:
    """The steps of a short circle from the first unit back to itself."""
    inside, start = set(circle), circle[0]
    before: dict[Unit, tuple[Unit, Link]] = {}
    waiting = [start]
    while waiting:
        unit = waiting.pop(0)
        for link in links_of(linked, unit):
            if link.unit is start:
                back = [(unit, link)]
                while unit is not start:
                    unit, link = before[unit]
                    back.append((unit, link))
                yield from reversed(back)
                return
            if link.unit in inside and link.unit not in before:
                before[link.unit] = (unit, link)
                waiting.append(link.unit)

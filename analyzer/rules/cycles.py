"""K203: calls and references in a circle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from analyzer.findings.finding import Finding, Note
from analyzer.findings.messages import k2_contracts
from analyzer.program.linking import Linked, Unit
from kernel.cel import parse_template, references
from kernel.errors import Path, Span
from kernel.manifest import Document
from kernel.topology.callsite import Target


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """A place that leads to another unit: a call, a reference, ``resources.<Name>`` in a field."""

    document: Document
    path: Path
    unit: Unit

    @property
    def span(self) -> Span:
        """Where it stands."""
        return self.document.span(self.path)


def calls_of(linked: Linked, unit: Unit) -> Iterator[tuple[Target, Unit]]:
    """What a unit calls or refers to, and the unit that this leads to."""
    targets = [site.target for site in unit.call_sites()]
    for target in (*targets, *unit.references):
        callee = linked.callee(unit.module, target)
        found = None if callee is None else linked.unit_of(callee)
        if found is not None:
            yield target, found


def links_of(linked: Linked, unit: Unit) -> Iterator[Link]:
    """What a unit calls, refers to, and needs the published values of before it comes up."""
    for target, found in calls_of(linked, unit):
        yield Link(target.document or unit.document, target.path, found)
    for place in unit.fields:
        for name in _resources_in(place.value):
            resource = unit.module.resources.get(name)
            needed = None if resource is None else linked.units.get(resource)
            if needed is not None:
                yield Link(unit.document, place.path, needed)


def _resources_in(text: str) -> Iterator[str]:
    for _, embedded in parse_template(text).expressions():
        for reference in references(embedded.expr):
            if reference[0] == "resources" and len(reference) > 1:
                yield str(reference[1])


def in_order(linked: Linked) -> tuple[list[Unit], list[list[Unit]]]:
    """The units, each after those that it calls; and the circles among them."""
    graph: dict[Unit, list[Unit]] = {
        unit: [link.unit for link in links_of(linked, unit)] for unit in linked.units.values()
    }
    sorter = TopologicalSorter(graph)
    try:
        return list(sorter.static_order()), []
    except CycleError:
        pass
    circles = list(_circles(graph))
    for circle in circles:
        inside = set(circle)
        for unit in circle:
            graph[unit] = [called for called in graph[unit] if called not in inside]
    return list(TopologicalSorter(graph).static_order()), circles


def _circles(graph: Mapping[Unit, Iterable[Unit]]) -> Iterator[list[Unit]]:
    # Only where something is wrong: importing it takes longer than most checks.
    import networkx

    whole: networkx.DiGraph[Unit] = networkx.DiGraph()
    whole.add_nodes_from(graph)
    whole.add_edges_from((unit, called) for unit, calls in graph.items() for called in calls)
    for component in networkx.strongly_connected_components(whole):
        part = whole.subgraph(component)
        if len(component) > 1 or part.number_of_edges():
            yield sorted(component, key=lambda unit: (unit.document.start, str(unit.path)))


def cycles(linked: Linked, circles: Iterable[list[Unit]]) -> Iterator[Finding]:
    """A finding for each circle, with its path."""
    for circle in circles:
        path = list(_shortest(linked, circle))
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

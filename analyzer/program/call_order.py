"""What each unit calls and refers to, and the order that follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from analyzer.program.linking import Linked, Unit
from kernel.cel import parse_template, references
from kernel.errors import Path, Span
from kernel.manifest import Document
from kernel.structs import struct
from kernel.topology.callsite import Target


@struct(eq=False)
class Link:
    """A place that leads to another unit: a call, a reference, ``resources.<Name>`` in a field."""

    document: Document
    path: Path
    unit: Unit

    @property
    def span(self) -> Span:
        """The place of the link."""
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
    """What a unit calls, what it refers to, and whose published values it needs to come up."""
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


@struct
class CallOrder:
    """The units, each after those that it calls, and the circles among them."""

    units: tuple[Unit, ...]
    circles: tuple[list[Unit], ...] = ()


def call_order(linked: Linked) -> CallOrder:
    """The order in which the units of a manifest are checked."""
    graph: dict[Unit, list[Unit]] = {
        unit: [link.unit for link in links_of(linked, unit)] for unit in linked.units.values()
    }
    sorter = TopologicalSorter(graph)
    try:
        return CallOrder(tuple(sorter.static_order()))
    except CycleError:
        pass
    circles = tuple(_circles(graph))
    for circle in circles:
        inside = set(circle)
        for unit in circle:
            graph[unit] = [called for called in graph[unit] if called not in inside]
    return CallOrder(tuple(TopologicalSorter(graph).static_order()), circles)


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

"""The workflow engine: nodes that run once what they need has ended (language.md, Topologies).

A node waits for the nodes that it names in ``needs``, and for those whose steps its expressions
read. The order of the file means nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kernel.errors import Path
from kernel.manifest.suggest import did_you_mean
from kernel.structs import field, struct
from kernel.topology.forms import Graph, Node, Step, Steps, all_steps, visible_steps
from kernel.topology.reader import Reader
from kernel.topology.roles import Roles
from kernel.topology.step_names import steps_read
from kernel.topology.steps import MAX_PARALLELISM, read_steps
from kernel.topology.topology import Topology, read_result

FAIL, CONTINUE = "fail", "continue"
"""The values of ``onFailure``."""


def read_workflow(reader: Reader, roles: Roles) -> Topology:
    """The workflow that the fields with the roles ``nodes``, ``result``, ``onFailure`` and
    ``parallelism`` write.

    A node that needs itself, also through others, is a fault.
    """
    path, data = roles.get("nodes", (("nodes",), []))
    result, result_path = read_result(reader, roles)
    steps = read_steps(reader, data, path, ("needs",))
    graph = Graph(
        _ordered(reader, steps),
        _limit(reader, roles),
        _word(reader, roles) == CONTINUE,
    )
    root = Step(None, None, graph, path, "")
    return Topology((root,), steps, result, result_path, True)


def _limit(reader: Reader, roles: Roles) -> int | None:
    path, value = roles.get("parallelism", (("parallelism",), None))
    given = {str(path[-1]): value}
    name = str(path[-1])
    return reader.integer(given, name, path[:-1], minimum=1, maximum=MAX_PARALLELISM)


def _word(reader: Reader, roles: Roles) -> str | None:
    path, value = roles.get("onFailure", (("onFailure",), None))
    return reader.choice({str(path[-1]): value}, str(path[-1]), path[:-1], (FAIL, CONTINUE))


@struct(frozen=False)
class _Draft:
    """A node that is being read: its step, what it reads, and what others see of it."""

    step: Step
    reads: frozenset[str] = frozenset()
    reads_all: bool = False
    names: tuple[str, ...] = ()
    before: set[int] = field(default_factory=set)
    """The numbers of the nodes that it waits for."""


def _ordered(reader: Reader, steps: Steps) -> tuple[Node, ...]:
    """The nodes, each behind those that it waits for; in a circle, as they stand in the file."""
    drafts = [_draft(step) for step in steps]
    homes = {name: number for number, one in enumerate(drafts) for name in one.names}
    nodes = {one.step.name: number for number, one in enumerate(drafts) if one.step.name}
    for number, one in enumerate(drafts):
        one.before.update(homes[name] for name in one.reads if name in homes)
        if not one.reads.isdisjoint(one.names) and one.step.name not in one.reads:
            one.before.discard(number)  # steps inside of a node read each other
        _add_needs(reader, one, nodes)
    if not any(one.before for one in drafts):
        return tuple(_node(one, drafts, {}) for one in drafts)
    order = _order(reader, drafts)
    places = {number: place for place, number in enumerate(order)}
    _see_all(drafts, order)
    return tuple(_node(drafts[number], drafts, places) for number in order)


def _draft(step: Step) -> _Draft:
    reads: set[str] = set()
    reads_all = False
    for inner in all_steps((step,)):
        for one in inner.fields:
            if not one.template.constant:
                read = steps_read(one.template)
                reads_all = reads_all or read is None
                reads.update(read or ())
    names = tuple(one.name for one in visible_steps((step,)) if one.name is not None)
    return _Draft(step, frozenset(reads), reads_all, names)


def _add_needs(reader: Reader, draft: _Draft, nodes: Mapping[str, int]) -> None:
    for number, name in enumerate(draft.step.needs):
        if name in nodes:
            draft.before.add(nodes[name])
            continue
        help = did_you_mean(name, [one for one in nodes if one != draft.step.name])
        path = (*draft.step.path, "needs", number)
        reader.wrong("K201", f"there is no node `{name}` in this workflow", path, help=help)


def _order(reader: Reader, drafts: list[_Draft]) -> list[int]:
    """The numbers of the nodes in an order in which they can run; circles are faults.

    Among nodes that could come next, that with the least name does.
    """
    # For start-up time: only a workflow whose nodes depend on each other needs it.
    import networkx

    graph: networkx.DiGraph[int] = networkx.DiGraph()
    graph.add_nodes_from(range(len(drafts)))
    graph.add_edges_from((need, number) for number, one in enumerate(drafts) for need in one.before)
    try:
        labels = [one.step.label for one in drafts]
        return list(networkx.lexicographical_topological_sort(graph, labels.__getitem__))
    except networkx.NetworkXUnfeasible:
        for knot in networkx.strongly_connected_components(graph):
            first = min(knot)
            inside = graph.subgraph(knot)
            ways = [networkx.shortest_path(inside, one, first) for one in inside.successors(first)]
            if ways:
                _report(reader, [drafts[number] for number in (first, *min(ways, key=len))])
        return list(range(len(drafts)))


def _report(reader: Reader, circle: list[_Draft]) -> None:
    """A fault for nodes that wait for each other, at the place where the first one is needed."""
    # An edge leads from the node that is needed to the one that needs it.
    waits = [_named(one) for one in reversed(circle)]
    path = _place_of_need(circle[1], circle[0])
    help = "a node waits for what `needs` lists, and for every step that its expressions read"
    message = f"these nodes wait for each other: {' → '.join(waits)}"
    if len(circle) == 2:
        message = f"the node {waits[0]} waits for itself"
    reader.wrong("K203", message, path, help=help)


def _place_of_need(draft: _Draft, needed: _Draft) -> Path:
    """Where a node says that it waits for another: in ``needs``, or in an expression."""
    if needed.step.name in draft.step.needs:
        return (*draft.step.path, "needs", draft.step.needs.index(needed.step.name))
    for inner in all_steps((draft.step,)):
        for one in inner.fields:
            if not (steps_read(one.template) or frozenset()).isdisjoint(needed.names):
                return (*inner.path, *one.path)
    return draft.step.path


def _named(draft: _Draft) -> str:
    return draft.step.name or draft.step.label


def _see_all(drafts: list[_Draft], order: Iterable[int]) -> None:
    """A node that reads ``steps`` as a whole sees all that has certainly run before it."""
    if not any(one.reads_all for one in drafts):
        return
    above: dict[int, set[int]] = {}
    for number in order:
        known = (above.get(one, set()) for one in drafts[number].before)
        above[number] = drafts[number].before.union(*known)
        if drafts[number].reads_all:
            drafts[number].before = above[number]


def _node(draft: _Draft, drafts: list[_Draft], places: Mapping[int, int]) -> Node:
    before = sorted(draft.before)
    seen = (name for number in before for name in drafts[number].names)
    reads = tuple(name for name in seen if draft.reads_all or name in draft.reads)
    after = tuple(sorted(places[number] for number in before))
    return Node(draft.step, after, reads, draft.names)

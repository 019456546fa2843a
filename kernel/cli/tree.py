"""A run as a tree of its invocations, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import click

from kernel.cli.paths import parts
from kernel.cli.runs import QUEUED, behind, topology_of
from kernel.cli.tables import color, compact, lasting, mark, plain, say, short, show_table
from kernel.events.event import rfc3339
from kernel.journal import Invocation, Journal, Run, Ticket
from kernel.journal.interface import OnDamage
from kernel.structs import field, struct

MAX_ROUNDS = 20  # so many rounds of a loop are shown, and so many more that went wrong
IN_FLIGHT = "in flight"
_WORSE = ("succeeded", "deduplicated", "cancelled", "rejected", "failed", IN_FLIGHT, "unknown")
_HEADER = ("INVOCATION", "TARGET", "OUTCOME", "CLASS", "BEGAN", "TAKES", "EXECUTION")
_OPTIONAL = ("BEGAN", "CLASS")
_NOTHING = ("",) * (len(_HEADER) - 1)


@struct
class Seen:
    """What is shown of an invocation; its values are not kept."""

    execution: str
    target: str
    safety: str | None
    outcome: str
    attempts: int
    began: int
    takes: int | None


@struct(frozen=False)
class Node:
    """A place in a run. ``hidden`` are the rounds that are only counted, and how they went."""

    seen: Seen | None = None
    inside: dict[str | int, Node] = field(default_factory=dict)
    hidden: dict[int, str] = field(default_factory=dict)
    wrong: int = 0

    def began(self) -> int:
        """When the first invocation here began."""
        own = [] if self.seen is None else [self.seen.began]
        return min([*own, *(node.began() for node in self.inside.values())], default=0)


def seen(one: Invocation) -> Seen:
    """What is shown of an invocation."""
    began, ended = times(one)
    takes = one.duration if one.duration is not None or ended is None else ended - began
    how = one.outcome or IN_FLIGHT
    return Seen(one.execution, one.target, one.safety, how, one.attempts, began, takes)


def times(one: Invocation) -> tuple[int, int | None]:
    """When an invocation began and ended; what needed no intent was recorded when it had ended."""
    told = one.about.get("began") if isinstance(one.about, dict) else None
    if isinstance(told, int):
        return min(one.claimed_at, told), one.concluded_at
    if one.concluded_at is None:
        return one.claimed_at, None
    return min(one.claimed_at, one.concluded_at - (one.duration or 0)), one.concluded_at


def add(root: Node, path: str, one: Seen, whole: bool) -> None:
    """Put an invocation at its place, or count it, where it went well in a late round."""
    node = root
    for part in parts(path):
        if not whole and isinstance(part, int) and part >= MAX_ROUNDS and part not in node.inside:
            if not _is_worth_showing(node, part, one.outcome):
                return
            node.hidden.pop(part, None)
            node.wrong += 1
        node = node.inside.setdefault(part, Node())
    node.seen = one


def _is_worth_showing(loop: Node, number: int, outcome: str) -> bool:
    """Whether a late round is shown; one that is not is counted by the worst of its outcomes."""
    if outcome not in ("succeeded", "deduplicated") and loop.wrong < MAX_ROUNDS:
        return True
    before = loop.hidden.get(number, "succeeded")
    loop.hidden[number] = max(before, outcome, key=_weight)
    return False


def _weight(outcome: str) -> int:
    return _WORSE.index(outcome) if outcome in _WORSE else len(_WORSE)


async def show_run(journal: Journal, run: Run, whole: bool, damaged: OnDamage) -> None:
    """Print a run: what it is, its invocations by their paths, and what waits for people."""
    root = Node()
    async for one in journal.invocations(run.run, damaged=damaged):
        add(root, one.path, seen(one), whole)
    pending = await journal.approvals("pending", run=run.run, damaged=damaged)
    waiting = {
        one.execution: ("parked", f"needs approval {short(one.approval)}") for one in pending
    }
    for standing in await journal.standings(run.run, damaged=damaged):
        if standing.ticket is not None and not standing.holds:
            add(root, standing.ticket.path, _queued(standing.ticket), whole)
            waiting[standing.ticket.execution] = QUEUED, behind(standing)
    _head(run)
    lines = list(_lines(root, waiting, run.opened_at))
    if lines:
        click.echo()
        show_table(_HEADER, [cells for cells, _ in lines], [fg for _, fg in lines], _OPTIONAL)


def _queued(ticket: Ticket) -> Seen:
    """A call that waits for its slot, of which nothing else need be recorded yet."""
    return Seen(ticket.execution, topology_of(ticket), None, QUEUED, 0, ticket.asked_at, None)


def _head(run: Run) -> None:
    title = f"run {plain(run.run)}  {plain(run.topology)}"
    say(f"{mark(run.state)} {title}  {run.state}", color(run.state))
    ended = f", took {lasting(run.finished_at - run.opened_at)}" if run.finished_at else ""
    by = f" by {plain(run.principal)}" if run.principal else ""
    say(f"  opened {rfc3339(run.opened_at, 3)}{by} (source {plain(run.source)}){ended}")
    for name, value in (("inputs", run.inputs), ("result", run.result)):
        if value is not None:
            say(f"  {name} {compact(value, 200)}")
    if run.error is not None:
        say(f"  error {plain(_told(run.error))}", hang=8)


def _told(error: Any) -> str:
    """An error, whole: what went wrong, where, and of what category."""
    if not isinstance(error, dict):
        return compact(error)
    where = f" in step {error['step']}" if error.get("step") else ""
    told = f"{error.get('kind')}{where}: {error.get('message')} (code {error.get('code')})"
    return told if error.get("data") is None else f"{told} {compact(error['data'])}"


Line = tuple[tuple[str, ...], str | None]
"""The cells of a line, and its colour."""

Waiting = Mapping[str, tuple[str, str]]
"""Of executions that wait: the outcome whose mark they have, and what is said of them."""


def _lines(root: Node, waiting: Waiting, opened: int) -> Iterator[Line]:
    if root.seen is not None:
        name = "the topology" if root.inside else "the call"
        yield _line(name, _whole(root, root.seen), waiting, "", opened)
    yield from _inside(root, 0 if root.seen is None else 1, waiting, opened)


def _inside(node: Node, depth: int, waiting: Waiting, opened: int) -> Iterator[Line]:
    indent = "  " * depth
    for part, inner in sorted(node.inside.items(), key=_order):
        label, inner = _joined(part, inner)
        if inner.seen is None:
            yield (f"{indent}  {label}", *_NOTHING), None
        else:
            yield _line(label, _whole(inner, inner.seen), waiting, indent, opened)
        yield from _inside(inner, depth + 1, waiting, opened)
    counted = Counter(node.hidden.values())
    for outcome in sorted(counted, key=_weight):
        yield (f"{indent}… {counted[outcome]:,} more {outcome}", *_NOTHING), color(outcome)


def _whole(node: Node, one: Seen) -> Seen:
    """A topology began when the first of its calls did, in whatever process that was."""
    began = node.began()
    takes = None if one.takes is None else one.takes + one.began - began
    return replace(one, began=began, takes=takes)


def _joined(part: str | int, node: Node) -> tuple[str, Node]:
    """A place in which there is one thing only stands on the line of that: ``[3] Charge``."""
    label = f"[{part}]" if isinstance(part, int) else part
    if node.seen is None and len(node.inside) == 1 and not node.hidden:
        ((inner, only),) = node.inside.items()
        more, node = _joined(inner, only)
        label = f"{label} {more}"
    return label, node


def _order(item: tuple[str | int, Node]) -> tuple[int, int]:
    """Rounds by their number, then steps in the order in which they began."""
    part, node = item
    return (0, part) if isinstance(part, int) else (1, node.began())


def _line(label: str, one: Seen, waiting: Waiting, indent: str, opened: int) -> Line:
    how, said = waiting.get(one.execution, (one.outcome, one.outcome))
    if one.execution not in waiting and one.attempts > 1:
        said = f"{said}, {one.attempts} attempts"
    cells = (
        *(f"{indent}{mark(how)} {label}", one.target, said, one.safety or ""),
        *(f"+{lasting(one.began - opened)}", lasting(one.takes), short(one.execution)),
    )
    return cells, color(how)

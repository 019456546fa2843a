"""``kernel runs``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args

import click

from kernel.cli.journals import Unread, list_rows
from kernel.cli.options import JOURNAL, output
from kernel.cli.tables import lasting, mark, minute, short
from kernel.journal import Journal, Run, Standing, Ticket
from kernel.journal.interface import OnDamage, every_run
from kernel.journal.owners import is_gone
from kernel.journal.rows import RunState
from kernel.structs import struct

_HEADER = ("RUN", "TOPOLOGY", "STATE", "OPENED", "TAKES", "CONCLUDED", "PRINCIPAL")
_OPTIONAL = ("CONCLUDED", "PRINCIPAL")
INTERRUPTED = "interrupted"
"""Said of a run that is recorded as running although no process works on it."""
QUEUED = "queued"
"""Said of a run of which a call waits for a slot of a concurrency group."""


@struct
class Seen(Run):
    """A run as people see it: its state, and what its calls wait for, which are queued."""

    waits: tuple[Mapping[str, Any], ...] = ()


@click.command("runs")
@JOURNAL
@click.option(
    "--state",
    type=click.Choice((*get_args(RunState), INTERRUPTED, QUEUED)),
    help="Only runs in this state; interrupted: running, but their process has ended; queued: "
    "running, but a call waits for a slot of a concurrency group.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    metavar="N",
    help="List at most this many.",
)
@output()
def command(journal: str, state: str | None, limit: int, form: str) -> int:
    """List the runs of a journal, the newest first.

    The beginning of an id is enough for the other commands.
    """

    async def find(opened: Journal, unread: Unread) -> list[Seen]:
        return await _found(opened, state, limit, unread)

    none = "there are no such runs" if state else "there are no runs"
    return list_rows(journal, find, form, none, _HEADER, _cells, _OPTIONAL)


async def _found(journal: Journal, state: str | None, limit: int, unread: Unread) -> list[Seen]:
    """The newest runs in a state; with those that are interrupted in a state of that name."""
    recorded: Any = "running" if state in (INTERRUPTED, QUEUED) else state
    found: list[Seen] = []
    async for run in every_run(journal, recorded, damaged=unread.append):
        shown = await as_seen(journal, run, unread.append)
        if state in (None, shown.state):
            found.append(shown)
        if len(found) == limit:
            break
    return found


async def as_seen(journal: Journal, run: Run, damaged: OnDamage | None = None) -> Seen:
    """A run with the state ``interrupted``, if it has not ended and no process works on it.

    Else with the state ``queued``, if one of its calls waits for a slot.
    """
    if run.state != "running":
        return _seen(run)
    owner = (await journal.lease(run.run)).owner
    if await is_gone(journal, owner):
        found = await journal.run(run.run)  # it may have ended between the two looks
        if found is not None and found.state != "running":
            return _seen(found)
        return _seen(run, state=INTERRUPTED)
    standings = await journal.standings(run.run, damaged=damaged)
    waits = tuple(_told(one, one.ticket) for one in standings if one.ticket and not one.holds)
    return _seen(run, state=QUEUED, waits=waits) if waits else _seen(run)


def _seen(run: Run, **more: Any) -> Seen:
    return Seen(**{each.name: getattr(run, each.name) for each in fields(run)} | more)


def _told(standing: Standing, ticket: Ticket) -> Mapping[str, Any]:
    return {
        "path": ticket.path,
        "topology": topology_of(ticket),
        "before": standing.before,
        "behind": list(dict.fromkeys(one.run for one in standing.older)),
    }


def topology_of(ticket: Ticket) -> str:
    """The address of the topology of a ticket."""
    return ticket.topology.partition(" ")[2].partition(" ")[0] or ticket.topology


def behind(standing: Standing) -> str:
    """Behind which calls a ticket is: ``behind orders-7 and 2 more``."""
    if not standing.older:
        return QUEUED
    more = standing.before - 1
    return f"{QUEUED} behind {short(standing.older[0].run)}{f' and {more:,} more' if more else ''}"


def _cells(run: Seen) -> tuple[str, ...]:
    ended = time.time_ns() if run.finished_at is None else run.finished_at
    behind = [one for waits in run.waits for one in waits["behind"]]
    after = f" behind {short(behind[0])}" if behind else ""
    return (
        *(short(run.run), run.topology, f"{mark(run.state)} {run.state}{after}"),
        *(minute(run.opened_at), lasting(ended - run.opened_at)),
        *(str(run.concluded), run.principal or ""),
    )

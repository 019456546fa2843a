"""``kernel runs``."""

from __future__ import annotations

import time
from typing import get_args

import click

from kernel.cli.journals import show_rows, with_journal
from kernel.cli.options import JOURNAL, output
from kernel.cli.tables import lasting, mark
from kernel.events.event import rfc3339
from kernel.journal import Journal, Run
from kernel.journal.owners import is_dead
from kernel.journal.rows import RunState

_PAGE_SIZE = 500
_HEADER = ("RUN", "TOPOLOGY", "STATE", "OPENED", "TAKES", "CONCLUDED", "PRINCIPAL")


@click.command("runs")
@JOURNAL
@click.option("--state", type=click.Choice(get_args(RunState)), help="Only runs in this state.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    metavar="N",
    help="List at most this many.",
)
@output()
def command(journal: str, state: RunState | None, limit: int, form: str) -> None:
    """List the runs of a journal, the newest first."""
    found, dead = with_journal(journal, lambda opened: _found(opened, state, limit))
    none = "there are no such runs" if state else "there are no runs"
    show_rows(found, form, none, _HEADER, lambda run: _cells(run, run.run in dead))


async def _found(
    journal: Journal, state: RunState | None, limit: int
) -> tuple[list[Run], set[str]]:
    """The runs, and the ids of those that have not ended although no process works on them."""
    found = await _runs(journal, state, limit)
    dead = set()
    for run in found:
        if run.state == "running":
            owner = (await journal.lease(run.run)).owner
            if owner is None or is_dead(owner):
                dead.add(run.run)
    return found, dead


async def _runs(journal: Journal, state: RunState | None, limit: int) -> list[Run]:
    found: list[Run] = []
    while len(found) < limit:
        before = found[-1] if found else None
        page = await journal.runs(state, before=before, limit=min(_PAGE_SIZE, limit - len(found)))
        if not page:
            break
        found += page
    return found


def _cells(run: Run, dead: bool) -> tuple[str, ...]:
    ended = time.time_ns() if run.finished_at is None else run.finished_at
    return (
        *(run.run, run.topology, f"{mark(run.state)} {'interrupted' if dead else run.state}"),
        *(rfc3339(run.opened_at, 0), lasting(ended - run.opened_at)),
        *(str(run.concluded), run.principal or ""),
    )

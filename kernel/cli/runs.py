"""``kernel runs``."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, get_args

import click

from kernel.cli.journals import Unread, list_rows
from kernel.cli.options import JOURNAL, output
from kernel.cli.tables import lasting, mark, minute, short
from kernel.journal import Journal, Run
from kernel.journal.interface import every_run
from kernel.journal.owners import is_gone
from kernel.journal.rows import RunState

_HEADER = ("RUN", "TOPOLOGY", "STATE", "OPENED", "TAKES", "CONCLUDED", "PRINCIPAL")
_OPTIONAL = ("CONCLUDED", "PRINCIPAL")
INTERRUPTED = "interrupted"
"""Said of a run that is recorded as running although no process works on it."""


@click.command("runs")
@JOURNAL
@click.option(
    "--state",
    type=click.Choice((*get_args(RunState), INTERRUPTED)),
    help="Only runs in this state; interrupted: running, but their process has ended.",
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

    async def find(opened: Journal, unread: Unread) -> list[Run]:
        return await _found(opened, state, limit, unread)

    none = "there are no such runs" if state else "there are no runs"
    return list_rows(journal, find, form, none, _HEADER, _cells, _OPTIONAL)


async def _found(journal: Journal, state: str | None, limit: int, unread: Unread) -> list[Run]:
    """The newest runs in a state; with those that are interrupted in a state of that name."""
    recorded: Any = "running" if state == INTERRUPTED else state
    found: list[Run] = []
    async for run in every_run(journal, recorded, damaged=unread.append):
        shown = await as_seen(journal, run)
        if state in (None, shown.state):
            found.append(shown)
        if len(found) == limit:
            break
    return found


async def as_seen(journal: Journal, run: Run) -> Run:
    """A run with the state ``interrupted``, if it has not ended and no process works on it."""
    if run.state == "running":
        owner = (await journal.lease(run.run)).owner
        if await is_gone(journal, owner):
            found = await journal.run(run.run)  # it may have ended between the two looks
            if found is not None and found.state != "running":
                return found
            return replace(run, state=INTERRUPTED)  # type: ignore[arg-type]
    return run


def _cells(run: Run) -> tuple[str, ...]:
    ended = time.time_ns() if run.finished_at is None else run.finished_at
    return (
        *(short(run.run), run.topology, f"{mark(run.state)} {run.state}"),
        *(minute(run.opened_at), lasting(ended - run.opened_at)),
        *(str(run.concluded), run.principal or ""),
    )

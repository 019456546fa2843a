"""``kernel cancel``."""

from __future__ import annotations

import click

from kernel.cli.journals import as_fields, find_id, person, with_journal
from kernel.cli.options import DECIDING
from kernel.cli.render import show
from kernel.cli.tables import color, mark, say
from kernel.journal import Journal, Run


@click.command("cancel")
@click.argument("run", metavar="RUN")
@DECIDING
def command(journal: str, run: str, principal: str | None, reason: str | None, form: str) -> None:
    """Cancel a run: parked, interrupted, one that waits to hear what became of a call, or one that
    another process works on. That process cancels it, with the steps of `finally`; this command
    waits until it has. If the process gives no sign of life for 10 seconds, the run is cancelled
    all the same.

    Its pending approvals are denied. Of what was in flight a person has to say whether it took
    effect (`kernel escalations`). Nothing that it did is undone.
    """
    from kernel.runtime.cancelling import cancel  # for start-up time: knows all that runs

    async def work(opened: Journal) -> Run:
        _, found = await find_id(opened, run, "run")
        return await cancel(opened, found, principal or person(), reason)

    ended = with_journal(journal, work)
    if form != "text":
        show(as_fields(ended), form)
    else:
        say(f"{mark(ended.state)} run {ended.run} is {ended.state}", color(ended.state))

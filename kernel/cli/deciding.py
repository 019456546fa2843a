"""What a person decides on an approval."""

from __future__ import annotations

import time
from typing import Literal

import click

from kernel.cli.approvals import as_of
from kernel.cli.execution import show_approval
from kernel.cli.journals import as_fields, find_waiting, person, with_journal
from kernel.cli.options import DECIDING
from kernel.cli.render import show
from kernel.cli.tables import say
from kernel.journal import Approval, Journal
from kernel.journal.rows import UNFINISHED, RunState


def decision(name: str, answer: Literal["approved", "denied"], help: str) -> click.Command:
    """The command that gives one answer to a pending approval."""

    @click.command(name, help=help)
    @click.argument("approval", metavar="APPROVAL|RUN")
    @DECIDING
    def command(
        journal: str, approval: str, principal: str | None, reason: str | None, form: str
    ) -> None:
        async def work(opened: Journal) -> Approval:
            found = await find_waiting(opened, approval, "approval")
            asked = as_of(time.time_ns(), await opened.approval(found))
            if form == "text" and asked.state != "pending":
                show_approval(asked)
            return await opened.decide(found, answer, principal or person(), reason)

        decided = with_journal(journal, work)
        if form != "text":
            show(as_fields(decided), form)
            return
        show_approval(decided)
        if decided.state == "pending":
            say("\nmore principals have to approve it before the run can go on")
        else:
            print_next(decided.run, None)

    return command


def print_next(run: str, state: RunState | None) -> None:
    """Print how the run is resumed, unless its state says that it has ended for good."""
    if state is None or state in UNFINISHED:
        say(f"\nkernel resume {run} goes on with the run")
    else:
        say(f"\nthe run {run} has ended ({state}), and does not go on;")
        say("what was found out counts for calls with the same idempotency key")

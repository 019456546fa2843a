"""Approvals on a terminal: who sits there is asked."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from kernel.cli.journals import person
from kernel.invocation.run import Answer, Ask

if TYPE_CHECKING:
    from kernel.cli.live import Live
    from kernel.cli.progress import Lines
    from kernel.journal.rows import Approval


def asker(display: Lines | Live) -> Ask | None:
    """What asks on the terminal; None where there is none."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    one_at_a_time = asyncio.Lock()

    async def ask(approval: Approval) -> Answer | None:
        async with one_at_a_time:
            with display.aside():
                return await asyncio.to_thread(_ask, approval)

    return ask


def _ask(approval: Approval) -> Answer | None:
    from kernel.cli.execution import show_approval

    show_approval(approval)
    try:
        said = click.prompt(
            "Approve it? yes, no, or later",
            type=click.Choice(["yes", "no", "later"]),
            default="later",
            err=True,
        )
    except click.Abort:
        return None
    return None if said == "later" else Answer(said == "yes", person())

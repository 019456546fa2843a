"""Approvals on a terminal: the person there is asked."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import click

from kernel.cli.journals import person
from kernel.invocation.runtime import Answer, Ask
from kernel.journal.rows import Approval
from kernel.threads import in_thread
from kernel.topology.tasks import retrieve_error

_ANSWERS = ("yes", "no", "later")

_asking = threading.Lock()
"""Held while a line is read, also for a question whose approval has expired meanwhile."""


def asker(aside: Callable[[], AbstractContextManager[None]]) -> Ask | None:
    """What asks on the terminal, the display put ``aside``; None where there is no terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    one_at_a_time = asyncio.Lock()

    async def ask(approval: Approval) -> Answer | None:
        async with one_at_a_time:
            with aside():
                return await _answer(approval)

    return ask


async def _answer(approval: Approval) -> Answer | None:
    """The typed answer; None when the approval expires before. No answer does not block the end."""
    asking = asyncio.ensure_future(in_thread(_ask, approval))
    asking.add_done_callback(retrieve_error)
    left = None
    if approval.expires_at is not None:
        left = max(approval.expires_at - time.time_ns(), 0) / 1e9
    done, _ = await asyncio.wait((asking,), timeout=left)
    return asking.result() if done else None


def _ask(approval: Approval) -> Answer | None:
    from kernel.cli.execution import show_approval  # for start-up time

    with _asking:
        show_approval(approval)
        try:
            said = click.prompt(
                "Approve it?",
                type=click.Choice(_ANSWERS),
                default="later",
                value_proc=_meant,
                err=True,
            )
        except click.Abort:
            return None
    return None if said == "later" else Answer(said == "yes", person())


def _meant(said: str) -> str:
    """The answer that begins as what was said."""
    word = said.strip().lower()
    found = [one for one in _ANSWERS if word and one.startswith(word)]
    if not found:
        raise click.UsageError("say yes, no, or later")
    return found[0]

"""A person who brings a run to an end with what the commands offer, and nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from kernel import RunResult
from kernel.errors import UsageError
from kernel.journal import Invocation, Journal
from kernel.journal.errors import Refused
from kernel.journal.owners import is_gone
from kernel.journal.rows import ApprovalState

MOST = 12
"""Times that a run is gone on with, after which it is taken for one that never ends."""

SECONDS = 20.0
"""A process that has neither ended nor stopped its run by then is taken for one that never does."""

ENDED = ("succeeded", "failed", "cancelled", "rejected")


@dataclass
class Person:
    """Says what became of calls (``landed``), and decides on approvals (``answer``)."""

    journal: Journal
    landed: Callable[[Invocation], bool]
    outputs: Any = None
    answer: ApprovalState = "approved"

    async def end(self, run: str, go_on: Callable[[], Awaitable[RunResult]]) -> str:
        """Bring a run to its end, and say what became of what is still asked about; its state."""
        for _ in range(MOST):
            try:
                await asyncio.wait_for(go_on(), SECONDS)
            except UsageError as error:
                raise AssertionError(f"nobody can go on with the run: {error}") from error
            found = await self.journal.run(run)
            assert found is not None
            if found.state in ENDED:
                await self.close(run)
                return found.state
            await self.help(run, found.state)
        raise AssertionError(f"the run is {found.state} again and again: {found.error}")

    async def help(self, run: str, state: str) -> None:
        """Do what the state of a run asks for."""
        asked = await self.journal.escalations()
        own = [row for row in asked if row.run == run]
        waiting = [one for one in await self.journal.approvals("pending") if one.run == run]
        if state == "unknown":
            assert asked, "the run is unknown, and nobody can resolve it"
        elif state == "parked":
            assert waiting or own, "the run is parked, and waits for nobody"
        else:
            lease = await self.journal.lease(run)
            assert state == "running", state
            assert await is_gone(self.journal, lease.owner), lease
        for approval in waiting:
            if approval.expires_at is None or approval.expires_at > time.time_ns():
                with suppress(Refused):  # it has just expired
                    await self.journal.decide(approval.approval, self.answer, "ann")
        for row in asked:
            await self.say(row)

    async def say(self, row: Invocation) -> None:
        """Say what became of a call."""
        landed = self.landed(row)
        outputs = self.outputs if landed else None
        await self.journal.resolve(row.execution, landed, "ann", outputs=outputs)

    async def close(self, run: str) -> None:
        """What a run has left behind when it has ended can be resolved, and waits for nobody."""
        for row in await self.journal.escalations(run):
            await self.say(row)
        assert await self.journal.escalations(run) == []
        assert await self.journal.unresolved(run=run) == []
        assert [one for one in await self.journal.approvals("pending") if one.run == run] == []
        assert await self.journal.verify(run) is None

"""``RunLease``: the right of this process to work on a run, kept with heartbeats."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from kernel.journal.errors import Fenced, JournalError
from kernel.journal.interface import Journal
from kernel.journal.rows import Lease


class Timing(NamedTuple):
    """When a process is taken for silent, by those that wait for its runs."""

    patience_seconds: float
    """Without a heartbeat, until another process takes the run over."""
    heartbeat_seconds: float
    """Between two heartbeats."""


class RunLease:
    """The lease of a run; calls ``on_lost`` once another process holds it.

    ``after_beat`` is awaited after each heartbeat.
    """

    def __init__(
        self,
        journal: Journal,
        lease: Lease | None,
        timing: Timing,
        on_lost: Callable[[JournalError], Awaitable[object]],
        after_beat: Callable[[], Awaitable[None]],
    ) -> None:
        self.timing = timing
        self._journal = journal
        self._lease = lease
        self._on_lost = on_lost
        self._after_beat = after_beat
        self._beaten_at = time.monotonic()
        self._beating: asyncio.Task[None] | None = None

    @property
    def is_there(self) -> bool:
        """Whether the run is in the journal: it always is, but for a call out of a service."""
        return self._lease is not None

    @property
    def row(self) -> Lease:
        """The lease as the journal wants it."""
        assert self._lease is not None
        return self._lease

    @property
    def epoch(self) -> int:
        """The epoch under which this process records."""
        assert self._lease is not None
        return self._lease.epoch

    def take(self, lease: Lease) -> None:
        """Hold the lease of a run that this process has just opened."""
        self._lease = lease
        self._beaten_at = time.monotonic()
        self.start_heartbeat()

    @property
    def is_doubtful(self) -> bool:
        """Whether this process stood still for so long that another may have the run."""
        return time.monotonic() - self._beaten_at > self.timing.patience_seconds / 2

    async def heartbeat(self) -> None:
        """Tell the journal that this process lives. Raises :class:`Fenced` when it lost the run."""
        now = time.monotonic()
        await self._journal.heartbeat(self.row)
        self._beaten_at = now

    def start_heartbeat(self) -> None:
        """Give heartbeats from now on, until :meth:`end`, or until another holds the run."""
        self._beating = asyncio.ensure_future(self._keep_beating())

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(self.timing.heartbeat_seconds)
            try:
                await self.heartbeat()
                await self._after_beat()
            except Fenced as error:
                await self._on_lost(error)
                return
            except JournalError:
                continue  # what is to be recorded next says so, if it stays like this

    def end(self) -> None:
        """Give no more heartbeats."""
        if self._beating is not None:
            self._beating.cancel()

"""``Activity``: what of a run is under way here, and whether the run may be suspended."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kernel.errors import InvocationError, Suspended
from kernel.invocation.replay_order import ReplayOrder, is_at_rest
from kernel.journal.rows import Approval
from kernel.journal.rows import Invocation as Row

_POLL_SECONDS = 0.05
"""Between two looks whether a run stands still."""

_IDLE_SECONDS = 1.0
"""So long nothing moves until a run is taken to stand still."""

_SUSPEND_SECONDS = 0.01
"""So long nothing is under way until a run that waits for people is suspended."""

_MAX_SUSPEND_LOOKS = 100
"""So often that is put off because the event loop has more to do."""


class Activity:
    """The work of a run in this process; the run is suspended once all of it waits for people.

    A suspended run stops where it is. What it was doing is found out when it goes on.
    """

    def __init__(self, replay_order: ReplayOrder) -> None:
        self.task: asyncio.Task[Any] | None = None
        """Does the work of the run; cancelled when the run is suspended."""
        self.is_suspended = False
        self.is_handed_over = False
        """It is suspended for another process to go on with it."""
        self.why_handed_over = ""
        self.why_cancelled = ""
        """Who has asked for the cancellation of the run, and why."""
        self.parked: dict[str, Approval] = {}
        """The approvals that calls wait for, by the paths of these calls."""
        self.held: dict[str, Row] = {}
        """Calls in flight of a silent process, which are waited for, by their paths."""
        self.escalated: list[InvocationError] = []
        """Errors of unknown outcome whose branch waits until those beside it have ended."""
        self._replay_order = replay_order
        self._active = 0  # calls and pauses under way, without those that wait for others
        self._timers = 0
        self._sleeps = 0
        self._pauses: list[float] = []  # when each ends at the latest, on the monotonic clock

    # What is under way

    @property
    def is_idle(self) -> bool:
        """Whether no call and no pause is under way, but for those that wait for others."""
        return not self._active

    def begin(self) -> None:
        """Count a call or a pause that begins, or goes on after it has waited."""
        self._active += 1

    def wait(self) -> None:
        """Stop counting a call or pause while it waits for others."""
        self._active -= 1

    def end(self) -> None:
        """Count it no more, since it has ended."""
        self._active -= 1
        if self._waits_for_people:
            self.suspend_if_idle()

    @contextmanager
    def timed(self) -> Iterator[None]:
        """While a limit of time, or the pause before a retry, will bring the run on by itself."""
        self._timers += 1
        try:
            yield
        finally:
            self._timers -= 1

    @contextmanager
    def pausing(self, seconds: float = math.inf) -> Iterator[None]:
        """While a pause goes on, for so many seconds at most; it may outlive the process."""
        until = time.monotonic() + seconds
        self._pauses.append(until)
        try:
            yield
        finally:
            self._pauses.remove(until)

    @contextmanager
    def sleeping(self, seconds: float) -> Iterator[None]:
        """While a pause goes on that ends by itself: the run is not suspended meanwhile."""
        self.begin()
        self._sleeps += 1
        try:
            with self.pausing(seconds):
                yield
        finally:
            self._sleeps -= 1
            self.end()

    def is_idle_for(self, seconds: float) -> bool:
        """Whether for longer than that the run will only let time pass, or wait for an event."""
        if self._timers or self._active != self._sleeps or not self._pauses:
            return False
        return min(self._pauses) - time.monotonic() > seconds

    async def wait_until_idle(self) -> None:
        """Wait until the run has stood still for a while, for as long as that takes."""
        loop = asyncio.get_running_loop()
        since = loop.time()
        while loop.time() - since < _IDLE_SECONDS:
            moves = self._active or self._timers or self._replay_order.is_awaited
            if moves or self._waits_for_people:
                since = loop.time()
            await asyncio.sleep(_POLL_SECONDS)

    # Waiting for people, and suspension

    @property
    def _waits_for_people(self) -> bool:
        return bool(self.parked or self.held or self.escalated)

    async def park(self, path: str, approval: Approval) -> None:
        """Wait for an approval; once all of the run waits for people, it is suspended."""
        if self.is_suspended:
            raise Suspended
        self.parked[path] = approval
        try:
            self.suspend_if_idle()
            await asyncio.get_running_loop().create_future()
        finally:
            if not self.is_suspended:
                del self.parked[path]

    @contextmanager
    def while_held(self, row: Row) -> Iterator[None]:
        """While a silent process is waited for; once all of the run waits, it is suspended."""
        if self.is_suspended:
            raise Suspended
        self.held[row.path] = row
        self.suspend_if_idle()
        try:
            yield
        finally:
            if not self.is_suspended:
                del self.held[row.path]

    @contextmanager
    def while_escalated(self, error: InvocationError) -> Iterator[None]:
        """While other branches go on beside one whose outcome a person is to find out."""
        self.escalated.append(error)
        self.suspend_if_idle()
        try:
            yield
        finally:
            if not self.is_suspended:
                self.escalated.remove(error)

    def suspend_if_idle(self, looks: int = _MAX_SUSPEND_LOOKS) -> None:
        """Suspend the run soon, if nothing is under way then and people are waited for.

        Not while the event loop has more to do: what was under way may be about to go on.
        """
        if self._is_suspendable:
            asyncio.get_running_loop().call_later(_SUSPEND_SECONDS, self._suspend, looks)

    @property
    def _is_suspendable(self) -> bool:
        return self._waits_for_people and self.is_idle and not self.is_suspended

    def _suspend(self, looks: int) -> None:
        if looks and not is_at_rest():
            self.suspend_if_idle(looks - 1)
        elif self._is_suspendable:
            self.suspend()

    def suspend(self) -> None:
        """Stop the run where it is."""
        self.is_suspended = True
        if self.task is not None and not self.task.done():
            self.task.cancel()

    def cancel(self, why: str) -> None:
        """Cancel the run, once: the steps of `finally` are run."""
        if not (self.why_cancelled or self.is_suspended) and self.task is not None:
            self.why_cancelled = why
            self.task.cancel()

    def hand_over(self, why: str = "") -> None:
        """Stop the run where it is, for another process to go on with."""
        self.is_handed_over = True
        self.why_handed_over = why
        self.suspend()

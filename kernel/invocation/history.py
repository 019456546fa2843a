"""``History``: what the journal holds of a run, and what this process adds to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NoReturn, TypeVar

from kernel.errors import InvocationError, Suspended
from kernel.events.references import References
from kernel.invocation.activity import Activity
from kernel.invocation.lease import RunLease, Timing
from kernel.invocation.replay_order import ReplayOrder, asked_for
from kernel.journal.errors import Fenced, JournalError, TooLarge
from kernel.journal.interface import Journal
from kernel.journal.rows import Claimed, Conclusion, Intent, Lease, NewRun, Opened, Won
from kernel.journal.rows import Invocation as Row
from kernel.journal.values import digest_of
from kernel.threads import current_attempt

T = TypeVar("T")

DIGEST = "sha256:"
"""What an idempotency key begins with that is not kept itself."""


CANCELLATION = "cancel"
"""The step in the trace of a run by which somebody asks the process at work to cancel it."""


async def ask_to_cancel(journal: Journal, run: str, why: str) -> None:
    """Ask the process that works on a run to cancel it; the process looks at each heartbeat."""
    await journal.note(run, CANCELLATION, "asked", why)


class History:
    """What is recorded of a run, and records more; it outlives the process."""

    is_replayable = True
    """Another process can go on with the run."""

    def __init__(
        self,
        journal: Journal,
        references: References,
        run: str,
        lease: Lease | None,
        timing: Timing,
        *,
        concluded: dict[str, Row] | None = None,
        in_flight: dict[str, Row] | None = None,
        not_landed: dict[str, Row] | None = None,
    ) -> None:
        self.journal = journal
        self.references = references
        self.run = run
        self.lease = RunLease(journal, lease, timing, self.lose, self._look_for_cancellation)
        self.concluded: dict[str, Row] = concluded or {}
        """What earlier processes concluded, by path."""
        self.in_flight: dict[str, Row] = in_flight or {}
        """What earlier processes claimed and did not conclude, by path: with new epochs, but for
        what has a ``holder``, a silent process."""
        self.not_landed: dict[str, Row] = not_landed or {}
        """What is to be made again, by path: it has not landed, as a person said."""
        self.open: set[str] = set()
        """The executions that this process has claimed and not concluded."""
        self.going_on: set[str] = set()
        """The executions that an invocation of this process has now, claimed or taken up."""
        self.taken_up: set[str] = set()
        """The executions of an earlier process in flight, once this one goes on with them."""
        self.tickets: set[str] = set()
        """The executions for which this process has asked for slots of concurrency groups."""
        self.at_work: set[str] = set()
        """The executions of which an attempt is being made, with a commit record."""
        self.last = max((row.number or 0 for row in self.concluded.values()), default=0)
        """The number of the last conclusion that this process knows of."""
        self.fault: JournalError | None = None
        """Why nothing more of the run can be recorded."""
        answers = [
            (path, row.number or 0)
            for path, row in self.concluded.items()
            if row.outcome != "cancelled"
        ]
        self.replay_order = ReplayOrder(asked_for(answers), is_behind=bool(self.concluded))
        self.activity = Activity(self.replay_order)

    async def open_run(self) -> None:
        """Open the run, if it is not in the journal yet; it always is, but for served calls."""

    async def claim(self, intent: Intent) -> Claimed:
        """Write a commit record; without its inputs, where they are too large."""
        try:
            got = await self.journal.claim(intent)
        except TooLarge:
            got = await self.journal.claim(replace(intent, inputs=None))
        if isinstance(got, Won):
            self.open.add(got.execution)
        return got

    async def record(self, intent: Intent, conclusion: Conclusion) -> None:
        """Record the outcome of what needed no claim. Raises :class:`TooLarge`."""
        answer = await self.guard(self.journal.record(intent, conclusion), TooLarge)
        if isinstance(answer, Won):
            self.last = max(self.last, answer.number or 0)

    async def finalize(self, execution: str, epoch: int, conclusion: Conclusion) -> None:
        """Record the outcome of a claim. Raises :class:`TooLarge`."""
        number = await self.guard(self.journal.finalize(execution, epoch, conclusion), TooLarge)
        self.last = max(self.last, number)
        self.open.discard(execution)

    async def note(self, execution: str, step: str, status: str, detail: Any = None) -> None:
        """Add a step to the trace of an execution."""
        hidden = self.references.hide(detail)
        await self.guard(self.journal.note(execution, step, status, hidden))

    async def assert_held(self) -> None:
        """Stop, if this process does not hold the run any more."""
        await self.guard(self.lease.heartbeat())

    def kept_key(self, key: str) -> str:
        """How an idempotency key is kept: one that holds a secret as its digest."""
        return key if self.references.hide(key) == key else f"{DIGEST}{digest_of(key)}"

    async def guard(self, work: Awaitable[T], *passed: type[JournalError]) -> T:
        """Give what the journal answers; a run whose journal fails stops where it is.

        Errors of the classes ``passed`` are left to the caller.
        """
        order = self.replay_order
        order.requests += 1
        try:
            try:
                return await work
            finally:
                order.requests -= 1
        except passed:
            raise
        except JournalError as error:
            await self.lose(error)
            await self.halt(error)

    async def _look_for_cancellation(self) -> None:
        """Cancel the run where somebody has asked for that (:func:`ask_to_cancel`)."""
        for note in await self.journal.trace(self.run):
            if note.step == CANCELLATION:
                self.activity.cancel(str(note.detail))

    def stop(self, error: JournalError) -> Suspended:
        """Stop the run where it is, since nothing more of it can be recorded."""
        self.fault = self.fault or error
        self.activity.suspend()
        return Suspended()

    # A run that was taken over while this process stood still

    async def lose(self, error: JournalError) -> None:
        """Stop the run, once the calls in flight have ended that are still those of this process.

        It begins nothing new. Whoever has taken the run over waits for these calls.
        """
        self.fault = self.fault or error
        for execution in tuple(self.at_work) if isinstance(error, Fenced) else ():
            with contextlib.suppress(JournalError):
                row = await self.journal.invocation(execution)
                if row is None or row.holder != self.journal.owner or row.outcome is not None:
                    self.at_work.discard(execution)
        self._stop_if_idle()

    async def halt(self, error: JournalError) -> NoReturn:
        """Go no further on this branch: wait until the run is stopped. Raises :class:`Suspended`.

        A call that a controller makes is not waited in: the controller is in flight itself.
        """
        if not self.activity.is_suspended and current_attempt.get() is None:
            await asyncio.get_running_loop().create_future()
        raise self.stop(error) from error

    def ended(self, execution: str) -> None:
        """Note that no attempt of an execution is being made any more."""
        self.at_work.discard(execution)
        self._stop_if_idle()

    def _stop_if_idle(self) -> None:
        if self.fault is not None and not (isinstance(self.fault, Fenced) and self.at_work):
            self.stop(self.fault)

    async def release(self, execution: str, epoch: int, *, made: bool) -> None:
        """Tell who has taken the run over that this process does nothing more about a call."""
        with contextlib.suppress(JournalError):
            await self.journal.release(execution, epoch, made=made)


class ServedHistory(History):
    """The history of a call out of a service, which no process can replay.

    It may have nothing to record, so the run is opened with its first record: ``new_run`` gives it.
    """

    is_replayable = False

    def __init__(
        self,
        journal: Journal,
        references: References,
        run: str,
        new_run: Callable[[], Awaitable[NewRun]],
        timing: Timing,
    ) -> None:
        super().__init__(journal, references, run, None, timing)
        self._new_run = new_run
        self._opening = asyncio.Lock()

    async def open_run(self) -> None:
        """Open the run, once."""
        if not self.lease.is_there:
            async with self._opening:
                if not self.lease.is_there:
                    self.lease.take(await self._opened())

    async def _opened(self) -> Lease:
        answer = await self.journal.open_run(await self._new_run())
        if isinstance(answer, Opened):
            return answer.lease
        # It was opened for a call that was cancelled while it waited for the answer.
        lease = await self.journal.lease(self.run)
        if (lease.owner, lease.epoch) != (self.journal.owner, 1):
            raise Fenced(f"the run {self.run} has been taken over by another process")
        return lease


def error_to_json(error: InvocationError) -> dict[str, Any]:
    """An error as it is recorded."""
    kept = {**error.to_cel(), "retryAfter": error.retry_after}
    kept |= {"final": True} if error.is_final else {}
    return kept | ({} if error.place is None else {"place": error.place})


def error_from_json(data: Mapping[str, Any]) -> InvocationError:
    """A recorded error, of its class."""
    classes = {one.category: one for one in _subclasses(InvocationError)}
    made = classes.get(data.get("kind", ""), InvocationError)
    error = made(
        data.get("message") or "",
        code=data.get("code"),
        step=data.get("step"),
        data=data.get("data"),
        attempt=data.get("attempt") or 0,
        outcome=data.get("outcome"),
        retry_after=data.get("retryAfter"),
    )
    error.is_final = bool(data.get("final"))
    error.place = data.get("place")
    return error


def _subclasses(one: type[InvocationError]) -> Iterator[type[InvocationError]]:
    yield one
    for other in one.__subclasses__():
        yield from _subclasses(other)

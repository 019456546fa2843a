"""``History``: what the journal holds of a run, and what the pipeline adds to it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from kernel.errors import InvocationError, Suspended
from kernel.invocation.replay_order import ReplayOrder, asked_for
from kernel.journal.errors import Fenced, JournalError, TooLarge
from kernel.journal.rows import Conclusion, InFlight, Intent, NewRun, Opened, Won
from kernel.journal.values import digest_of

if TYPE_CHECKING:
    from kernel.events.references import References
    from kernel.invocation.invocation import Invocation
    from kernel.invocation.run import Run
    from kernel.journal.interface import Journal
    from kernel.journal.rows import Approval, Claimed, Lease
    from kernel.journal.rows import Invocation as Row


T = TypeVar("T")

Begun = Callable[[], Awaitable[tuple[str, Any]]]

DIGEST = "sha256:"
"""What an idempotency key begins with that is not kept itself."""

_IDLE_ITERATION_SECONDS, _MAX_FINISH_SECONDS = 0.0002, 5.0
"""Seconds that a turn of the loop takes in which nobody walks; that such a turn is waited for."""

_POLL_SECONDS, _IDLE_SECONDS = 0.05, 1.0
"""Seconds between two looks whether a run stands still, and until it is taken to do so."""


class History:
    """The side of a run that outlives the process.

    ``concluded`` and ``in_flight`` are what earlier processes recorded, by path: concluded, and
    claimed without an outcome (with their new epochs); ``not_landed`` are those that did not land,
    as a person said; ``begun`` tells the digest of the manifest, and with what values it is up,
    when a run is opened here; ``open`` are the executions that this process has claimed and not
    concluded. ``last`` is the number of the last conclusion that this process knows of. A run that
    nobody can replay (a call out of a service) has no lease until it has something to record.
    ``patience`` is how many seconds without a heartbeat another process waits until it takes the
    run over; ``heartbeat_seconds`` so many pass between two that this one gives, while it holds the
    lease. ``is_handed_over``: it is left to another process. In a rehearsal nothing is called:
    ``met`` are the recorded paths that the walk came by, and whether each answers for all within
    it, ``differences`` what it would do there otherwise.
    """

    def __init__(
        self,
        journal: Journal,
        references: References,
        run: str,
        lease: Lease | None = None,
        *,
        concluded: Mapping[str, Row] | None = None,
        in_flight: Mapping[str, Row] | None = None,
        not_landed: Mapping[str, Row] | None = None,
        begun: Begun | None = None,
        patience: float = math.inf,
        heartbeat_seconds: float = math.inf,
    ) -> None:
        self.journal = journal
        self.references = references
        self.run = run
        self._lease = lease
        self.is_replayable = lease is not None
        self.concluded: Mapping[str, Row] = concluded or {}
        self.in_flight: Mapping[str, Row] = in_flight or {}
        self.not_landed: Mapping[str, Row] = not_landed or {}
        self.open: set[str] = set()
        self.last = max((row.number or 0 for row in self.concluded.values()), default=0)
        self.is_behind = bool(self.concluded)
        answers = [
            (path, row.number or 0)
            for path, row in self.concluded.items()
            if row.outcome != "cancelled"
        ]
        self.replay_order = ReplayOrder(asked_for(answers))
        self.active = 0
        self.timers = 0
        self._beaten_at = time.monotonic()
        self._begun = begun
        self.patience = patience
        self._heartbeat_seconds = heartbeat_seconds
        self.beating: asyncio.Task[None] | None = None
        self.parked: dict[str, Approval] = {}
        self.escalated: list[InvocationError] = []
        self.suspended = False
        self.is_handed_over = False
        self.why = ""
        self.sleeps = 0
        self.pauses: list[float] = []
        self.fault: JournalError | None = None
        self.met: dict[str, bool] | None = None
        self.differences: list[str] = []
        self.task: asyncio.Task[Any] | None = None
        self._opening = asyncio.Lock()

    # What is recorded

    def intent(self, invocation: Invocation, lease: Lease, **more: Any) -> Intent:
        """The invocation as a commit record."""
        plan = invocation.plan
        contract = plan.instance.contract
        hide = None if contract.inputs is None else contract.inputs.redaction
        inputs = self.references.hide(invocation.inputs, hide)
        return Intent(
            execution=invocation.id,
            run=self.run,
            path=invocation.path,
            target=plan.instance.address,
            inputs_hash=digest_of(inputs),
            lease=lease.epoch,
            safety=contract.safety,
            inputs=inputs,
            about={"began": invocation.began, **_about(invocation)},
            **more,
        )

    @property
    def lease(self) -> Lease:
        """The lease of a run that has one."""
        assert self._lease is not None
        return self._lease

    @property
    def has_lease(self) -> bool:
        """Whether the run is in the journal: it always is, but for a call out of a service."""
        return self._lease is not None

    async def ensure_lease(self, invocation: Invocation) -> Lease:
        """The lease; a run that is not in the journal yet is opened."""
        if self._lease is None:
            async with self._opening:
                if self._lease is None:
                    self._lease = await self._opened(invocation.context.run)
                    self._beaten_at = time.monotonic()
                    self.start_heartbeat()
        return self._lease

    async def _opened(self, run: Run) -> Lease:
        assert self._begun is not None
        digest, asked = await self._begun()
        new = NewRun(self.run, "", digest, asked, run.source, run.principal, run.correlation_id)
        answer = await self.journal.open_run(new)
        if isinstance(answer, Opened):
            return answer.lease
        # It was opened for a call that was cancelled while it waited for the answer.
        lease = await self.journal.lease(self.run)
        if (lease.owner, lease.epoch) != (self.journal.owner, 1):
            raise Fenced(f"the run {self.run} has been taken over by another process")
        return lease

    async def claim(self, invocation: Invocation, **more: Any) -> Claimed:
        """The commit record. A run whose journal fails stops: nothing leaves unrecorded."""
        try:
            lease = await self.ensure_lease(invocation)
            if "key" in more:
                more["key"] = self.kept_key(more["key"])
            intent = self.intent(invocation, lease, **more)
            try:
                got = await self.journal.claim(intent)
            except TooLarge:
                got = await self.journal.claim(replace(intent, inputs=None))
            if isinstance(got, Won):
                self.open.add(got.execution)
            return got
        except JournalError as error:
            raise self.stop(error) from error
        except asyncio.CancelledError:
            if not self.suspended:
                await self._claimed(invocation, more)
            raise

    async def _claimed(self, invocation: Invocation, more: Mapping[str, Any]) -> None:
        """The answer to a claim that was cancelled: the request was not taken back."""
        intent = self.intent(invocation, await self.ensure_lease(invocation), **more)
        got = await self.guard(self.journal.claim(replace(intent, inputs=None)))
        match got:
            case InFlight(row) if row.execution == invocation.id:
                invocation.claim = Won(row.execution, row.epoch, row.attempts)
            case Won():
                invocation.claim = got
        if invocation.claim is not None:
            self.open.add(invocation.id)

    def kept_key(self, key: str) -> str:
        """A key that holds a secret is kept as its digest."""
        return key if self.references.hide(key) == key else f"{DIGEST}{digest_of(key)}"

    async def conclude(self, invocation: Invocation, conclusion: Conclusion) -> None:
        """Record the outcome, of a claim or of an invocation that needed none."""
        claim = invocation.claim
        try:
            if claim is not None:
                invocation.is_concluded = True
                await self.finalize(invocation.id, claim.epoch, conclusion)
            elif self.is_replayable and invocation.path not in self.concluded:
                lease = await self.ensure_lease(invocation)
                answer = await self.journal.record(self.intent(invocation, lease), conclusion)
                if isinstance(answer, Won):
                    self.last = max(self.last, answer.number or 0)
        except TooLarge:
            raise
        except JournalError as error:
            raise self.stop(error) from error

    async def finalize(self, execution: str, epoch: int, conclusion: Conclusion) -> None:
        """Record the outcome of a claim. Raises :class:`TooLarge` for outputs that are."""
        try:
            number = await self.journal.finalize(execution, epoch, conclusion)
        except TooLarge:
            raise
        except JournalError as error:
            raise self.stop(error) from error
        self.last = max(self.last, number)
        self.open.discard(execution)

    async def guard(self, work: Awaitable[T]) -> T:
        """What the journal answers; a run whose journal fails stops where it is."""
        try:
            return await work
        except JournalError as error:
            raise self.stop(error) from error

    @property
    def is_doubtful(self) -> bool:
        """Whether this process stood still for so long that another may have the run."""
        return time.monotonic() - self._beaten_at > self.patience / 2

    async def assert_held(self) -> None:
        """Stop, if this process does not hold the run any more."""
        await self.guard(self.heartbeat())

    async def heartbeat(self) -> None:
        """A sign of life. Raises :class:`Fenced` when another holds the run."""
        now = time.monotonic()
        await self.journal.heartbeat(self.lease)
        self._beaten_at = now

    def start_heartbeat(self) -> None:
        """Beat from now on, until :meth:`end`, or until another holds the run: then it stops."""
        self.beating = asyncio.ensure_future(self._keep_beating())

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_seconds)
            try:
                await self.heartbeat()
            except Fenced as error:
                self.stop(error)
                return
            except JournalError:
                continue  # what is to be recorded next says so, if it stays like this

    def end(self) -> None:
        """Give no more signs of life."""
        if self.beating is not None:
            self.beating.cancel()

    async def note(
        self, invocation: Invocation, step: str, status: str, detail: Any = None
    ) -> None:
        """A step in the trace of an invocation."""
        hidden = self.references.hide(detail)
        await self.guard(self.journal.note(invocation.id, step, status, hidden))

    # Stopping and waiting

    def stop(self, error: JournalError | None = None) -> Suspended:
        """Stop the run where it is; what it was doing is found out when it goes on."""
        self.suspended = True
        self.fault = self.fault or error
        if self.task is not None and not self.task.done():
            self.task.cancel()
        return Suspended()

    def hand_over(self, why: str = "") -> None:
        """Stop the run where it is, for another process to go on with."""
        self.is_handed_over = True
        self.why = why
        self.stop()

    @contextmanager
    def pausing(self, seconds: float = math.inf) -> Iterator[None]:
        """While a pause of the run goes on for so long at most; it may outlive the process."""
        until = time.monotonic() + seconds
        self.pauses.append(until)
        try:
            yield
        finally:
            self.pauses.remove(until)

    @contextmanager
    def sleeping(self, seconds: float) -> Iterator[None]:
        """A pause during which the run is not suspended: it ends by itself."""
        with self.working(), self.pausing(seconds):
            self.sleeps += 1
            try:
                yield
            finally:
                self.sleeps -= 1

    def is_idle_for(self, seconds: float) -> bool:
        """Whether the run does nothing for longer than that but let time pass, or wait."""
        if self.timers or self.active != self.sleeps or not self.pauses:
            return False
        return min(self.pauses) - time.monotonic() > seconds

    @contextmanager
    def working(self) -> Iterator[None]:
        """While something of the run is under way, so that it cannot be suspended."""
        self.active += 1
        try:
            yield
        finally:
            self.active -= 1
            self.suspend_if_idle()

    @contextmanager
    def timed(self) -> Iterator[None]:
        """While time alone brings something of the run on: a limit, or the pause of a retry."""
        self.timers += 1
        try:
            yield
        finally:
            self.timers -= 1

    async def finish_replay(self) -> None:
        """Before anything new is begun: let every branch walk to the end of what is recorded.

        A failure may stand there that has cancelled this one; none of them waits on its way.
        """
        until, idle = time.monotonic() + _MAX_FINISH_SECONDS, 0
        while idle < 3 and time.monotonic() < until:
            began = time.monotonic()
            await asyncio.sleep(0)
            is_busy = time.monotonic() - began >= _IDLE_ITERATION_SECONDS
            idle = 0 if is_busy or self.replay_order.is_awaited else idle + 1
        self.is_behind = False

    async def wait_until_idle(self) -> None:
        """Wait until nothing of the run moves any more, for as long as that takes."""
        loop = asyncio.get_running_loop()
        since = loop.time()
        while loop.time() - since < _IDLE_SECONDS:
            if self.active or self.timers or self._waits or self.replay_order.is_awaited:
                since = loop.time()
            await asyncio.sleep(_POLL_SECONDS)

    async def park(self, invocation: Invocation, approval: Approval) -> None:
        """Wait until nothing else of the run can go on; then it is suspended."""
        if self.suspended:
            raise Suspended
        self.parked[invocation.path] = approval
        counted = int(invocation.is_active)  # a topology is not: what it calls is
        self.active -= counted
        try:
            self.suspend_if_idle()
            await asyncio.get_running_loop().create_future()
        finally:
            self.active += counted
            if not self.suspended:
                del self.parked[invocation.path]

    @contextmanager
    def while_escalated(self, error: InvocationError) -> Iterator[None]:
        """While the rest goes on beside what a person is asked about; then the run is suspended."""
        self.escalated.append(error)
        self.suspend_if_idle()
        try:
            yield
        finally:
            if not self.suspended:
                self.escalated.remove(error)

    @property
    def _waits(self) -> bool:
        return bool(self.parked or self.escalated)

    def suspend_if_idle(self) -> None:
        """Suspend the run, if all that is left of it waits for people."""
        if self._waits and not self.active and not self.suspended:
            asyncio.get_running_loop().call_later(0.01, self._suspend)

    def _suspend(self) -> None:
        if self._waits and not self.active and not self.suspended:
            self.stop()


def _about(invocation: Invocation) -> dict[str, Any]:
    instance, runtime = invocation.plan.instance, invocation.context.run.runtime
    told: dict[str, Any] = {} if not instance.is_topology else {"topology": True}
    if id(instance.scope.module) != runtime.root:
        told["module"] = runtime.module_of(instance)
    return told


def error_to_json(error: InvocationError) -> dict[str, Any]:
    """An error as it is recorded."""
    return {**error.to_cel(), "retryAfter": error.retry_after}


def error_from_json(data: Mapping[str, Any]) -> InvocationError:
    """A recorded error, of its class."""
    classes = {one.category: one for one in _subclasses(InvocationError)}
    made = classes.get(data.get("kind", ""), InvocationError)
    return made(
        data.get("message") or "",
        code=data.get("code"),
        step=data.get("step"),
        data=data.get("data"),
        attempt=data.get("attempt") or 0,
        outcome=data.get("outcome"),
        retry_after=data.get("retryAfter"),
    )


def _subclasses(one: type[InvocationError]) -> Iterator[type[InvocationError]]:
    yield one
    for other in one.__subclasses__():
        yield from _subclasses(other)

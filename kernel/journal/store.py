"""``Store``: the journal over an SQL session; what the methods do stands in the interface."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol, TypeVar

from kernel.journal import (
    approvals,
    claims,
    conclusions,
    lookups,
    rows,
    runs,
    tickets,
    trace,
    verification,
)
from kernel.journal.conclusions import Ending
from kernel.journal.errors import Damaged, Refused
from kernel.journal.interface import OnDamage
from kernel.journal.reading import Page
from kernel.journal.session import Mode, Session
from kernel.journal.values import MAX_VALUE_BYTES, checked_key, digest_of_text, to_text

T = TypeVar("T")

_PAGE_ROWS = 500
_NO_LIMIT = 2**62


def _ending(conclusion: rows.Conclusion, largest: int) -> Ending:
    return Ending(
        conclusion.outcome,
        outputs=to_text(conclusion.outputs, "outputs", largest),
        error=to_text(conclusion.error, "details of the error", largest),
        attempts=conclusion.attempts,
        duration=conclusion.duration,
        landed=conclusion.landed,
        ticket=conclusion.ticket,
    )


def _whole(page: Page[T], damaged: OnDamage | None) -> list[T]:
    """The rows of a page, once the caller is told of what could not be read; or that is raised."""
    for one in page.damaged:
        if damaged is None:
            raise one
        damaged(one)
    return page.rows


class Executor(Protocol):
    """Does requests in transactions (:mod:`kernel.journal.worker`)."""

    async def do(self, work: Callable[[Session], T], mode: Mode) -> T: ...

    async def close(self) -> None: ...


class _Requests:
    """Does the requests of a store, in transactions."""

    def __init__(
        self,
        writer: Executor,
        reader: Executor,
        *,
        owner: str,
        clock: Callable[[], int],
        largest: int = MAX_VALUE_BYTES,
    ) -> None:
        self.owner = owner
        self._writer = writer
        self._reader = reader
        self._now = clock
        self._largest = largest

    async def close(self) -> None:
        await self._writer.close()
        if self._reader is not self._writer:
            await self._reader.close()

    async def _rows(
        self, damaged: OnDamage | None, work: Callable[..., Page[T]], *values: Any
    ) -> list[T]:
        try:
            page = await self._read(work, *values)
        except Damaged as error:
            page = Page([], [error])
        return _whole(page, damaged)

    async def _read(self, work: Callable[..., T], *values: Any) -> T:
        return await self._reader.do(lambda session: work(session, *values), "read")

    async def _lasting(self, work: Callable[..., T], *values: Any) -> T:
        return await self._writer.do(lambda session: work(session, *values), "lasting")

    async def _durable(self, work: Callable[..., T], *values: Any) -> T:
        return await self._writer.do(lambda session: work(session, *values), "durable")

    def _text(self, value: Any, what: str) -> str | None:
        return to_text(value, what, self._largest)

    def _texts(self, intent: rows.Intent) -> tuple[str | None, str | None]:
        checked_key(intent.key)
        return self._text(intent.inputs, "inputs"), self._text(intent.about, "details")


class Store(_Requests):
    """``writer`` does the requests that change the journal, ``reader`` the others.

    The two may be the same. ``clock`` gives nanoseconds since the epoch; only times for people and
    expiry come from it. ``largest`` is the most bytes of JSON that a value may have.
    """

    async def keep(self, content: str) -> str:
        digest = digest_of_text(content)
        await self._durable(runs.keep, digest, self._text(content, "contents of the manifest"))
        return digest

    async def kept(self, digest: str) -> str | None:
        return await self._read(runs.kept, digest)

    async def open_run(self, new: rows.NewRun) -> rows.Opened | rows.Existing:
        inputs = self._text(new.inputs, "inputs of the run")
        return await self._durable(runs.open_run, self._now(), new, inputs, self.owner)

    async def run(self, run: str) -> rows.Run | None:
        return await self._read(runs.find_run, run)

    async def runs(
        self,
        state: rows.RunState | None = None,
        *,
        before: rows.Run | None = None,
        limit: int = 100,
        damaged: OnDamage | None = None,
    ) -> list[rows.Run]:
        place = None if before is None else (before.opened_at, before.run)
        return await self._rows(damaged, runs.list_runs, state, place, limit)

    async def finish_run(
        self, lease: rows.Lease, state: rows.RunState, result: Any = None, error: Any = None
    ) -> None:
        texts = self._text(result, "results of the run"), self._text(error, "details of the error")
        await self._lasting(runs.finish_run, self._now(), lease, state, *texts)

    async def lease(self, run: str) -> rows.Lease:
        return await self._read(runs.lease_of, run)

    async def acquire(self, run: str) -> rows.Lease | rows.Held:
        return await self._durable(runs.acquire, run, self.owner)

    async def take_over(self, seen: rows.Lease, *, is_dead: bool = False) -> rows.Lease | rows.Held:
        return await self._durable(runs.take_over, seen, self.owner, is_dead)

    async def record_death(self, owner: str, who: str) -> None:
        await self._durable(runs.record_death, self._now(), owner, who)

    async def is_recorded_dead(self, owner: str) -> bool:
        return await self._read(runs.is_recorded_dead, owner)

    async def migrate_run(self, lease: rows.Lease, digest: str) -> None:
        await self._durable(runs.migrate_run, lease, digest)

    async def heartbeat(self, lease: rows.Lease) -> rows.Lease:
        return await self._lasting(runs.heartbeat, lease)

    async def claim(self, intent: rows.Intent) -> rows.Claimed:
        do = self._lasting if intent.safety == "idempotent" else self._durable
        return await do(claims.claim, self._now(), intent, *self._texts(intent))

    async def finalize(self, execution: str, epoch: int, conclusion: rows.Conclusion) -> int:
        ending = _ending(conclusion, self._largest)
        return await self._lasting(conclusions.finalize, self._now(), execution, epoch, ending)

    async def record(self, intent: rows.Intent, conclusion: rows.Conclusion) -> rows.Claimed:
        texts, ending = self._texts(intent), _ending(conclusion, self._largest)
        return await self._lasting(conclusions.record, self._now(), intent, *texts, ending)

    async def attempted(
        self, execution: str, epoch: int, attempts: int, status: str, detail: Any = None
    ) -> None:
        text = self._text(detail, "details of the attempt")
        values = (execution, epoch, attempts, status, text)
        do = self._durable if status == "began" else self._lasting
        await do(conclusions.attempted, self._now(), *values)

    async def release(self, execution: str, epoch: int, *, made: bool) -> None:
        await self._durable(conclusions.release, self._now(), execution, epoch, made)

    async def fence(self, lease: rows.Lease, execution: str, epoch: int) -> int:
        return await self._durable(claims.fence, lease, execution, epoch)

    async def unresolved(
        self,
        older_than: int = 0,
        *,
        run: str | None = None,
        limit: int = 1000,
        damaged: OnDamage | None = None,
    ) -> list[rows.Invocation]:
        before = self._now() - older_than if older_than else None
        return await self._rows(damaged, lookups.unresolved, before, run, limit)

    async def invocation(self, execution: str) -> rows.Invocation | None:
        return await self._read(lookups.by_execution, execution)

    async def concluded(
        self, run: str, after: int = 0, *, damaged: OnDamage | None = None
    ) -> AsyncIterator[rows.Invocation]:
        last: int | None = after
        while last is not None:
            try:
                page, last = await self._read(lookups.concluded, run, last, _PAGE_ROWS)
            except Damaged as error:
                page, last = Page([], [error]), None
            for invocation in _whole(page, damaged):
                yield invocation

    async def invocations(
        self, run: str, after: int = 0, *, damaged: OnDamage | None = None
    ) -> AsyncIterator[rows.Invocation]:
        # Read first: an invocation that is concluded between the two reads is in both of them.
        unresolved = await self.unresolved(run=run, limit=_NO_LIMIT, damaged=damaged)
        in_flight = {invocation.execution: invocation for invocation in unresolved}
        async for invocation in self.concluded(run, after, damaged=damaged):
            in_flight.pop(invocation.execution, None)
            yield invocation
        for invocation in in_flight.values():
            yield invocation

    async def find(self, prefix: str, limit: int = 10) -> rows.Found:
        return await self._read(lookups.find, prefix, limit)

    async def forget_keys(self, limit: int = 1000) -> int:
        return await self._lasting(claims.forget_keys, self._now(), limit)

    async def escalations(
        self, run: str | None = None, limit: int = 1000, *, damaged: OnDamage | None = None
    ) -> list[rows.Invocation]:
        return await self._rows(damaged, lookups.escalations, run, limit)

    async def resolve(
        self, execution: str, landed: bool, who: str, *, outputs: Any = None, reason: str = ""
    ) -> rows.Invocation:
        if not landed and outputs is not None:
            raise Refused("what has not landed has no outputs")
        said = {"message": reason or f"it did not take effect, as {who} says"}
        ending = Ending(
            "succeeded" if landed else "failed",
            outputs=self._text(outputs, "outputs"),
            error=None if landed else self._text(said, "reason"),
            landed=landed,
            by=who,
        )
        why = self._text({"reason": reason}, "reason") if reason else None
        return await self._durable(conclusions.resolve, self._now(), execution, ending, why)

    async def ask(self, new: rows.NewApproval) -> rows.Approval:
        frozen = self._text(new.frozen, "frozen values")
        return await self._durable(approvals.ask, self._now(), new, frozen)

    async def decide(
        self, approval: str, state: rows.ApprovalState, who: str, reason: str | None = None
    ) -> rows.Approval:
        if state not in ("approved", "denied", "invalidated"):
            raise Refused(f"an approval is approved, denied or invalidated, not {state}")
        return await self._durable(approvals.decide, self._now(), approval, state, who, reason)

    async def spend(self, approval: str, state: rows.ApprovalState = "spent") -> rows.Approval:
        if state not in ("spent", "invalidated"):
            raise Refused(f"what was approved is spent or invalidated, not {state}")
        return await self._durable(approvals.spend, approval, state)

    async def expire(self) -> list[rows.Approval]:
        return await self._durable(approvals.expire, self._now())

    async def approval(self, approval: str) -> rows.Approval:
        return await self._read(approvals.find_approval, approval)

    async def approvals(
        self,
        state: rows.ApprovalState | None = None,
        *,
        execution: str | None = None,
        run: str | None = None,
        damaged: OnDamage | None = None,
    ) -> list[rows.Approval]:
        return await self._rows(damaged, approvals.list_approvals, state, execution, run)

    async def note(self, execution: str, step: str, status: str, detail: Any = None) -> None:
        text = self._text(detail, "details")
        await self._lasting(trace.note, self._now(), execution, step, status, text)

    async def trace(self, execution: str, *, damaged: OnDamage | None = None) -> list[rows.Note]:
        return (await self.traces((execution,), damaged=damaged))[execution]

    async def traces(
        self, executions: Sequence[str], *, damaged: OnDamage | None = None
    ) -> dict[str, list[rows.Note]]:
        found: dict[str, list[rows.Note]] = {execution: [] for execution in executions}
        for start in range(0, len(executions), _PAGE_ROWS):
            page = executions[start : start + _PAGE_ROWS]
            for execution, note in await self._rows(damaged, trace.traces, page):
                found[execution].append(note)
        return found

    async def enter(
        self, lease: rows.Lease, new: rows.NewTicket, *, waits: bool = True
    ) -> rows.Standing:
        return await self._durable(tickets.enter, self._now(), lease, new, waits)

    async def standing(self, execution: str) -> rows.Standing | None:
        return await self._read(tickets.standing, execution)

    async def standings(self, run: str, *, damaged: OnDamage | None = None) -> list[rows.Standing]:
        return await self._rows(damaged, tickets.standings, run)

    async def leave(self, lease: rows.Lease, *executions: str) -> None:
        await self._lasting(tickets.leave, lease, executions)

    async def verify(self, run: str) -> rows.Broken | None:
        return await self._read(verification.verify, run)

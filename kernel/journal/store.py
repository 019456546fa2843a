"""``Store``: the journal over any SQL session (see :mod:`kernel.journal.interface`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol, TypeVar

from kernel.journal import approvals, claims, conclusions, lookups, runs, trace
from kernel.journal.conclusions import Ending
from kernel.journal.errors import Refused
from kernel.journal.rows import (
    Approval,
    ApprovalState,
    Broken,
    Claimed,
    Conclusion,
    Existing,
    Found,
    Held,
    Intent,
    Invocation,
    Lease,
    NewApproval,
    NewRun,
    Note,
    Opened,
    Run,
    RunState,
)
from kernel.journal.session import Mode, Session
from kernel.journal.values import LARGEST, checked_key, digest_of_text, to_text

T = TypeVar("T")

_PAGE = 500
_ALL = 2**62


class Works(Protocol):
    """Does requests in transactions (:mod:`kernel.journal.worker`)."""

    async def do(self, work: Callable[[Session], T], mode: Mode) -> T: ...

    async def close(self) -> None: ...


class Store:
    """``writer`` does what changes the journal, ``reader`` what looks at it; they may be one.

    ``clock`` gives nanoseconds since the epoch; only times for people and expiry come from it.
    ``largest`` is the most bytes of JSON that one value may have.
    """

    def __init__(
        self,
        writer: Works,
        reader: Works,
        *,
        owner: str,
        clock: Callable[[], int],
        largest: int = LARGEST,
    ) -> None:
        self.owner = owner
        self._writer = writer
        self._reader = reader
        self._now = clock
        self._largest = largest

    async def keep(self, content: str) -> str:
        digest = digest_of_text(content)
        await self._durable(runs.keep, digest, self._text(content, "contents of the manifest"))
        return digest

    async def kept(self, digest: str) -> str | None:
        return await self._read(runs.kept, digest)

    async def open_run(self, new: NewRun) -> Opened | Existing:
        inputs = self._text(new.inputs, "inputs of the run")
        return await self._durable(runs.open_run, self._now(), new, inputs, self.owner)

    async def run(self, run: str) -> Run | None:
        return await self._read(runs.find_run, run)

    async def runs(
        self, state: RunState | None = None, *, before: Run | None = None, limit: int = 100
    ) -> list[Run]:
        place = None if before is None else (before.opened_at, before.run)
        return await self._read(runs.list_runs, state, place, limit)

    async def finish_run(
        self, lease: Lease, state: RunState, result: Any = None, error: Any = None
    ) -> None:
        texts = self._text(result, "results of the run"), self._text(error, "details of the error")
        await self._lasting(runs.finish_run, self._now(), lease, state, *texts)

    async def lease(self, run: str) -> Lease:
        return await self._read(runs.lease_of, run)

    async def acquire(self, run: str) -> Lease | Held:
        return await self._durable(runs.acquire, run, self.owner)

    async def take_over(self, seen: Lease) -> Lease | Held:
        return await self._durable(runs.take_over, seen, self.owner)

    async def migrate_run(self, lease: Lease, digest: str) -> None:
        await self._durable(runs.migrate_run, lease, digest)

    async def heartbeat(self, lease: Lease) -> Lease:
        return await self._lasting(runs.heartbeat, lease)

    async def claim(self, intent: Intent) -> Claimed:
        wants = self._lasting if intent.safety == "idempotent" else self._durable
        return await wants(claims.claim, self._now(), intent, *self._texts(intent))

    async def finalize(self, execution: str, epoch: int, conclusion: Conclusion) -> int:
        ending = self._ending(conclusion)
        return await self._lasting(conclusions.finalize, self._now(), execution, epoch, ending)

    async def record(self, intent: Intent, conclusion: Conclusion) -> Claimed:
        texts, ending = self._texts(intent), self._ending(conclusion)
        return await self._lasting(conclusions.record, self._now(), intent, *texts, ending)

    async def attempted(
        self, execution: str, epoch: int, attempts: int, status: str, detail: Any = None
    ) -> None:
        text = self._text(detail, "details of the attempt")
        values = (execution, epoch, attempts, status, text)
        wants = self._durable if status == "began" else self._lasting
        await wants(conclusions.attempted, self._now(), *values)

    async def fence(self, lease: Lease, execution: str, epoch: int) -> int:
        return await self._durable(claims.fence, lease, execution, epoch)

    async def unresolved(
        self, older_than: int = 0, *, run: str | None = None, limit: int = 1000
    ) -> list[Invocation]:
        before = self._now() - older_than if older_than else None
        return await self._read(lookups.unresolved, before, run, limit)

    async def invocation(self, execution: str) -> Invocation | None:
        return await self._read(lookups.by_execution, execution)

    async def concluded(self, run: str, after: int = 0) -> AsyncIterator[Invocation]:
        while page := await self._read(lookups.concluded, run, after, _PAGE):
            for one in page:
                yield one
            after = page[-1].number or after

    async def invocations(self, run: str, after: int = 0) -> AsyncIterator[Invocation]:
        # First, so that one which is concluded meanwhile is not missed.
        unresolved = await self._read(lookups.unresolved, None, run, _ALL)
        left = {one.execution: one for one in unresolved}
        async for one in self.concluded(run, after):
            left.pop(one.execution, None)
            yield one
        for one in left.values():
            yield one

    async def find(self, prefix: str, limit: int = 10) -> Found:
        return await self._read(lookups.find, prefix, limit)

    async def forget_keys(self, limit: int = 1000) -> int:
        return await self._lasting(claims.forget_keys, self._now(), limit)

    async def escalations(self, run: str | None = None, limit: int = 1000) -> list[Invocation]:
        return await self._read(lookups.escalations, run, limit)

    async def resolve(
        self, execution: str, landed: bool, who: str, *, outputs: Any = None, reason: str = ""
    ) -> Invocation:
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

    async def ask(self, new: NewApproval) -> Approval:
        frozen = self._text(new.frozen, "frozen values")
        return await self._durable(approvals.ask, self._now(), new, frozen)

    async def decide(
        self, approval: str, state: ApprovalState, who: str, reason: str | None = None
    ) -> Approval:
        if state not in ("approved", "denied", "invalidated"):
            raise Refused(f"an approval is approved, denied or invalidated, not {state}")
        return await self._durable(approvals.decide, self._now(), approval, state, who, reason)

    async def spend(self, approval: str, state: ApprovalState = "spent") -> Approval:
        if state not in ("spent", "invalidated"):
            raise Refused(f"what was approved is spent or invalidated, not {state}")
        return await self._durable(approvals.spend, approval, state)

    async def expire(self) -> list[Approval]:
        return await self._durable(approvals.expire, self._now())

    async def approval(self, approval: str) -> Approval:
        return await self._read(approvals.find_approval, approval)

    async def approvals(
        self, state: ApprovalState | None = None, *, execution: str | None = None
    ) -> list[Approval]:
        return await self._read(approvals.list_approvals, state, execution)

    async def note(self, execution: str, step: str, status: str, detail: Any = None) -> None:
        text = self._text(detail, "details")
        await self._lasting(trace.note, self._now(), execution, step, status, text)

    async def trace(self, execution: str) -> list[Note]:
        return await self._read(trace.trace, execution)

    async def traces(self, executions: Sequence[str]) -> dict[str, list[Note]]:
        found: dict[str, list[Note]] = {}
        for start in range(0, len(executions), _PAGE):
            found |= await self._read(trace.traces, executions[start : start + _PAGE])
        return found

    async def verify(self, run: str) -> Broken | None:
        return await self._read(conclusions.verify, run)

    async def close(self) -> None:
        await self._writer.close()
        if self._reader is not self._writer:
            await self._reader.close()

    async def _read(self, work: Callable[..., T], *values: Any) -> T:
        return await self._reader.do(lambda session: work(session, *values), "read")

    async def _lasting(self, work: Callable[..., T], *values: Any) -> T:
        return await self._writer.do(lambda session: work(session, *values), "lasting")

    async def _durable(self, work: Callable[..., T], *values: Any) -> T:
        return await self._writer.do(lambda session: work(session, *values), "durable")

    def _text(self, value: Any, what: str) -> str | None:
        return to_text(value, what, self._largest)

    def _texts(self, intent: Intent) -> tuple[str | None, str | None]:
        checked_key(intent.key)
        return self._text(intent.inputs, "inputs"), self._text(intent.about, "details")

    def _ending(self, conclusion: Conclusion) -> Ending:
        return Ending(
            conclusion.outcome,
            outputs=self._text(conclusion.outputs, "outputs"),
            error=self._text(conclusion.error, "details of the error"),
            attempts=conclusion.attempts,
            duration=conclusion.duration,
            landed=conclusion.landed,
        )

"""``Journal``: what the pipeline and the runtime ask of the durable record.

Every method raises :class:`JournalError` when the store cannot do it; then nothing was written. An
await ends when what was asked for is kept; cancelling it does not take the request back.

Kept over a power cut: opened runs, contents, leases, intents (but of the class ``idempotent``),
takeovers, approvals and what people say. Everything else outlives the process, and a power cut if
anything of the first kind was written after it: it is an outcome, and the intent before it says
that there is something to find out (pipeline.md, The journal).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

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


class Journal(Protocol):
    """The journal. Values are JSON with the secrets replaced; times are nanoseconds."""

    owner: str
    """The name under which this process takes leases."""

    # Runs

    async def keep(self, content: str) -> str:
        """Keep a text (the manifest of a run) once, and give its digest."""

    async def kept(self, digest: str) -> str | None:
        """The text of a digest."""

    async def open_run(self, new: NewRun) -> Opened | Existing:
        """Open a run and take its lease; the run as it is, if it exists."""

    async def run(self, run: str) -> Run | None:
        """One run."""

    async def runs(
        self, state: RunState | None = None, *, before: Run | None = None, limit: int = 100
    ) -> list[Run]:
        """Runs, the newest first; ``before`` is the last of the page before."""

    async def finish_run(
        self, lease: Lease, state: RunState, result: Any = None, error: Any = None
    ) -> None:
        """Record how a run ended, or that it is parked, and give the lease back.

        Raises :class:`Fenced` when the lease has gone to another.
        """

    async def migrate_run(self, lease: Lease, digest: str) -> None:
        """Let a run go on with another manifest. Raises :class:`Fenced`."""

    # Leases

    async def lease(self, run: str) -> Lease:
        """Who works on a run. Raises :class:`Refused` when there is no such run."""

    async def acquire(self, run: str) -> Lease | Held:
        """Work on a run, if nobody does."""

    async def take_over(self, seen: Lease) -> Lease | Held:
        """Work on the run of a dead process: if its lease is still as it was ``seen``.

        No clock is compared. See :func:`kernel.journal.takeover.take_over`, which waits.
        """

    async def heartbeat(self, lease: Lease) -> Lease:
        """A sign of life. Raises :class:`Fenced` when the lease has gone to another."""

    # Invocations

    async def claim(self, intent: Intent) -> Claimed:
        """The commit record. Raises :class:`Fenced` when the lease of its run is another's."""

    async def finalize(self, execution: str, epoch: int, conclusion: Conclusion) -> int:
        """Conclude a claim, once; its number in the chain of the run.

        Raises :class:`Fenced`, having changed nothing, when the epoch or the lease is another's;
        :class:`TooLarge` when the outputs cannot be kept: what landed is then to be concluded
        without them.
        """

    async def record(self, intent: Intent, conclusion: Conclusion) -> Claimed:
        """An invocation that needed no intent (``idempotent``, ``deduplicated``), with its outcome.

        :class:`Won`, with its number, when it was recorded, else what stands at its path.
        """

    async def attempted(
        self, execution: str, epoch: int, attempts: int, status: str, detail: Any = None
    ) -> None:
        """So many attempts were made, and how the last one ended; a step of the trace too.

        ``began``, of an attempt after the first, is kept over a power cut.
        """

    async def fence(self, lease: Lease, execution: str, epoch: int) -> int:
        """Take an intent over from the dead holder of the run; its new epoch.

        Raises :class:`Fenced` when it has been taken over or concluded meanwhile.
        """

    async def unresolved(
        self, older_than: int = 0, *, run: str | None = None, limit: int = 1000
    ) -> list[Invocation]:
        """Intents without an outcome that are so many nanoseconds old, the oldest first.

        The age is by the clock on the wall: whoever acts on it takes over the lease first.
        """

    async def invocation(self, execution: str) -> Invocation | None:
        """One invocation."""

    def concluded(self, run: str, after: int = 0) -> AsyncIterator[Invocation]:
        """What a replay needs: the concluded invocations of a run, in the order of conclusion."""

    def invocations(self, run: str, after: int = 0) -> AsyncIterator[Invocation]:
        """All invocations of a run: in the order of conclusion, then those without an outcome.

        They are read page by page; ``after`` is the number of the last one that is known.
        """

    async def find(self, prefix: str, limit: int = 10) -> Found:
        """The runs, executions and approvals whose id begins so, at most ``limit`` of each."""

    async def forget_keys(self, limit: int = 1000) -> int:
        """Let go of idempotency keys that have expired; how many they were."""

    # People

    async def escalations(self, run: str | None = None, limit: int = 1000) -> list[Invocation]:
        """Unknown outcomes that wait for a person, the oldest first."""

    async def resolve(
        self, execution: str, landed: bool, who: str, *, outputs: Any = None, reason: str = ""
    ) -> Invocation:
        """What a person says has become of an unknown outcome.

        Landed, it has succeeded with those outputs; not landed, it can be claimed again.
        """

    async def ask(self, new: NewApproval) -> Approval:
        """Ask for an approval; the pending one of the same execution, if there is one."""

    async def decide(
        self, approval: str, state: ApprovalState, who: str, reason: str | None = None
    ) -> Approval:
        """Answer a pending approval. Raises :class:`Refused` when it is answered or has expired."""

    async def spend(self, approval: str, state: ApprovalState = "spent") -> Approval:
        """Use an approval for its one attempt. Raises :class:`Refused` when it is not approved."""

    async def expire(self) -> list[Approval]:
        """Expire the pending approvals whose time has come."""

    async def approval(self, approval: str) -> Approval:
        """One approval. Raises :class:`Refused` when there is none."""

    async def approvals(
        self, state: ApprovalState | None = None, *, execution: str | None = None
    ) -> list[Approval]:
        """Approvals, the oldest first."""

    # Trace

    async def note(self, execution: str, step: str, status: str, detail: Any = None) -> None:
        """Add a step to the trace of an execution."""

    async def trace(self, execution: str) -> list[Note]:
        """The steps of an execution, in order."""

    async def traces(self, executions: Sequence[str]) -> dict[str, list[Note]]:
        """The steps of several executions, each in order."""

    async def verify(self, run: str) -> Broken | None:
        """The first place where the hash chain of a run is broken; None when it holds."""

    async def close(self) -> None:
        """Do what is asked already, and end."""

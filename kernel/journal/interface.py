"""``Journal``: the durable record, as the pipeline and the runtime use it.

Every method raises :class:`JournalError` when the store cannot do it; then nothing was written. An
await ends when the request is kept; cancelling the await does not take the request back.

These outlive a power cut: opened runs, contents, leases, intents (but of the class
``idempotent``), takeovers, approvals and decisions of people. Everything else outlives the process,
and a power cut if something of the first kind was written later. A power cut can lose outcomes,
whose intents say that there is something to find out (pipeline.md, The journal).

Every method raises :class:`Damaged` for a row that cannot be read. Those that give several rows
take ``damaged``, which is told of such a row instead.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol

from kernel.journal import rows
from kernel.journal.errors import Damaged

_PAGE_ROWS = 500

OnDamage = Callable[[Damaged], object]
"""Is told of each row that could not be read, of a query that gives the others."""


class Journal(Protocol):
    """The journal. Values are JSON with the secrets replaced; times are nanoseconds."""

    owner: str
    """The name under which this process takes leases."""

    # Runs

    async def keep(self, content: str) -> str:
        """Keep a text (the manifest of a run) once, and return its digest."""

    async def kept(self, digest: str) -> str | None:
        """The text of a digest."""

    async def open_run(self, new: rows.NewRun) -> rows.Opened | rows.Existing:
        """Open a run and take its lease; the recorded run, if it exists."""

    async def run(self, run: str) -> rows.Run | None:
        """A run by its id."""

    async def runs(
        self,
        state: rows.RunState | None = None,
        *,
        before: rows.Run | None = None,
        limit: int = 100,
        damaged: OnDamage | None = None,
    ) -> list[rows.Run]:
        """Runs, the newest first; ``before`` is the last run of the page before."""

    async def finish_run(
        self, lease: rows.Lease, state: rows.RunState, result: Any = None, error: Any = None
    ) -> None:
        """Record how a run ended, or that it is parked, and give the lease back.

        Raises :class:`Fenced` when another holds the lease.
        """

    async def migrate_run(self, lease: rows.Lease, digest: str) -> None:
        """Record another manifest for a run. Raises :class:`Fenced`."""

    # Leases

    async def lease(self, run: str) -> rows.Lease:
        """The lease of a run. Raises :class:`Refused` when there is no such run."""

    async def acquire(self, run: str) -> rows.Lease | rows.Held:
        """Take the lease of a run that nobody works on; :class:`Held` also if it has ended."""

    async def take_over(self, seen: rows.Lease, *, is_dead: bool = False) -> rows.Lease | rows.Held:
        """Take the lease of a run from its holder, if the lease is still as it was ``seen``.

        Where it is not known that the holder ``is_dead``, its calls in flight stay its own
        (``Invocation.holder``), but for those of the class ``idempotent``. No clock is compared.
        See :func:`kernel.journal.owners.take_over`, which waits.
        """

    async def record_death(self, owner: str, who: str) -> None:
        """Record that a process has ended, as a person or a supervisor says."""

    async def is_recorded_dead(self, owner: str) -> bool:
        """Whether somebody has recorded that a process has ended."""

    async def heartbeat(self, lease: rows.Lease) -> rows.Lease:
        """Record a sign of life. Raises :class:`Fenced` when another holds the lease."""

    # Invocations

    async def claim(self, intent: rows.Intent) -> rows.Claimed:
        """Write the commit record. Raises :class:`Fenced` when another holds the lease."""

    async def finalize(self, execution: str, epoch: int, conclusion: rows.Conclusion) -> int:
        """Conclude a claim, once; the number of the conclusion in the chain of the run.

        Raises :class:`Fenced`, with nothing written, when the epoch or the lease is another's;
        :class:`TooLarge` when the outputs cannot be kept: the caller then concludes without them.
        """

    async def record(self, intent: rows.Intent, conclusion: rows.Conclusion) -> rows.Claimed:
        """Claim and conclude at once: an invocation that needs no intent, or is ``deduplicated``.

        :class:`Won` with its number when it was recorded, else the answer to the claim.
        """

    async def attempted(
        self, execution: str, epoch: int, attempts: int, status: str, detail: Any = None
    ) -> None:
        """Record the number of attempts and how the last one went, in the trace as well.

        The status ``began``, of an attempt after the first, outlives a power cut.
        """

    async def release(self, execution: str, epoch: int, *, made: bool) -> None:
        """Give up a call in flight of this process, whose run was taken over meanwhile.

        ``made``: it may have taken effect. Nothing happens where the call is not this process's.
        """

    async def fence(self, lease: rows.Lease, execution: str, epoch: int) -> int:
        """Take an intent over from the dead holder of the run; its new epoch.

        Raises :class:`Fenced` when the intent was taken over or concluded meanwhile.
        """

    async def unresolved(
        self,
        older_than: int = 0,
        *,
        run: str | None = None,
        limit: int = 1000,
        damaged: OnDamage | None = None,
    ) -> list[rows.Invocation]:
        """Intents without an outcome, ``older_than`` so many nanoseconds, the oldest first.

        The age is by the wall clock: a caller that acts on it takes over the lease first.
        """

    async def invocation(self, execution: str) -> rows.Invocation | None:
        """An invocation by the id of its execution."""

    def concluded(
        self, run: str, after: int = 0, *, damaged: OnDamage | None = None
    ) -> AsyncIterator[rows.Invocation]:
        """The concluded invocations of a run in the order of conclusion, which a replay needs."""

    def invocations(
        self, run: str, after: int = 0, *, damaged: OnDamage | None = None
    ) -> AsyncIterator[rows.Invocation]:
        """All invocations of a run: in the order of conclusion, then those without an outcome.

        They are read page by page, from behind the conclusion number ``after``.
        """

    async def find(self, prefix: str, limit: int = 10) -> rows.Found:
        """The runs, executions and approvals whose ids begin with ``prefix``, ``limit`` of each."""

    async def forget_keys(self, limit: int = 1000) -> int:
        """Delete idempotency keys that have expired; how many."""

    # People

    async def escalations(
        self, run: str | None = None, limit: int = 1000, *, damaged: OnDamage | None = None
    ) -> list[rows.Invocation]:
        """Unknown outcomes that wait for a person, the oldest first; and calls in flight of silent
        processes, which wait for these as well."""

    async def resolve(
        self, execution: str, landed: bool, who: str, *, outputs: Any = None, reason: str = ""
    ) -> rows.Invocation:
        """Record what a person says about an unknown outcome.

        If it landed, the invocation has succeeded with the outputs; else it can be claimed again.
        """

    async def ask(self, new: rows.NewApproval) -> rows.Approval:
        """Ask for an approval; the pending approval of the same execution, if there is one."""

    async def decide(
        self, approval: str, state: rows.ApprovalState, who: str, reason: str | None = None
    ) -> rows.Approval:
        """Answer a pending approval. Raises :class:`Refused` for one answered or expired."""

    async def spend(self, approval: str, state: rows.ApprovalState = "spent") -> rows.Approval:
        """Use an approval for its one attempt. Raises :class:`Refused` for one not approved."""

    async def expire(self) -> list[rows.Approval]:
        """Expire the pending approvals whose time is over, and return them."""

    async def approval(self, approval: str) -> rows.Approval:
        """An approval by its id. Raises :class:`Refused` when there is none."""

    async def approvals(
        self,
        state: rows.ApprovalState | None = None,
        *,
        execution: str | None = None,
        run: str | None = None,
        damaged: OnDamage | None = None,
    ) -> list[rows.Approval]:
        """Approvals, the oldest first."""

    # Concurrency groups

    async def enter(
        self, lease: rows.Lease, new: rows.NewTicket, *, waits: bool = True
    ) -> rows.Standing:
        """Take a ticket of a group, or find the one that the execution has; how it stands.

        None is given to a call that does not wait where no slot is free, and to one for which all
        holders would wait in vain. Raises :class:`Fenced` when another holds the lease.
        """

    async def standing(self, execution: str) -> rows.Standing | None:
        """How the ticket of an execution stands; None where it has none."""

    async def standings(self, run: str, *, damaged: OnDamage | None = None) -> list[rows.Standing]:
        """The tickets of a run, those that hold a slot and those that wait, the oldest first."""

    async def leave(self, lease: rows.Lease, *executions: str) -> None:
        """Give tickets of a run back. Raises :class:`Fenced` when another holds the lease.

        Conclusions give back the tickets that they name, and the end of a run those that are left.
        """

    # Trace

    async def note(self, execution: str, step: str, status: str, detail: Any = None) -> None:
        """Add a step to the trace of an execution."""

    async def trace(self, execution: str, *, damaged: OnDamage | None = None) -> list[rows.Note]:
        """The steps of an execution, in order."""

    async def traces(
        self, executions: Sequence[str], *, damaged: OnDamage | None = None
    ) -> dict[str, list[rows.Note]]:
        """The steps of several executions, each in order."""

    async def verify(self, run: str) -> rows.Broken | None:
        """The first place where the hash chain of a run is broken; None when it holds."""

    async def close(self) -> None:
        """Do the requests that are waiting, and close the connections."""


async def every_run(
    journal: Journal, state: rows.RunState | None = None, *, damaged: OnDamage | None = None
) -> AsyncIterator[rows.Run]:
    """The runs of a journal, the newest first, read page by page. Raises as ``Journal.runs``."""
    before: rows.Run | None = None
    while True:
        page = await journal.runs(state, before=before, limit=_PAGE_ROWS, damaged=damaged)
        for run in page:
            yield run
        if len(page) < _PAGE_ROWS:
            return
        before = page[-1]

"""Cancelling a run from outside of the process that works on it, and abandoning its intents."""

from __future__ import annotations

from contextlib import suppress

from kernel.errors import Cancelled, Unknown
from kernel.invocation.history import error_to_json
from kernel.journal.errors import Refused
from kernel.journal.interface import Journal
from kernel.journal.rows import UNFINISHED, Conclusion, Held, Invocation, Run

_MAX_UNRESOLVED = 1_000_000
"""The limit of a query; no run has so many unresolved invocations."""


async def cancel(journal: Journal, run: str, who: str, reason: str | None = None) -> Run:
    """Cancel a run that can go on; a process that works on it can conclude nothing any more.

    Raises :class:`Refused` when the run has ended.
    """
    found = await journal.run(run)
    if found is None:
        raise Refused(f"there is no run {run} in this journal")
    if found.state not in UNFINISHED:
        raise Refused(f"the run {run} is {found.state} already")
    lease = await journal.acquire(run)
    while isinstance(lease, Held):
        lease = await journal.take_over(lease.lease)
    await journal.expire()
    for approval in await journal.approvals("pending"):
        if approval.run == run:
            with suppress(Refused):  # somebody has decided meanwhile
                await journal.decide(approval.approval, "denied", who, "the run was cancelled")
    for approval in await journal.approvals("approved"):
        if approval.run == run:
            with suppress(Refused):  # an attempt has spent it meanwhile
                await journal.spend(approval.approval, "invalidated")
    for row in await unresolved_of(journal, run):
        epoch = await journal.fence(lease, row.execution, row.epoch)
        await abandon(journal, row, epoch, "the run was cancelled")
    message = f"cancelled by {who}" + (f": {reason}" if reason else "")
    await journal.finish_run(lease, "cancelled", error=error_to_json(Cancelled(message)))
    ended = await journal.run(run)
    assert ended is not None
    return ended


async def unresolved_of(journal: Journal, run: str) -> list[Invocation]:
    """All intents of a run without an outcome."""
    return await journal.unresolved(run=run, limit=_MAX_UNRESOLVED)


async def abandon(journal: Journal, row: Invocation, epoch: int, why: str) -> None:
    """Conclude an intent that its run does not come back to: as cancelled where it is known that
    nothing took effect, else as unknown."""
    asked = await journal.approvals(execution=row.execution)
    is_keyed = row.key is not None and row.scope != row.run
    answers_itself = not is_keyed and (row.about or {}).get("topology")
    not_made = asked and asked[-1].state != "spent"
    if row.safety == "idempotent" or answers_itself or not_made:
        ending = Conclusion("cancelled", error=error_to_json(Cancelled(why)))
    else:
        unknown = Unknown(f"{why} while this was in flight", code="CANCELLED")
        ending = Conclusion("unknown", error=error_to_json(unknown))
    await journal.finalize(row.execution, epoch, ending)

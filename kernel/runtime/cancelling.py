"""Cancelling a run from outside of the process that works on it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from kernel.errors import Cancelled, Unknown
from kernel.invocation.history import error_to_json
from kernel.journal.errors import Refused
from kernel.journal.rows import UNFINISHED, Conclusion, Held, Invocation, Run

if TYPE_CHECKING:
    from kernel.journal.interface import Journal

_MOST_LEFT = 1_000_000


async def cancel(journal: Journal, run: str, who: str, reason: str | None = None) -> Run:
    """Cancel a run that can still go on; who works on it concludes nothing any more.

    Raises :class:`Refused` when it has ended.
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
            with suppress(Refused):  # somebody was faster
                await journal.decide(approval.approval, "denied", who, "the run was cancelled")
    for approval in await journal.approvals("approved"):
        if approval.run == run:
            with suppress(Refused):  # who is about to go on by it finds that it holds no more
                await journal.spend(approval.approval, "invalidated")
    for row in await journal.unresolved(run=run, limit=_MOST_LEFT):
        epoch = await journal.fence(lease, row.execution, row.epoch)
        await abandon(journal, row, epoch, "the run was cancelled")
    message = f"cancelled by {who}" + (f": {reason}" if reason else "")
    await journal.finish_run(lease, "cancelled", error=error_to_json(Cancelled(message)))
    ended = await journal.run(run)
    assert ended is not None
    return ended


async def abandon(journal: Journal, row: Invocation, epoch: int, why: str) -> None:
    """Conclude what a run left and does not come back to: as not made, where that is known."""
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

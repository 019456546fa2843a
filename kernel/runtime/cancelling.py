"""Cancelling a run from outside of the process that works on it, and abandoning its intents."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from kernel.errors import Cancelled, Unknown
from kernel.invocation.history import ask_to_cancel, error_to_json
from kernel.journal.errors import Refused
from kernel.journal.interface import Journal
from kernel.journal.owners import is_gone
from kernel.journal.rows import UNFINISHED, Conclusion, Held, Invocation, Lease, Run

_MAX_UNRESOLVED = 1_000_000
"""The limit of a query; no run has so many unresolved invocations."""

_POLL_SECONDS = 0.1
"""Between two looks whether a process has cancelled its run."""


async def cancel(
    journal: Journal, run: str, who: str, reason: str | None = None, patience: float = 10.0
) -> Run:
    """Cancel a run that can go on. The process that works on it does so, and runs its `finally`.

    Where there is none, or none that has given a sign of life for ``patience`` seconds, the run is
    cancelled here, and that process can conclude nothing any more. Raises :class:`Refused` when the
    run has ended.
    """
    message = f"cancelled by {who}" + (f": {reason}" if reason else "")
    # Looked at before the run is taken from whoever has it: a damaged run stays as it is.
    await journal.approvals(run=run)
    await unresolved_of(journal, run)
    lease = await _lease_of(journal, run, message, patience)
    if lease is None:
        return await _run(journal, run)
    await journal.expire()
    for approval in await journal.approvals("pending", run=run):
        await _withdraw(journal, approval.approval, who)
    for approval in await journal.approvals("approved", run=run):
        with suppress(Refused):  # an attempt has spent it meanwhile
            await journal.spend(approval.approval, "invalidated")
    for row in await unresolved_of(journal, run):
        epoch = await journal.fence(lease, row.execution, row.epoch)
        await abandon(journal, row, epoch, "the run was cancelled")
    await journal.finish_run(lease, "cancelled", error=error_to_json(Cancelled(message)))
    return await _run(journal, run)


async def _lease_of(journal: Journal, run: str, message: str, patience: float) -> Lease | None:
    """The lease of a run; None once the process that works on it has cancelled it."""
    asked = False
    seen: Lease | None = None
    since = time.monotonic()
    while True:
        found = await _run(journal, run)
        if asked and found.state == "cancelled":
            return None
        if found.state not in UNFINISHED:
            raise Refused(f"the run {run} is {found.state} already")
        lease = await journal.acquire(run)
        if not isinstance(lease, Held):
            return lease
        if lease.lease != seen:
            seen, since = lease.lease, time.monotonic()
        is_dead = await is_gone(journal, seen.owner)
        if is_dead or time.monotonic() - since > patience:
            taken = await journal.take_over(seen, is_dead=is_dead)
            if not isinstance(taken, Held):
                return taken
        elif not asked:
            asked = True
            await ask_to_cancel(journal, run, message)
        await asyncio.sleep(_POLL_SECONDS)


async def _withdraw(journal: Journal, approval: str, who: str) -> None:
    """Deny an approval; who may not decide takes it back, since nothing asks for it any more."""
    why = "the run was cancelled"
    try:
        await journal.decide(approval, "denied", who, why)
    except Refused:
        with suppress(Refused):  # somebody has decided meanwhile
            await journal.decide(approval, "invalidated", who, why)


async def _run(journal: Journal, run: str) -> Run:
    found = await journal.run(run)
    if found is None:
        raise Refused(f"there is no run {run} in this journal")
    return found


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

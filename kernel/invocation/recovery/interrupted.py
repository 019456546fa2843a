"""Calls that were in flight when their process ended: have they landed, may they be made now?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from kernel.errors import Unknown
from kernel.invocation.history import History, error_to_json
from kernel.invocation.invocation import Invocation, go_through
from kernel.invocation.recovery.attempts import JournalRecord, begin_another, spent_since
from kernel.invocation.recovery.endings import landed, without_outputs
from kernel.invocation.recovery.reconcile import CheckResult, reconcile
from kernel.invocation.recovery.retry import delay_after, next_delay
from kernel.journal.errors import TooLarge
from kernel.journal.rows import Conclusion, Note
from kernel.journal.rows import Invocation as Row
from kernel.safety import CHECKED

_MESSAGE = "the process ended before the outcome was recorded"


async def go_on(
    invocation: Invocation, history: History, record: JournalRecord, began: float
) -> bool:
    """Find out whether a call that an earlier process has claimed has landed.

    If True is returned it has, and the invocation has its outputs; else the next attempt may be
    made. Raises :class:`Unknown` where only a person can say. ``began`` is when the first attempt
    began, on the monotonic clock.
    """
    assert invocation.claim is not None
    notes = await history.guard(history.journal.trace(invocation.id))
    tried = [note for note in notes if note.step == "attempt"]
    if tried:
        invocation.attempt = max(invocation.claim.attempts, 1)
    if tried and tried[-1].status == "failed":
        # It had failed for certain, and the next attempt had not begun.
        detail = tried[-1].detail
        until = detail.get("until") if isinstance(detail, dict) else None
        left = max(until - time.time_ns(), 0) / 1e9 if isinstance(until, int) else 0.0
        await asyncio.sleep(min(left, _max_pause_seconds(invocation)))
        invocation.attempt += 1
        await record.began()
        return False
    if invocation.approval is not None or _is_parked(notes) or _was_not_made(notes):
        return False
    return await _found_out(invocation, record, began)


async def _found_out(invocation: Invocation, record: JournalRecord, began: float) -> bool:
    """As :func:`go_on`, for an attempt that may have been made."""
    plan = invocation.plan
    safety = invocation.safety
    if safety == "idempotent" or plan.instance.is_topology:
        return False  # a topology is walked again, and what it called answers for itself
    error = Unknown(_MESSAGE, code="INTERRUPTED", attempt=invocation.attempt)
    if safety in CHECKED:
        if await reconcile(invocation, error):
            return True
        if error.outcome == "unknown":
            raise error
        if safety == "approval-bound" and plan.approve_again is not None:
            invocation.was_in_flight = False
            await go_through(invocation, plan.approve_again)  # a new approval for a new attempt
        return False
    if safety is None:
        delay = await next_delay(invocation, error, spent_since(began))
        if delay is not None:
            await begin_another(invocation, record, error, delay)
            return False
    error.reword(f"{_MESSAGE}; whether it took effect is not known")
    raise error


def _max_pause_seconds(invocation: Invocation) -> float:
    """The longest pause between two attempts: a recorded one may be longer, if a clock jumped."""
    retry = invocation.plan.site.retry
    return 0.0 if retry is None else delay_after(retry, max(invocation.attempt, 1), None) / 1000


def may_have_landed(notes: Sequence[Note]) -> bool:
    """Whether the process that claimed a call may have made it, by the trace of the call."""
    tried = [note for note in notes if note.step == "attempt"]
    is_certain = _is_parked(notes) or _was_not_made(notes)
    return not is_certain and (not tried or tried[-1].status != "failed")


def _was_not_made(notes: Sequence[Note]) -> bool:
    """Whether the process woke that had claimed the call, and gave it up before it was made."""
    return bool(notes) and notes[-1].status == "not made"


def _is_parked(notes: Sequence[Note]) -> bool:
    """Whether the process ended while a person was asked: nothing was attempted then."""
    asked = [note for note in notes if note.step == "approval"]
    return bool(asked) and asked[-1].status in ("pending", "invalidated")


async def conclude_found(
    found: CheckResult, invocation: Invocation | None, history: History, row: Row
) -> None:
    """Record what was found out about a call; ``invocation`` is None where nothing can be asked."""
    if found.landed is True and invocation is not None:
        ending = landed(invocation, history, found.outputs)
    else:
        outcome = "failed" if found.landed is False else "unknown"
        error = Unknown(_MESSAGE, code="INTERRUPTED", outcome=outcome)  # type: ignore[arg-type]
        ending = Conclusion(error.outcome, error=error_to_json(error))
    try:
        await history.journal.finalize(row.execution, row.epoch, ending)
    except TooLarge as error:
        await history.journal.finalize(row.execution, row.epoch, without_outputs(ending, error))

"""Calls that a process left in flight, and to which nobody comes back where they were made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.errors import Unknown
from kernel.invocation.careful import may_have_landed
from kernel.invocation.conclude import landed, without_outputs
from kernel.invocation.history import error_to_json
from kernel.invocation.reconcile import Found, find_out
from kernel.journal.errors import TooLarge
from kernel.journal.rows import Conclusion

if TYPE_CHECKING:
    from kernel.invocation.history import History
    from kernel.invocation.invocation import Invocation
    from kernel.journal.rows import Invocation as Row


async def conclude_interrupted(invocation: Invocation, history: History, row: Row) -> None:
    """Find out about a call, and record it: ``invocation`` makes the same one, with its key."""
    notes = await history.guard(history.journal.trace(row.execution))
    found = await find_out(invocation) if may_have_landed(notes) else Found(False)
    await history.guard(conclude_found(found, invocation, history, row))


async def conclude_found(
    found: Found, invocation: Invocation | None, history: History, row: Row
) -> None:
    """Record what was found out about a call that was left; None: nothing can be asked of it."""
    if found.landed is True and invocation is not None:
        ending = landed(invocation, history, found.outputs)
    else:
        message = "the process ended before the outcome was recorded"
        outcome = "failed" if found.landed is False else "unknown"
        error = Unknown(message, code="INTERRUPTED", outcome=outcome)  # type: ignore[arg-type]
        ending = Conclusion(error.outcome, error=error_to_json(error))
    try:
        await history.journal.finalize(row.execution, row.epoch, ending)
    except TooLarge as error:
        await history.journal.finalize(row.execution, row.epoch, without_outputs(ending, error))

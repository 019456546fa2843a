"""Calls in flight of a silent process, which may wake and send (pipeline.md, Taking over).

They wait for its return, for proof of its death, or for a person.
"""

from __future__ import annotations

import asyncio

from kernel.invocation.history import History
from kernel.invocation.invocation import Invocation
from kernel.invocation.time_limits import note_cut_off
from kernel.journal.claims import not_landed
from kernel.journal.errors import Damaged, Fenced
from kernel.journal.owners import is_gone
from kernel.journal.rows import Invocation as Row

_POLL_SECONDS = 0.5
"""Between two looks, while other branches of the run go on."""


async def settled(invocation: Invocation, history: History, row: Row) -> Row:
    """Wait until a call is this process's to go on with, or is concluded; the call as it is then.

    The run is suspended meanwhile, if nothing else of it is under way. ``invocation`` is what comes
    to the call.
    """
    while True:
        found = await history.guard(history.journal.invocation(row.execution))
        if found is None:
            what = f"the commit record of {row.path} in run {row.run}"
            raise history.stop(Damaged(what, "it is missing"))
        if found.outcome is not None:
            del history.in_flight[row.path]
            (history.not_landed if not_landed(found) else history.concluded)[row.path] = found
            return found
        if await history.guard(is_gone(history.journal, found.holder)):
            taken = await _taken(history, found)
            if taken is not None:
                history.in_flight[row.path] = taken
                return taken
            continue
        try:
            with invocation.waiting(), history.activity.while_held(found):
                await asyncio.sleep(_POLL_SECONDS)
        except asyncio.CancelledError:
            note_cut_off(row.path)
            raise


async def _taken(history: History, row: Row) -> Row | None:
    """Take the call over; None where a person has said meanwhile what became of it."""
    fenced = history.journal.fence(history.lease.row, row.execution, row.epoch)
    try:
        epoch = await history.guard(fenced, Fenced)
    except Fenced:
        await history.assert_held()
        return None
    return row.taken(epoch)

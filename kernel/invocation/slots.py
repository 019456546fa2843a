"""The slot of an invocation in the concurrency group of its target: taken, looked at, given back.

It is kept in the journal where there is one, also for what is not recorded itself, since it takes
effect with an atomic call around it.
"""

from __future__ import annotations

import asyncio

from kernel.errors import Cancelled
from kernel.invocation.history import History
from kernel.invocation.invocation import Invocation
from kernel.journal.rows import NewTicket, Standing, Ticket


async def enter(invocation: Invocation, new: NewTicket, *, waits: bool) -> Standing:
    """Take a ticket, or find the one that the invocation has since an earlier process."""
    history, tickets = invocation.context.run.history, invocation.plan.runtime.tickets
    invocation.ticket = new  # also if this is cancelled: the request is not taken back
    if history is None:
        found = tickets.enter(new, waits=waits)
    else:
        await history.guard(history.open_run())
        history.tickets.add(new.execution)
        found = await history.guard(history.journal.enter(history.lease.row, new, waits=waits))
    if found.ticket is None:
        invocation.ticket = None
    return found


async def look(invocation: Invocation, ticket: Ticket) -> Standing:
    """How a ticket stands now; where it is gone, because its run was ended, it stays behind."""
    history = invocation.context.run.history
    if history is None:
        return invocation.plan.runtime.tickets.standing(ticket)
    found = await history.guard(history.journal.standing(ticket.execution))
    return Standing(ticket, ticket.slots) if found is None else found


async def give_back(invocation: Invocation) -> None:
    """Give the ticket of an invocation back, if it has one."""
    ticket, history = invocation.ticket, invocation.context.run.history
    if ticket is None:
        return
    try:
        if history is None:
            task = asyncio.current_task()
            if invocation.plan.runtime.tickets.leave(ticket) is not None and task is not None:
                task.uncancel()  # it has succeeded all the same
        else:
            await history.guard(history.journal.leave(history.lease.row, ticket.execution))
    finally:
        given_back(invocation)


def given_back(invocation: Invocation) -> None:
    """Note that the journal has the ticket no more, and let those look that wait for it here."""
    ticket, invocation.ticket = invocation.ticket, None
    if ticket is not None:
        invocation.plan.runtime.waiting.wake(ticket)


async def give_back_in_memory(invocation: Invocation, error: BaseException) -> None:
    """Give back a ticket that no journal has. Raises :class:`Cancelled` for an invocation that was
    cancelled so that another begins (``full: cancel-running``)."""
    ticket = invocation.ticket
    if ticket is None:
        return
    why = invocation.plan.runtime.tickets.leave(ticket)
    given_back(invocation)
    task = asyncio.current_task()
    if why is None or task is None or not isinstance(error, asyncio.CancelledError):
        return
    if task.uncancel() == 0:  # else somebody has cancelled the task besides
        raise Cancelled(why) from None


async def leave_orphans(history: History, standing: Standing) -> bool:
    """Give back the tickets of this run before another to which the walk does not come again.

    An earlier process took them within an attempt that was made anew, for example. Whether there
    were any: nothing is at work with them, since this process has the run.
    """
    orphans = _orphans(history, standing)
    if not orphans:
        return False
    await history.replay_order.finish()  # the walk comes to what is recorded first
    orphans = _orphans(history, standing)
    if orphans:
        await history.guard(history.journal.leave(history.lease.row, *orphans))
    return bool(orphans)


def _orphans(history: History, standing: Standing) -> list[str]:
    return [
        one.execution
        for one in standing.older
        if one.run == history.run and one.execution not in history.tickets
    ]

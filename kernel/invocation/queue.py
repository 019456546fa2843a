"""Concurrency groups as one kernel sees them: who waits here, and all of them without a journal."""

from __future__ import annotations

import asyncio
import time
from bisect import insort
from collections.abc import Iterator
from contextlib import contextmanager

from kernel.journal.rows import NewTicket, Standing, Ticket
from kernel.journal.standing import MAX_OLDER, waits_for_itself

Group = tuple[str, str]


def group_of(ticket: NewTicket) -> Group:
    """The topology and the group of a ticket."""
    return ticket.topology, ticket.group


class Waiting:
    """The tickets of this kernel that wait for a slot; what changes here wakes those in front.

    Only those in front look at the journal, for nobody behind them can be next.
    """

    def __init__(self) -> None:
        self._groups: dict[Group, list[tuple[int, Turn]]] = {}

    @contextmanager
    def listed(self, ticket: Ticket) -> Iterator[Turn]:
        """While a ticket waits."""
        group = group_of(ticket)
        turn = Turn(self._groups.setdefault(group, []), ticket)
        try:
            yield turn
        finally:
            turn.end()
            if not self._groups[group]:
                del self._groups[group]
            self.wake(ticket)

    def wake(self, ticket: NewTicket) -> None:
        """Let those in front look again, since a ticket of their group has gone or holds a slot."""
        for _, turn in self._groups.get(group_of(ticket), ())[: ticket.slots]:
            turn.wake()


class Turn:
    """A ticket among those that wait here, in order."""

    def __init__(self, others: list[tuple[int, Turn]], ticket: Ticket) -> None:
        self._others = others
        self._ticket = ticket
        self._place = ticket.number, self
        self._woken = asyncio.Event()
        insort(others, self._place, key=lambda place: place[0])

    @property
    def is_in_front(self) -> bool:
        """Whether as few wait before it here as there are slots."""
        return any(turn is self for _, turn in self._others[: self._ticket.slots])

    async def wait(self, seconds: float | None) -> bool:
        """Wait until it is woken, for so many seconds at most; whether it was."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True

    def wake(self) -> None:
        """End :meth:`wait`, the present one or the next."""
        self._woken.set()

    def end(self) -> None:
        """Take the ticket out."""
        self._others.remove(self._place)


class Tickets:
    """The tickets of a kernel without a journal: as in :mod:`kernel.journal.tickets`."""

    def __init__(self) -> None:
        self._groups: dict[Group, dict[int, Ticket]] = {}
        self._tasks: dict[str, asyncio.Task[object] | None] = {}
        self._cancelled: dict[str, str] = {}
        self._last = 0

    def enter(self, new: NewTicket, *, waits: bool) -> Standing:
        """Take a ticket for the invocation of the task that runs; how it stands in its group."""
        group = self._groups.get(group_of(new), {})
        before = len(group)
        if before >= new.slots:
            if waits_for_itself(new, list(group.values())):
                return Standing(None, before, waits_for_itself=True)
            if not waits:
                return Standing(None, before, tuple(group.values())[:MAX_OLDER])
        self._last += 1
        given = new.execution, new.run, new.path, new.topology, new.group, new.slots
        ticket = Ticket(*given, self._last, time.time_ns())
        self._groups.setdefault(group_of(new), {})[self._last] = ticket
        self._tasks[new.execution] = asyncio.current_task()
        return self.standing(ticket)

    def standing(self, ticket: Ticket) -> Standing:
        """How a ticket stands now."""
        older: list[Ticket] = []
        for one in self._groups[group_of(ticket)].values():
            if one.number == ticket.number:
                break
            older.append(one)
        return Standing(ticket, len(older), tuple(older[:MAX_OLDER]))

    def leave(self, ticket: NewTicket) -> str | None:
        """Give a ticket back; why its invocation was cancelled, if it was for another."""
        group = self._groups.get(group_of(ticket), {})
        for one in group.values():
            if one.execution == ticket.execution:
                del group[one.number]
                break
        if not group:
            self._groups.pop(group_of(ticket), None)
        self._tasks.pop(ticket.execution, None)
        return self._cancelled.pop(ticket.execution, None)

    def cancel(self, ticket: Ticket, why: str) -> None:
        """Cancel the invocation that has a ticket, once."""
        task = self._tasks.get(ticket.execution)
        if task is not None and ticket.execution not in self._cancelled:
            self._cancelled[ticket.execution] = why
            task.cancel()

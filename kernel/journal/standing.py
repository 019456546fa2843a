"""Whether the calls of a concurrency group would wait for themselves for ever."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from kernel.journal.rows import NewTicket, Ticket
from kernel.run_paths import is_within

MAX_OLDER = 100
"""Of the tickets before another so many are told, the oldest."""


def is_around(outer: NewTicket, inner: NewTicket) -> bool:
    """Whether a call is made by another, through whatever calls of the same run."""
    if outer.run != inner.run:
        return False
    return is_within(inner.path, outer.path) or (outer.path == "" != inner.path)


def waits_for_itself(new: NewTicket, tickets: Sequence[Ticket]) -> bool:
    """Whether no holder of a slot would ever end, if a call waited for one.

    ``tickets`` are those of its group, in order. It is so when each holder is around a call that
    waits: all are around this one, or the holders of several runs wait for each other. The last
    call that comes in between fails; all before it were let wait, since one holder could end.
    """
    holders, queued = tickets[: new.slots], tickets[new.slots :]
    if len(holders) < new.slots or not any(is_around(holder, new) for holder in holders):
        return False
    waiting: dict[str, list[NewTicket]] = defaultdict(list)
    for one in (*queued, new):
        waiting[one.run].append(one)
    return all(any(is_around(holder, one) for one in waiting[holder.run]) for holder in holders)

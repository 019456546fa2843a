"""Take over the lease of a run: at once from a dead holder, else if no sign of life comes."""

from __future__ import annotations

import asyncio

from kernel.journal.interface import Journal
from kernel.journal.owners import is_dead
from kernel.journal.rows import Held, Lease


async def take_over(journal: Journal, run: str, patience: float) -> Lease | Held:
    """Take the lease of a run; :class:`Held` when its holder is alive.

    A holder on this machine is dead when its process has ended; any other when it has given no sign
    of life for ``patience`` seconds of a clock that never jumps. Raises :class:`Refused` when there
    is no such run.
    """
    answer = await journal.acquire(run)
    if not isinstance(answer, Held):
        return answer
    seen = answer.lease
    if seen.owner is None or not is_dead(seen.owner):
        await asyncio.sleep(patience)
    return await journal.take_over(seen)

"""Working on a run: at once where nobody does or the holder is dead, else after a while."""

from __future__ import annotations

import asyncio

from kernel.journal.interface import Journal
from kernel.journal.owners import is_dead
from kernel.journal.rows import Held, Lease


async def take_over(journal: Journal, run: str, patience: float) -> Lease | Held:
    """The lease of a run, or who holds it and lives.

    A holder on this machine whose process has ended is dead at once; any other when it has given
    no sign of life for ``patience`` seconds of a clock that never jumps. Raises :class:`Refused`
    when there is no such run.
    """
    answer = await journal.acquire(run)
    if not isinstance(answer, Held):
        return answer
    seen = answer.lease
    if seen.owner is None or not is_dead(seen.owner):
        await asyncio.sleep(patience)
    return await journal.take_over(seen)

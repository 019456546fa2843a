"""``ReplayOrder``: a replay gets its answers in the order in which they were recorded.

Branches that run at the same time see what the others have done by then: which of them failed
first, whose result is there. So an answer is not given before those that were recorded before it,
unless the walk does not ask for them; and each is given when the walk has gone on as far as it can
with the one before.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Iterable

from kernel.run_paths import enclosing

_MAX_LOOP_ITERATIONS = 1_000
"""Of the event loop: after so many an answer is given although the walk is not at rest."""

_IDLE_ITERATION_SECONDS = 0.0002
"""An iteration of the event loop in which no branch walks takes less."""

_JOURNAL_POLL_SECONDS = 0.001
"""Between two looks whether the journal has answered the walk."""

_MAX_FINISH_SECONDS = 5.0
"""So long, at most, new calls wait for the branches that replay."""


class ReplayOrder:
    """Gives answers their turn; ``numbers`` are those for which the walk is expected to ask."""

    def __init__(self, numbers: Iterable[int] = (), *, is_behind: bool = False) -> None:
        self.is_behind = is_behind
        """Whether there are records to which the walk may not have come yet."""
        self._expected = deque(sorted(numbers))
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._asked = 0
        self._giving: asyncio.Task[None] | None = None
        self.requests = 0
        """How many requests of the walk the journal has not answered yet."""

    @property
    def is_awaited(self) -> bool:
        """Whether a branch waits for an answer."""
        return bool(self._waiting)

    def is_next(self, number: int) -> bool:
        """Whether the answer of that number may be given now."""
        if not self._expected or number < self._expected[0]:
            return True
        if number > self._expected[0]:
            return False
        self._expected.popleft()
        return True

    async def wait(self, number: int) -> None:
        """Wait until the answer of that number may be given."""
        if self.is_next(number):
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked += 1
        heapq.heappush(self._waiting, (number, self._asked, future))
        if self._giving is None:
            self._giving = asyncio.ensure_future(self._give())
        await future

    async def finish(self) -> None:
        """Let every branch walk to the end of what is recorded, before a new call is begun.

        A failure may stand there that had cancelled this branch. No branch waits on its way there,
        but for the journal.
        """
        until, idle = time.monotonic() + _MAX_FINISH_SECONDS, 0
        while idle < 3 and time.monotonic() < until:
            if self.requests:
                await asyncio.sleep(_JOURNAL_POLL_SECONDS)
                idle = 0
                continue
            began = time.monotonic()
            await asyncio.sleep(0)
            is_busy = time.monotonic() - began >= _IDLE_ITERATION_SECONDS
            idle = 0 if is_busy or self.is_awaited else idle + 1
        self.is_behind = False

    async def _give(self) -> None:
        """Give the next answer whenever the walk is at rest, until no branch waits."""
        iterations = 0
        while self._waiting:
            await asyncio.sleep(0)
            iterations += 1
            if iterations < _MAX_LOOP_ITERATIONS and not is_at_rest():
                continue
            iterations = 0
            number, _, future = heapq.heappop(self._waiting)
            while self._expected and self._expected[0] <= number:
                self._expected.popleft()  # the walk did not ask for them, and will not
            if not future.done():
                future.set_result(None)
        self._giving = None


def is_at_rest() -> bool:
    """Whether nothing else can run in this iteration of the event loop, or the next."""
    return not getattr(asyncio.get_running_loop(), "_ready", ())


def asked_for(paths: Iterable[tuple[str, int]]) -> Iterable[int]:
    """The numbers of the answers that are not within another: that one answers for them all."""
    known = dict(paths)
    for path, number in known.items():
        if known.keys().isdisjoint(enclosing(path)):
            yield number

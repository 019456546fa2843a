"""A journal that answers late: each request waits for a while, before or after it is done."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

from kernel.journal import Journal

_SECONDS = (0.0, 0.001, 0.02, 0.06, 0.12)
"""Of one wait; the limits of time of the tests end in between."""

_LATE = {
    "acquire", "approvals", "ask", "claim", "decide", "expire", "finalize", "finish_run", "note",
    "record", "spend", "trace", "unresolved",
}  # fmt: skip


class Late:
    """A journal in front of another; ``seed`` says which requests wait, and for how long.

    A slow process, or a slow disk, does the same: the parts of a run go on in another order.
    """

    def __init__(self, journal: Journal, seed: str) -> None:
        self._journal = journal
        self._random = random.Random(seed)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._journal, name)
        return self._late(found) if name in _LATE else found

    def _late(self, ask: Callable[..., Any]) -> Callable[..., Any]:
        async def asked(*given: Any, **named: Any) -> Any:
            await self._wait()
            answer = await ask(*given, **named)
            await self._wait()
            return answer

        return asked

    async def _wait(self) -> None:
        if self._random.random() < 0.3:
            await asyncio.sleep(self._random.choice(_SECONDS))

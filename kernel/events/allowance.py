"""How much a controller may write: a burst at once, and so much a second from then on."""

from __future__ import annotations

import time
from collections.abc import Callable

BURST = 1_000_000
"""Characters that may be written at once."""

PER_SECOND = 100_000
"""Characters a second that may be written for ever."""


class Allowance:
    """``burst`` characters at once; what is used of it grows again by ``per_second``.

    Once it is used up, nothing is granted until half of the burst has grown again.
    """

    __slots__ = ("_burst", "_clock", "_left", "_per_second", "_since", "is_used_up")

    def __init__(
        self,
        burst: float = BURST,
        per_second: float = PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst, self._per_second, self._clock = burst, per_second, clock
        self._left, self._since = burst, clock()
        self.is_used_up = False

    def grant(self, wanted: int) -> int:
        """How many of so many characters may be written now."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._since) * self._per_second)
        self._since = now
        if self.is_used_up and self._left < self._burst / 2:
            return 0
        granted = min(wanted, int(self._left))
        self._left -= granted
        self.is_used_up = granted < wanted
        return granted

"""The points at which a process can be made to end, or to stop: there it has told somebody.

A point is reached before and after each commit of the journal and each exchange with the server.
Between two of them a process changes nothing that outlives it.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

_guard = threading.Lock()
_reached: list[str] = []
_at: int | None = None
_signal: int = signal.SIGKILL


def arm(at: int | None, what: int = signal.SIGKILL) -> None:
    """Send this process the signal when it reaches the point of that number, counted from 1."""
    global _at, _signal
    _at, _signal = at, what


def point(name: str) -> None:
    """The process is here."""
    with _guard:
        _reached.append(name)
        if len(_reached) == _at:
            os.kill(os.getpid(), _signal)


def reached() -> list[str]:
    """The points that were reached, in order."""
    with _guard:
        return list(_reached)


def watch(session: type[Any]) -> None:
    """Make the commits of a class of sessions points, but for those that only read."""
    begin: Callable[..., None] = session.begin
    commit: Callable[..., None] = session.commit

    def begin_and_tell(self: Any, mode: Any) -> None:
        self.is_reading = mode == "read"
        begin(self, mode)

    def commit_between_points(self: Any) -> None:
        if self.is_reading:
            commit(self)
            return
        point("commit")
        commit(self)
        point("committed")

    session.begin = begin_and_tell  # type: ignore[method-assign]
    session.commit = commit_between_points  # type: ignore[method-assign]

"""Waiting for work that may not end: it must not hold up what comes after it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

_GRACE_SECONDS = 1.0
"""Seconds that a task gets to end once it was cancelled; then it is left behind."""


class TooLate(Exception):
    """The work did not end in time. ``left`` is what goes on behind, if it took no notice."""

    def __init__(self, message: str, left: asyncio.Future[Any] | None) -> None:
        super().__init__(message)
        self.left = left


async def within(seconds: float, work: Coroutine[Any, Any, Any]) -> Any:
    """What ``work`` gives, if it ends within so many seconds; it is cancelled if not.

    Unlike ``asyncio.wait_for`` it comes back even when the work takes no notice. Raises
    :class:`TooLate`, and whatever the work raises.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait((task,), timeout=seconds)
    except asyncio.CancelledError:
        await end(task)
        raise
    if task.done():
        return task.result()
    await end(task)
    raise TooLate(f"it did not end within {seconds:g} s", None if task.done() else task)


async def end(task: asyncio.Future[Any]) -> None:
    """Cancel a task and wait for it, but not for ever: one that goes on is left behind."""
    task.cancel()
    task.add_done_callback(look_at)
    await asyncio.wait((task,), timeout=_GRACE_SECONDS)


def look_at(task: asyncio.Future[Any]) -> None:
    """Take what the task raised, so that it is not reported as forgotten."""
    if not task.cancelled():
        task.exception()

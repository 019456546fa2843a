"""Waiting for tasks that may ignore their cancellation, without waiting for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

_GRACE_SECONDS = 1.0
"""A cancelled task may take so long to end; then it is abandoned."""


class TooLate(Exception):
    """The work did not end in time. ``abandoned`` is its task, if it ignored the cancellation."""

    def __init__(self, message: str, abandoned: asyncio.Future[Any] | None) -> None:
        super().__init__(message)
        self.abandoned = abandoned


async def within(
    seconds: float, work: Coroutine[Any, Any, Any], grace: float = _GRACE_SECONDS
) -> Any:
    """What ``work`` gives, if it ends within so many seconds; it is cancelled if not.

    ``grace``: seconds that it may take to end then. Unlike ``asyncio.wait_for`` this returns even
    when the work ignores its cancellation. Raises :class:`TooLate`, and whatever the work raises.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait((task,), timeout=seconds)
    except asyncio.CancelledError:
        await cancel_and_wait(task)
        raise
    if task.done():
        return task.result()
    await cancel_and_wait(task, grace)
    raise TooLate(f"it did not end within {seconds:g} s", None if task.done() else task)


async def cancel_and_wait(task: asyncio.Future[Any], seconds: float = _GRACE_SECONDS) -> None:
    """Cancel a task and wait for its end, but not for ever: a task that goes on is abandoned."""
    task.cancel()
    task.add_done_callback(retrieve_error)
    await asyncio.wait((task,), timeout=seconds)


def retrieve_error(task: asyncio.Future[Any]) -> None:
    """Retrieve the task's error, so that asyncio does not report it as never retrieved."""
    if not task.cancelled():
        task.exception()

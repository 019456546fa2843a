"""Waiting for tasks that may ignore their cancellation, without waiting for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable
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
        await cancel_and_wait(task, grace)
        raise
    if task.done():
        return task.result()
    await cancel_and_wait(task, grace)
    raise TooLate(f"it did not end within {seconds:g} s", None if task.done() else task)


async def cancel_and_wait(task: asyncio.Future[Any], seconds: float = _GRACE_SECONDS) -> None:
    """Cancel a task and wait for its end, but not for ever: a task that goes on is abandoned."""
    task.cancel()
    task.add_done_callback(retrieve_error)
    await until_ended((task,), seconds)


async def until_ended(tasks: Iterable[asyncio.Future[Any]], seconds: float | None = None) -> None:
    """Wait for the end of tasks, for so many seconds at most.

    A cancellation of the caller meanwhile is passed on to them, and raised when the wait is over:
    no task goes on when what has begun it has ended.
    """
    until = None if seconds is None else time.monotonic() + seconds
    late = {task for task in tasks if not task.done()}
    cancelled: asyncio.CancelledError | None = None
    while late:
        left = None if until is None else until - time.monotonic()
        if left is not None and left <= 0:
            break
        try:
            _, late = await asyncio.wait(late, timeout=left)
        except asyncio.CancelledError as error:
            cancelled = error
            for task in late:
                task.cancel()
            late = {task for task in late if not task.done()}
    if cancelled is not None:
        raise cancelled


async def to_the_end(work: Coroutine[Any, Any, Any]) -> None:
    """Do a short work that must not be left half done; a cancellation is raised after it."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled


def retrieve_error(task: asyncio.Future[Any]) -> None:
    """Retrieve the task's error, so that asyncio does not report it as never retrieved."""
    if not task.cancelled():
        task.exception()

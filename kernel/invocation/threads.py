"""Synchronous controllers run in threads, so that one that blocks holds up nothing but itself.

The threads are daemons: one that hangs for ever must not keep the process from ending, which is
why the pool of the standard library, whose threads are joined at exit, cannot be used.
"""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Any

MAX_THREADS = 256

_Job = tuple[
    contextvars.Context,
    Callable[..., Any],
    tuple[Any, ...],
    "asyncio.Future[Any]",
    asyncio.AbstractEventLoop,
]


class Threads:
    """A pool of daemon threads that grows as needed, to ``limit``."""

    def __init__(self, limit: int = MAX_THREADS) -> None:
        self._limit = limit
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._alive = 0

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call ``function`` in a thread, with the caller's context variables.

        When the waiting task is cancelled the thread goes on; its result is dropped.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._jobs.put((contextvars.copy_context(), function, arguments, future, loop))
        if not self._idle.acquire(blocking=False) and self._alive < self._limit:
            self._alive += 1
            threading.Thread(target=self._work, name="kernel-controller", daemon=True).start()
        return await future

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                self._idle.release()
                job = self._jobs.get()
            self._do(job)
            del job

    @staticmethod
    def _do(job: _Job) -> None:
        context, function, arguments, future, loop = job
        result: Any = None
        error: BaseException | None = None
        try:
            result = context.run(function, *arguments)
        except BaseException as raised:  # the thread lives on; the caller gets it
            error = raised

        def conclude() -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)
            elif isinstance(error, StopIteration):
                future.set_exception(RuntimeError(f"StopIteration: {error}"))
            else:
                future.set_exception(error)

        try:
            loop.call_soon_threadsafe(conclude)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more


shared = Threads()
"""The pool of the process."""


async def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function that blocks in a thread of the kernel's own, and give what it returns.

    For asynchronous controllers: unlike ``asyncio.to_thread``, a call that never returns does not
    keep the process from ending. Context variables go along.
    """
    return await shared.run(function, *arguments)

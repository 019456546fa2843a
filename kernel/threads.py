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
    Callable[[], None],
]

_from_thread: contextvars.ContextVar[bool] = contextvars.ContextVar("_from_thread", default=False)
"""Whether a function in a thread of the pool waits for this code."""


class Threads:
    """A pool of daemon threads that grows as needed, to ``limit``.

    A job that another job waits for gets a thread beyond the limit: if all threads waited for such
    jobs, these would wait for ever.
    """

    def __init__(self, limit: int = MAX_THREADS) -> None:
        self._limit = limit
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._alive = 0
        self._unfinished = 0

    @property
    def busy(self) -> bool:
        """Whether a function is still at work, perhaps for ever."""
        return self._unfinished > 0

    async def run(
        self, function: Callable[..., Any], *arguments: Any, ended: Callable[[], None] | None = None
    ) -> Any:
        """Call ``function`` in a thread, with the caller's context variables.

        When the waiting task is cancelled before a thread was free, nothing is called; later the
        thread goes on, and its result is dropped. ``ended`` is called in the thread when the
        function has returned or raised, or was not called.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        context = contextvars.copy_context()
        self._submit((context, function, arguments, future, loop, ended or _nothing))
        return await future

    def _submit(self, job: _Job) -> None:
        with self._lock:
            is_free = self._unfinished < self._alive
            if not is_free and (self._alive < self._limit or _from_thread.get()):
                thread = threading.Thread(
                    target=self._work, args=(job,), name="kernel-controller", daemon=True
                )
                thread.start()
                self._alive += 1
            else:
                self._jobs.put(job)
            self._unfinished += 1

    def _work(self, job: _Job) -> None:
        while True:
            deliver = _do(job)
            with self._lock:
                self._unfinished -= 1
                is_spare = self._alive > self._limit
                if is_spare:
                    self._alive -= 1
            deliver()
            del job, deliver
            if is_spare:
                return
            job = self._jobs.get()


def _do(job: _Job) -> Callable[[], None]:
    """Do a job, unless it was cancelled; gives the function that tells the loop how it ended."""
    context, function, arguments, future, loop, ended = job
    result: Any = None
    error: BaseException | None = None
    if future.cancelled():
        ended()
        return _nothing
    try:
        context.run(_from_thread.set, True)
        result = context.run(function, *arguments)
    except BaseException as raised:  # the thread lives on; the caller gets it
        error = raised
    finally:
        ended()

    def set_outcome() -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        elif isinstance(error, StopIteration):
            future.set_exception(RuntimeError(f"StopIteration: {error}"))
        else:
            future.set_exception(error)

    def deliver() -> None:
        try:
            loop.call_soon_threadsafe(set_outcome)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more

    return deliver


def _nothing() -> None:
    """Tell nobody: no task waits for the job."""


BeginAttempt = Callable[[], Callable[[], None]]
"""Notes that an attempt is at work; gives the function that notes its end."""

current_attempt: contextvars.ContextVar[BeginAttempt | None] = contextvars.ContextVar(
    "current_attempt", default=None
)
"""Of the attempt on behalf of which code runs, where its invocation is recorded."""

shared = Threads()
"""The pool of the process."""


async def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function that blocks in a thread of the kernel's own, and give what it returns.

    For asynchronous controllers: unlike ``asyncio.to_thread``, a call that never returns does not
    keep the process from ending. Context variables go along.
    """
    begins = current_attempt.get()
    return await shared.run(function, *arguments, ended=None if begins is None else begins())

"""A thread with an event loop of its own, in which other threads have asynchronous work done."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from kernel.errors import UsageError

_T = TypeVar("_T")

_MAX_END_SECONDS = 2.0
"""How long work that is under way when the loop is closed may take to end by itself."""


class Portal:
    """Does work in its loop, while the thread that asks for it waits.

    Any number of threads may ask at a time. The thread is a daemon: a program that ends without
    closing the portal ends.
    """

    def __init__(self) -> None:
        self._opened = threading.Event()
        self._closing = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop
        self._lock = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(target=self._serve, name="kernel-loop", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread.start()
        self._opened.wait()

    def _serve(self) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            self._opened.set()
            runner.run(self._until_closed())

    async def _until_closed(self) -> None:
        await self._closing.wait()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_MAX_END_SECONDS)

    def run(self, work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """What the coroutine that ``work`` makes gives, or raises.

        It sees the context variables of the caller. When the wait is interrupted (Ctrl-C) the work
        is cancelled, and has ended when the interruption goes on; another one does not wait for it.
        Raises :class:`UsageError` in a thread with a running event loop, which this would block.
        """
        check_not_in_loop()
        ended: Future[_T] = Future()
        begun: list[asyncio.Task[None]] = []
        context = contextvars.copy_context()

        async def deliver() -> None:
            try:
                ended.set_result(await work())
            except BaseException as error:  # the waiting thread gets it
                ended.set_exception(error)

        def begin() -> None:
            task = self._loop.create_task(deliver(), context=context)
            begun.append(task)
            self._tasks.add(task)
            task.add_done_callback(end)

        def end(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if not ended.done():  # it was cancelled before it began
                ended.set_exception(asyncio.CancelledError())

        def cancel() -> None:
            if begun:
                begun[0].cancel()
            else:  # the interruption came before the loop was asked
                ended.set_exception(asyncio.CancelledError())

        try:
            with self._lock:  # what is asked for before the end of the loop is begun before it
                if self._is_closed:
                    ended.set_exception(asyncio.CancelledError())
                    raise UsageError("the kernel is stopping")
                self._loop.call_soon_threadsafe(begin)
            return ended.result()
        except BaseException:
            if not ended.done():
                self._loop.call_soon_threadsafe(cancel)
                wait([ended])
            raise

    def close(self) -> None:
        """End the loop and its thread; work that does not end soon is cancelled."""
        with self._lock:
            self._is_closed = True
            self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()


def check_not_in_loop() -> None:
    """Raise :class:`UsageError` in a thread whose event loop a wait would block."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise UsageError(
        "SyncKernel waits, and would block the event loop that runs in this thread; "
        "await the methods of Kernel here, or call from another thread"
    )

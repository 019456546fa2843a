"""Work of a database in threads: awaited, and interrupted when the awaiting task is cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from .engine import dialect_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

Value = TypeVar("Value")
SECONDS_BETWEEN_INTERRUPTS = 0.05


class Interrupt:
    """The way to stop what one connection is doing, while it does it and not a moment longer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stop: Callable[[], Any] | None = None

    @contextmanager
    def of(self, connection: Connection) -> Iterator[None]:
        """In this block ``fire`` stops the statement that ``connection`` is running."""
        driver: Any = connection.connection.dbapi_connection
        stop = driver.interrupt if dialect_of(connection) == "sqlite" else driver.cancel_safe
        with self._lock:
            self._stop = stop
        try:
            yield
        finally:
            # Past this lock the connection may serve another task.
            with self._lock:
                self._stop = None

    def fire(self) -> None:
        with self._lock:
            if self._stop is not None:
                with suppress(Exception):
                    self._stop()


async def in_thread(
    threads: Executor, work: Callable[[], Value], interrupt: Interrupt | None = None
) -> Value:
    """The value of ``work``; when cancelled, interrupts it and waits until it has ended."""
    job = threads.submit(work)
    ended = asyncio.wrap_future(job)
    try:
        return await asyncio.shield(ended)
    except asyncio.CancelledError:
        if not job.cancel():
            await _end(ended, interrupt)
        raise


async def _end(ended: asyncio.Future[Any], interrupt: Interrupt | None) -> None:
    # Repeated, since the first may come before the statement has begun.
    while not ended.done():
        if interrupt is not None:
            await asyncio.to_thread(interrupt.fire)
        await asyncio.wait([ended], timeout=SECONDS_BETWEEN_INTERRUPTS)
    ended.cancelled() or ended.exception()

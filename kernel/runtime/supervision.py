"""Supervising Services: when a Service ends by itself, the calls under way fail."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from kernel.errors import InvocationError
from kernel.events.log import Log
from kernel.registry.instances import Instance
from kernel.topology.tasks import retrieve_error, until_ended


class ServiceSupervisor:
    """Interrupts the calls of a kernel when one of its Services ends by itself."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._calls: set[asyncio.Task[Any]] = set()
        self._failed: tuple[Instance, BaseException] | None = None
        self._stopped: asyncio.Event | None = None

    def start(self) -> None:
        """Begin to supervise, in the event loop that is running."""
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """End :meth:`wait_until_stopped`."""
        if self._stopped is not None:
            self._stopped.set()

    async def wait_until_stopped(self) -> None:
        """Wait for :meth:`stop`. Raises :class:`InvocationError` when a Service fails."""
        assert self._stopped is not None
        await self._stopped.wait()
        self.check()

    def service_failed(self, instance: Instance, error: BaseException) -> None:
        """Cancel all calls, because a Service ended by itself."""
        self._failed = self._failed or (instance, error)  # the first is the cause of the others
        for call in self._calls:
            call.cancel()
        self.stop()

    def check(self) -> None:
        """Raise :class:`InvocationError` when a Service has failed."""
        if self._failed is not None:
            raise self._error(*self._failed)

    def _error(self, instance: Instance, error: BaseException) -> InvocationError:
        said = self._log.text(error)
        return InvocationError(
            f"the service {instance.address} failed: {said}", code="SERVICE_FAILED"
        )

    async def supervise(self, call: Coroutine[Any, Any, Any]) -> Any:
        """What a call gives. Raises :class:`InvocationError` when a Service fails meanwhile."""
        task = asyncio.ensure_future(call)
        task.add_done_callback(retrieve_error)
        self._calls.add(task)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            current = asyncio.current_task()
            is_cancelled = current is not None and current.cancelling()
            if not task.done():
                task.cancel()
                await until_ended((task,))
            if is_cancelled or self._failed is None:
                raise
            raise self._error(*self._failed) from None
        finally:
            self._calls.discard(task)

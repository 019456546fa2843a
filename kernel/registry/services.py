"""The life of a Service: it runs until it is stopped; when it ends by itself, that is a fault."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from kernel.errors import InvalidState
from kernel.registry.controllers import Method, method
from kernel.registry.instances import Instance
from kernel.topology.tasks import cancel_and_wait, within

if TYPE_CHECKING:
    from kernel.events.log import Log
    from kernel.threads import Threads

_READY_SECONDS = 30.0
_STOP_SECONDS = 15.0


class ServiceCall:
    """The ``call`` of ``start(self, call)``: ``call.ready({…})`` says that the service is up."""

    def __init__(self, address: str, log: Log) -> None:
        self.published: Mapping[str, Any] = {}
        self._address = address
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()

    def ready(self, published: Mapping[str, Any] | None = None) -> None:
        """The service is up; ``published`` is read as ``resources.<Name>.<field>``."""
        self.published = dict(published or {})
        self._loop.call_soon_threadsafe(self._ready.set)

    async def wait(self) -> None:
        """Wait until the service is up."""
        await self._ready.wait()

    def log(self, message: str, level: str = "info", **fields: Any) -> None:
        """Log a message about this service, without secrets."""
        self._log.say(level, message, fields, path=self._address)


class Service:
    """A running Service. It calls ``failed`` with the error when it ends before it is stopped."""

    def __init__(
        self,
        instance: Instance,
        threads: Threads,
        log: Log,
        failed: Callable[[Instance, BaseException], None],
    ) -> None:
        self._instance = instance
        self._threads = threads
        self._log = log
        self._failed = failed
        self._stopping = False
        self._has_failed = False  # by itself, which is told
        self._task: asyncio.Task[Any] | None = None

    async def start(self) -> Mapping[str, Any]:
        """Start the service, wait until it is up, and return what it publishes.

        A service whose ``start`` takes ``call`` is up when it calls ``call.ready``; another is up
        as soon as it runs. A service whose ``start`` returns a mapping is up and publishes that.
        Raises what ``start`` raises, :class:`InvalidState` when the service ends or is not up in
        time.
        """
        start = method(self._instance.controller, "start")
        if start is None:
            raise InvalidState(f"{self._instance.address} is a Service without `start`")
        call = ServiceCall(self._instance.address, self._log)
        self._task = asyncio.create_task(self._run(start, call))
        ready = asyncio.create_task(call.wait() if start.takes_call else asyncio.sleep(0.01))
        try:
            await asyncio.wait(
                (self._task, ready), timeout=_READY_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        except asyncio.CancelledError:
            await cancel_and_wait(self._task)
            raise
        finally:
            ready.cancel()
        if self._task.done():
            returned = self._task.result()
            if isinstance(returned, Mapping):
                return dict(returned)
            raise InvalidState(f"{self._instance.address} ended before it was stopped")
        if start.takes_call and not call.published and not ready.done():
            await self.stop()
            raise InvalidState(
                f"{self._instance.address} was not up within {_READY_SECONDS:g} s: "
                "`start` says so by `call.ready()`"
            )
        self._task.add_done_callback(self._ended)
        return call.published

    async def _run(self, start: Method, call: ServiceCall) -> Any:
        arguments = (call,) if start.takes_call else ()
        if start.asynchronous:
            return await without_exit(self._instance, start.function(*arguments))
        return await without_exit(self._instance, self._threads.run(start.function, *arguments))

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if self._stopping or task.cancelled():
            return
        error = task.exception()
        self._has_failed = True
        if error is None:
            error = InvalidState(f"{self._instance.address} ended before it was stopped")
        self._failed(self._instance, error)

    async def stop(self) -> None:
        """Ask the service to stop, wait, and cancel its task if that still runs.

        Failures are reported, not raised. A cancellation is raised when the task has ended, or is
        left behind.
        """
        self._stopping = True
        stop = method(self._instance.controller, "stop")
        task = self._task
        try:
            if stop is not None:
                work = stop.function() if stop.asynchronous else self._threads.run(stop.function)
                await within(_STOP_SECONDS, without_exit(self._instance, work))
                if task is not None:
                    await asyncio.wait((task,), timeout=_STOP_SECONDS)
        except Exception as error:
            self._warn(f"stopping {self._instance.address} failed: {self._log.text(error)}")
            stop = None
        finally:
            if task is not None:
                await self._end(task, is_late=stop is not None and not task.done())

    async def _end(self, task: asyncio.Task[Any], *, is_late: bool) -> None:
        """Cancel the task of the service if that still runs, and say what becomes of the task."""
        address = self._instance.address
        if is_late:
            self._warn(
                f"{address} did not end within {_STOP_SECONDS:g} s of `stop`: it is cancelled"
            )
        if not task.done():
            await cancel_and_wait(task)
        if not task.done():
            self._warn(f"{address} goes on in spite of its cancellation, and is left behind")
        elif not (task.cancelled() or self._has_failed) and (error := task.exception()) is not None:
            said = f"{type(error).__name__}: {self._log.text(error)}"
            self._warn(f"{address} failed while it was stopped: {said}")

    def _warn(self, sentence: str) -> None:
        self._log.say("warning", sentence, {})


async def without_exit(instance: Instance, work: Awaitable[Any]) -> Any:
    """What the code of a controller gives. SystemExit, which would stop the event loop, is a fault.

    Raises what the code raises, and :class:`InvalidState`.
    """
    try:
        return await work
    except SystemExit as error:
        raise InvalidState(f"{instance.address} raised SystemExit") from error

"""``SyncKernel``: a kernel for programs that are not asynchronous."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from kernel.errors import UsageError
from kernel.events.bus import Subscriber
from kernel.manifest import Manifest
from kernel.runtime.kernel import Kernel
from kernel.runtime.portal import Portal, check_not_in_loop

_P = ParamSpec("_P")
_T = TypeVar("_T")


def _waiting(
    method: Callable[Concatenate[Kernel, _P], Coroutine[Any, Any, _T]],
) -> Callable[Concatenate[SyncKernel, _P], _T]:
    """The method of the kernel, for a caller that waits."""

    @wraps(method)
    def wait(self: SyncKernel, /, *arguments: _P.args, **named: _P.kwargs) -> _T:
        return self._portal.run(lambda: method(self._kernel, *arguments, **named))

    return wait


def _in_loop(
    method: Callable[Concatenate[Kernel, _P], _T],
) -> Callable[Concatenate[SyncKernel, _P], _T]:
    """The method of the kernel that does not wait, called in the kernel's own thread."""

    @wraps(method)
    def call(self: SyncKernel, /, *arguments: _P.args, **named: _P.kwargs) -> _T:
        async def work() -> _T:
            return method(self._kernel, *arguments, **named)

        return self._portal.run(work)

    return call


class SyncKernel:
    """A :class:`kernel.Kernel` whose methods wait for their answer.

    ::

        with SyncKernel(Kernel(load("orders.yaml"))) as kernel:
            result = kernel.invoke("Run.Sequence/Import", {"day": "monday"})

    The kernel runs in the event loop of a thread of its own, from :meth:`start` to :meth:`stop`,
    and is used through this alone. Any number of threads may call at a time, controllers that run
    in threads too. Errors are those of the kernel's methods, with their traceback. Ctrl-C cancels
    what is waited for, as it cancels ``kernel apply``. Raises :class:`UsageError` where the methods
    would block a running event loop, and outside of ``with`` or start and stop. Subscribers are
    called in the thread of the kernel, and must not wait for it.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._lock = threading.Lock()
        self._open: Portal | None = None

    @property
    def manifest(self) -> Manifest:
        """The manifest of the kernel."""
        return self._kernel.manifest

    @property
    def first_run(self) -> str:
        """The id of the first run of this kernel; empty before."""
        return self._kernel.first_run

    @property
    def _portal(self) -> Portal:
        if self._open is None:
            raise UsageError(
                "the kernel is not running: write `with SyncKernel(…) as kernel:`, or call start()"
            )
        return self._open

    def __enter__(self) -> SyncKernel:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the thread, and bring up the Providers and Services. See :meth:`Kernel.start`."""
        check_not_in_loop()
        with self._lock:
            if self._open is not None:
                raise UsageError("the kernel is running already")
            self._open = Portal()
        try:
            self._portal.run(self._kernel.start)
        except BaseException:
            self._close()
            raise

    def stop(self) -> None:
        """Take everything down, and end the thread. See :meth:`Kernel.stop`."""
        check_not_in_loop()
        if self._open is None:
            return
        try:
            self._portal.run(self._kernel.stop)
        finally:
            self._close()

    def _close(self) -> None:
        with self._lock:
            portal, self._open = self._open, None
        if portal is not None:
            portal.close()

    invoke = _waiting(Kernel.invoke)
    apply = _waiting(Kernel.apply)
    resume = _waiting(Kernel.resume)
    lost = _waiting(Kernel.lost)
    recover = _waiting(Kernel.recover)
    let_go = _in_loop(Kernel.let_go)

    def subscribe(self, subscriber: Subscriber, pattern: str = "*") -> Callable[[], None]:
        """Call ``subscriber`` in the kernel's thread. See :meth:`Kernel.subscribe`.

        It may be called before :meth:`start`, so that no event is missed.
        """
        return self._kernel.subscribe(subscriber, pattern)

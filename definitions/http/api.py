"""The controller of ``Http.Api``: routes that are call sites."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from definitions.extras import require
from definitions.failures import failed

if TYPE_CHECKING:
    from .server import Server

GRACE_SECONDS = 10


class Call(Protocol):
    """The part of a service's call that an API needs."""

    def ready(self, published: Mapping[str, Any]) -> None: ...

    def log(self, message: str, level: str = "info", **fields: Any) -> None: ...


class Api:
    """Answers on its server from ``start`` to ``stop``; requests that are running may end."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._server: Server = fields["server"]
        self._sites: Sequence[Any] = fields["routes"]
        self._stopped = asyncio.Event()

    async def start(self, call: Call) -> None:
        """Answer until ``stop``. Raises ``Failure`` ``ROUTES`` for two routes that are the same."""
        require("starlette", "http")
        from .routes import Route

        keep = self._server.keep
        routes = [Route(site, self._server.max_bytes, call.log, keep) for site in self._sites]
        _refuse_twins(routes)
        self._server.mount(self, [route.asgi() for route in routes])
        try:
            call.ready({"url": self._server.url})
            await self._stopped.wait()
        finally:
            self._server.unmount(self)
        await _idle(routes)
        waiting = [task for route in routes for task in route.calls]
        for task in waiting:
            task.cancel()
        if waiting:
            await asyncio.wait(waiting, timeout=GRACE_SECONDS)

    async def stop(self) -> None:
        """Take no new requests, and return from ``start`` once those that run have ended."""
        self._stopped.set()


def _refuse_twins(routes: Sequence[Any]) -> None:
    seen: set[tuple[str, str]] = set()
    for route in routes:
        if route.shape in seen:
            raise failed("ROUTES", f"two routes answer {route.method} {route.path}")
        seen.add(route.shape)


async def _idle(routes: Sequence[Any]) -> None:
    deadline = asyncio.get_running_loop().time() + GRACE_SECONDS
    while any(route.running for route in routes):
        if asyncio.get_running_loop().time() > deadline:
            return
        await asyncio.sleep(0.01)

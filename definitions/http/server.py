"""The controller of ``Http.Server``: uvicorn in the running event loop."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from definitions.extras import require
from definitions.failures import failed

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import Route
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from .waiting import Waiting

# More connections than that are answered 503, so that bodies cannot fill the memory.
MAX_CONNECTIONS = 500
GRACE_SECONDS = 10
MAX_SHOWN_PATH = 200


class Call(Protocol):
    """The part of a service's call that a server needs."""

    def ready(self, published: Mapping[str, Any]) -> None: ...

    def log(self, message: str, level: str = "info", **fields: Any) -> None: ...


class Server:
    """Listens, and hands requests to the routes that are mounted at the time."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.max_bytes: int = fields.get("maxBytes", 1 << 20)
        self.url = ""
        self._host: str = fields.get("host", "127.0.0.1")
        self._port: int = fields.get("port", 8080)
        self._mounted: dict[object, Sequence[Route]] = {}
        self._waiting: Waiting | None = None
        self._is_stopping = False
        self._log: Callable[..., None] = lambda message, **_: None
        self._application: ASGIApp | None = None
        self._uvicorn: Any = None

    async def start(self, call: Call) -> None:
        """Serve until ``stop``. Raises ``Failure`` ``ADDRESS`` when it cannot listen."""
        uvicorn = require("uvicorn", "http")
        require("starlette", "http")
        listener = _listener(self._host, self._port)
        port: int = listener.getsockname()[1]
        host = f"[{self._host}]" if ":" in self._host else self._host
        self.url = f"http://{host}:{port}"
        published = {"url": self.url, "host": self._host, "port": port}
        from .protocol import Protocol

        self._log = call.log
        config = uvicorn.Config(
            self._serve,
            interface="asgi3",
            http=partial(Protocol, log=call.log),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )

        def ready() -> None:
            call.ready(published)
            call.log(f"listening on {self.url}")

        self._uvicorn = _embedded(uvicorn, config, ready)
        try:
            await self._uvicorn.serve(sockets=[listener])
        finally:
            listener.close()

    async def stop(self) -> None:
        """Take no new requests, end those that are running, and return from ``start``."""
        if self._uvicorn is not None:
            self._uvicorn.should_exit = True

    def mount(self, owner: object, routes: Sequence[Route]) -> None:
        """Answer by these routes too, until ``unmount``."""
        self._mounted[owner] = routes
        self._application = None

    def unmount(self, owner: object) -> None:
        self._mounted.pop(owner, None)
        self._is_stopping = not self._mounted
        self._application = None

    def keep(self, task: asyncio.Task[Response], told: dict[str, Any]) -> Response | None:
        """The answer for a call that waits for a person; None if too many wait."""
        if self._waiting is None:
            from .waiting import Waiting

            self._waiting = Waiting()
            self._application = None
        return self._waiting.keep(task, told)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and log it; the query, which may hold secrets, is left out."""
        from .application import application, path_of
        from .problems import problem

        began, status = time.monotonic(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        if self._application is None:
            own = [] if self._waiting is None or not self._mounted else self._waiting.routes()
            state = "stopping" if self._is_stopping else "starting"
            self._application = application([own, *self._mounted.values()], state)
        inner = {**scope, "path": path_of(scope["raw_path"])}
        try:
            await self._application(inner, receive, noted)
        except (Exception, asyncio.CancelledError) as error:
            # Of what takes longer than the server may take to stop.
            is_late = isinstance(error, asyncio.CancelledError)
            if not is_late:
                self._log(f"{type(error).__name__}: {error}", level="error")
            if not status:
                await problem(503 if is_late else 500)(scope, receive, noted)
        finally:
            shown = scope["raw_path"][:MAX_SHOWN_PATH].decode("ascii", "replace")
            client = (scope.get("client") or ("-",))[0]
            took = f"{(time.monotonic() - began) * 1000:.0f} ms"
            self._log(f"{client} {scope['method'][:20]} {shown} {status} {took}")


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay off only for sockets that name their protocol.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
        return listener
    except OSError as error:
        listener.close()
        raise failed(
            "ADDRESS", f"cannot listen on {host}:{port}: {error.strerror or error}"
        ) from error


def _embedded(uvicorn: Any, config: Any, ready: Callable[[], None]) -> Any:
    """A uvicorn server that leaves signals to the program that it is a part of."""

    class Embedded(uvicorn.Server):  # type: ignore[misc]
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            ready()

    return Embedded(config)

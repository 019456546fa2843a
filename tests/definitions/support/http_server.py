"""An Http.Server with routes whose calls are Python functions, on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from definitions.http.api import Api
from definitions.http.server import Server

Serve = Callable[[Mapping[str, Any]], Any]


class Later:
    """A field that is evaluated for each call, by a Python function in the place of CEL."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def evaluate(self, bindings: Mapping[str, Any]) -> Any:
        return self._function(**bindings)


class Site(dict[str, Any]):
    """A route whose call is a Python function."""

    def __init__(self, serve: Serve, **fields: Any) -> None:
        super().__init__(fields)
        self._serve = serve

    async def invoke(self, bindings: Mapping[str, Any], caller: Any = None) -> Any:
        result = self._serve(bindings["request"])
        return await result if asyncio.iscoroutine(result) else result


class Call:
    """What a service is told."""

    def __init__(self) -> None:
        self.published: asyncio.Future[Mapping[str, Any]] = asyncio.Future()
        self.logged: list[str] = []

    def ready(self, published: Mapping[str, Any]) -> None:
        self.published.set_result(published)

    def log(self, message: str, level: str = "info", **fields: Any) -> None:
        self.logged.append(f"{level}: {message} {fields}")


@asynccontextmanager
async def running(service: Any) -> AsyncIterator[Call]:
    call = Call()
    task = asyncio.create_task(service.start(call))
    await asyncio.wait([task, call.published], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    try:
        yield call
    finally:
        await service.stop()
        await asyncio.wait_for(task, 15)


@asynccontextmanager
async def serving(*routes: Site, **fields: Any) -> AsyncIterator[tuple[httpx.AsyncClient, Call]]:
    server = Server({"port": 0, **fields})
    async with running(server) as up, running(Api({"server": server, "routes": routes})) as call:
        url = up.published.result()["url"]
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            yield client, call


def echo(request: Mapping[str, Any]) -> Any:
    return request


def one(*routes: Site, **fields: Any) -> Callable[..., tuple[httpx.Response, list[str]]]:
    """What a server with these routes answers to one request, and what it logs."""

    def ask(method: str, path: str, **request: Any) -> tuple[httpx.Response, list[str]]:
        async def main() -> tuple[httpx.Response, list[str]]:
            async with serving(*routes, **fields) as (client, call):
                return await client.request(method, path, **request), call.logged

        return asyncio.run(main())

    return ask

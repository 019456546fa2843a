"""A server that applies effects and counts them: it outlives whoever calls it.

It hides nothing: an effect that is asked for twice is applied twice, and both are kept in order.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

LATE = 0.3
"""Seconds after which the answer to a `late` request is sent."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One application of an effect, as it was asked for."""

    scope: str
    kind: str
    key: str
    name: str


@dataclass(slots=True)
class Scope:
    """What one test has had applied, and what is to go wrong for whom.

    ``faults`` are used up one by one, by the name of the effect: ``refused`` (503, not applied),
    ``lost`` (applied, no answer), ``broken`` (applied, then 500), ``late`` (applied, the answer
    comes late), ``unseen`` (a GET that is answered by 500).
    """

    applied: list[Effect] = field(default_factory=list)
    faults: dict[str, list[str]] = field(default_factory=dict)

    def count(self, name: str) -> int:
        """How often the effect of that name was applied."""
        return sum(one.name == name for one in self.applied)

    def counts(self) -> Counter[str]:
        """How often each effect was applied, by its name."""
        return Counter(one.name for one in self.applied)


class Effects:
    """The server: ``POST /effects``, ``GET /effects/<scope>/<key>``."""

    def __init__(self) -> None:
        self.port = 0
        self._scopes: dict[str, Scope] = {}
        self._guard = threading.Lock()
        self._open: set[object] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._main, name="effects", daemon=True)

    def __enter__(self) -> Effects:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def scope(self, name: str, faults: dict[str, list[str]] | None = None) -> Scope:
        """A new scope: nothing applied yet."""
        with self._guard:
            plan = {key: list(value) for key, value in (faults or {}).items()}
            self._scopes[name] = Scope(faults=plan)
            return self._scopes[name]

    def settle(self) -> None:
        """Wait until all that was sent to it so far, by processes that live or not, is done."""

        async def quiet() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(b"GET /settled HTTP/1.1\r\n\r\n")
            await reader.read()
            writer.close()

        asyncio.run_coroutine_threadsafe(quiet(), self._loop).result(30)

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        this = object()
        before = set(self._open)
        self._open.add(this)
        try:
            method, path, body = await _request(reader)
            if path == "/settled":
                await self._ended(before)
                answer: tuple[int, Any] | None = (200, {})
            else:
                answer = await self._answer(method, path, body)
            if answer is not None:
                status, data = answer
                text = json.dumps(data).encode()
                head = f"HTTP/1.1 {status} .\r\ncontent-length: {len(text)}\r\n\r\n"
                writer.write(head.encode() + text)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, ValueError):
            pass  # it was killed while it spoke
        finally:
            self._open.discard(this)
            writer.close()

    async def _ended(self, requests: set[object]) -> None:
        while requests & self._open:
            await asyncio.sleep(0.001)

    async def _answer(self, method: str, path: str, body: bytes) -> tuple[int, Any] | None:
        if method == "GET":
            _, _, scope, key = path.split("/", 3)
            return self._look(self._scopes[scope], key)
        asked = json.loads(body)
        effect = Effect(asked["scope"], asked["kind"], asked["key"], asked["name"])
        with self._guard:
            scope_of = self._scopes[effect.scope]
            faults = scope_of.faults.get(effect.name)
            fault = faults.pop(0) if faults else ""
            if fault == "refused":
                return 503, {}
            scope_of.applied.append(effect)
        if fault == "late":
            await asyncio.sleep(LATE)
        if fault == "lost":
            return None
        return (500, {}) if fault == "broken" else (200, {"name": effect.name})

    def _look(self, scope: Scope, key: str) -> tuple[int, Any]:
        with self._guard:
            faults = scope.faults.get(key) or scope.faults.get("GET")
            if faults and faults.pop(0) == "unseen":
                return 500, {}
            found = [one for one in scope.applied if one.key == key]
        return 200, {"found": bool(found), "effect": {"name": found[0].name} if found else None}


async def _request(reader: asyncio.StreamReader) -> tuple[str, str, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.split("\r\n")
    method, path, _ = first.split(" ")
    length = next((int(x.split(":")[1]) for x in lines if x.startswith("content-length")), 0)
    return method, path, await reader.readexactly(length)

"""Starting: what controllers may do meanwhile, and what becomes of one that cannot be started."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from kernel import InvalidState, Kernel
from kernel.registry import lifecycle
from tests.support.embedded import World, call, definition, resource, sequence

SECRET = "correct-horse-battery"
REFERENCE = {"type": "object", "properties": {"source": {"x-kernel-ref": "Invocable"}}}


def provider(schema: Any = None) -> dict[str, Any]:
    return definition("Values", capability="Provider", schema=schema or {"type": "object"})


def service() -> dict[str, Any]:
    return definition("Server", capability="Service")


def start(world: World) -> None:
    async def nothing(_: Kernel) -> None:
        return None

    world.during(nothing)


class Fetched:
    """A Provider whose values come from a call."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._source = fields["source"]

    async def provide(self) -> dict[str, Any]:
        first, second = await asyncio.gather(self._source.invoke({}), self._source.invoke({}))
        return {"value": first + second}


def test_a_controller_may_call_others_while_it_starts() -> None:
    world = World(
        definition(),
        provider(REFERENCE),
        resource("T.Values", "V", source={"kind": "T.Work"}),
        sequence({"name": "S", "value": "${{ resources.V.value }}"}),
        Work=lambda inputs: 21,
        Values=Fetched,
    )
    assert world.apply().result == {"S": 42}


def test_a_call_to_what_waits_for_the_caller_is_a_circle() -> None:
    needy = definition(
        schema={"type": "object", "properties": {"x": {"x-kernel-eval": "load"}}},
    )
    world = World(
        needy,
        provider(REFERENCE),
        resource("T.Values", "V", source={"kind": "T.Work", "name": "W"}),
        resource("T.Work", "W", x="${{ resources.V.value }}"),
        Work=lambda inputs: 21,
        Values=Fetched,
    )
    with pytest.raises(InvalidState, match=re.escape("T.Values/V → T.Work/W → T.Values/V")):
        start(world)


class Broken:
    closed = 0

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def provide(self) -> Any:
        raise ValueError(f"no way: {self._fields}")

    def close(self) -> None:
        Broken.closed += 1


def test_a_controller_that_fails_to_start_is_named_and_closed_and_keeps_secrets() -> None:
    schema = {"type": "object", "properties": {"token": {"x-kernel-eval": "load"}}}
    world = World(
        {
            "kind": "Kernel.Module",
            "metadata": {"name": "M"},
            "secrets": {"token": {"type": "string"}},
        },
        provider(schema),
        resource("T.Values", "V", token="${{ secrets.token }}"),
        values={"token": SECRET},
        Values=Broken,
    )
    before = Broken.closed
    with pytest.raises(InvalidState) as caught:
        start(world)
    assert str(caught.value) == (
        "T.Values/V could not be started: ValueError: no way: {'token': '[redacted]'}"
    )
    assert isinstance(caught.value.__cause__, ValueError)
    assert Broken.closed == before + 1


class Leaves:
    def provide(self) -> Any:
        sys.exit(7)

    async def start(self) -> None:
        sys.exit(7)


class LeavesLater:
    async def start(self, call: Any) -> None:
        call.ready()
        await asyncio.sleep(0.05)
        sys.exit(7)


def test_a_controller_cannot_end_the_process_while_it_starts() -> None:
    for world in (
        World(provider(), resource("T.Values", "V"), Values=Leaves),
        World(service(), resource("T.Server", "S"), Server=Leaves),
    ):
        with pytest.raises(InvalidState, match="SystemExit"):
            start(world)


def test_a_service_cannot_end_the_process_later() -> None:
    async def slow(inputs: Any) -> None:
        await asyncio.sleep(10)

    world = World(
        definition(),
        service(),
        resource("T.Server", "S"),
        sequence(call()),
        Work=slow,
        Server=LeavesLater,
    )
    error = world.apply().error
    assert error is not None
    assert (error.code, "SystemExit" in error.message) == ("SERVICE_FAILED", True)


def test_a_service_that_is_cancelled_while_it_starts_is_stopped() -> None:
    ended: list[str] = []

    class Slow:
        async def start(self, call: Any) -> None:
            try:
                await asyncio.sleep(10)
            finally:
                ended.append("start")

        async def close(self) -> None:
            ended.append("close")

    world = World(service(), resource("T.Server", "S"), Server=Slow)

    async def main() -> set[Any]:
        starting = asyncio.ensure_future(world.kernel.start())
        await asyncio.sleep(0.05)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(main()) == set()
    assert ended == ["start", "close"]


def test_what_will_not_close_is_left_behind(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lifecycle, "_CLOSE_SECONDS", 0.02)

    class Open:
        def provide(self) -> None:
            return None

        async def close(self) -> None:
            await asyncio.sleep(30)

    with caplog.at_level("WARNING", "kernel"):
        start(World(provider(), resource("T.Values", "V"), Values=Open))
    assert "closing T.Values/V failed: it did not end within 0.02 s" in caplog.text

"""A run that is cancelled while it is worked on runs its `finally`, whoever cancels it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kernel.journal import Journal, JournalError
from kernel.runtime.cancelling import cancel
from tests.support.recorded import World, call, in_a_loop, looked, run, sequence

HELD = (
    "  - name: Held\n    try:\n"
    "    - { name: Take, invoke: { kind: Pay.Look } }\n"
    "    - { name: Work, sleep: 60000 }\n"
    "    finally:\n"
    "    - { name: Give, invoke: { kind: Pay.Login } }\n"
    "    - { name: Error, value: '${{ error == null ? null : error.kind }}' }\n"
)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernel.runtime.open_and_resume.HEARTBEAT_SECONDS", 0.05)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


async def cancelled(path: Path, world: World, text: str, **options: Any) -> Any:
    """The result of a run that somebody cancels once it has made its first call."""
    working = asyncio.ensure_future(run(world, text, path))
    while not world.calls:
        await asyncio.sleep(0.01)
    ended = await looked(path, lambda journal: cancel(journal, "r", "ines", "enough", **options))
    assert ended.state == "cancelled"
    return await working


@in_a_loop
async def test_finally_runs_when_another_process_cancels(path: Path) -> None:
    world = World()
    ended = await cancelled(path, world, sequence(HELD))
    assert (ended.outcome, ended.error.code) == ("cancelled", "CANCELLED")
    assert ended.error.message == "cancelled by ines: enough"
    assert [len(world.made(name)) for name in ("Look", "Login")] == [1, 1]

    async def seen(journal: Journal) -> Any:
        found = await journal.run("r")
        with pytest.raises(JournalError, match="is cancelled already"):
            await cancel(journal, "r", "ines")
        return found

    assert (await looked(path, seen)).error["message"] == "cancelled by ines: enough"
    assert (await run(world, sequence(HELD), path)).outcome == "cancelled"
    assert len(world.calls) == 2


@in_a_loop
async def test_catch_does_not_swallow_a_cancellation(path: Path) -> None:
    world = World()
    text = sequence(HELD.replace("    finally:", "    catch: [ { value: 1 } ]\n    finally:"))
    text += call("After", "Charge")
    assert (await cancelled(path, world, text)).outcome == "cancelled"
    assert world.made("Charge") == []


@in_a_loop
async def test_a_call_in_flight_is_asked_about(path: Path) -> None:
    class Slow(World):
        def controllers(self) -> Any:
            async def charge(inputs: Any) -> None:
                self.calls.append(("Charge", {}, ""))
                await asyncio.sleep(60)

            return {**super().controllers(), "Pay.Charge": charge}

    await cancelled(path, Slow(), sequence(call("A", "Charge")))
    (lost,) = await looked(path, lambda journal: journal.escalations("r"))
    assert lost.path == "steps.A"


@in_a_loop
async def test_a_process_that_stands_still_keeps_no_run(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel.runtime.open_and_resume.HEARTBEAT_SECONDS", 60.0)
    world = World()
    ended = await cancelled(path, world, sequence(HELD.replace("60000", "2000")), patience=0.3)
    assert ended.outcome == "cancelled"

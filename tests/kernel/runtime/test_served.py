"""A call out of a service is a run of its own, with a heartbeat once it is recorded."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kernel import Kernel, UsageError, loads
from kernel.journal import open_journal
from tests.kernel.runtime.support.bell import TEXT, Bell
from tests.support.recorded import DEFINITIONS, TOKEN, World, in_a_loop


@in_a_loop
async def test_nobody_takes_over_a_call_that_is_being_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel.runtime.open_and_resume.HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr("kernel.runtime.open_and_resume.PATIENCE_SECONDS", 0.5)
    world, answered = World(), asyncio.Event()

    async def charge(inputs: Any) -> Any:
        world.calls.append(("Charge", inputs, ""))
        await answered.wait()
        return {}

    path = tmp_path / "journal.db"
    bound = {**world.controllers(), "Pay.Charge": charge}
    controllers: dict[str, Any] = {**bound, "Pay.Bell": Bell}
    kernel = Kernel(loads(TEXT), controllers=controllers, journal=path, environ=TOKEN)
    journal = await open_journal(path)
    async with kernel:
        served = asyncio.ensure_future(kernel.apply())
        while not world.made("Charge"):
            await asyncio.sleep(0.01)
        (run,) = await journal.runs()
        other = Kernel(loads(DEFINITIONS), controllers=bound, journal=path, environ=TOKEN)
        async with other:
            with pytest.raises(UsageError, match="is being worked on by"):
                await other.resume(run.run)
        answered.set()
        await kernel.stop()
    await asyncio.wait([served])
    (row,) = [one async for one in journal.concluded(run.run)]
    found = await journal.run(run.run)
    assert found is not None
    assert (row.outcome, found.state, len(world.made("Charge"))) == ("succeeded", "succeeded", 1)
    await journal.close()

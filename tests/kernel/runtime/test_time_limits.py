"""The `timeout` of a step in a recorded run: what was cut off, and the same again in a replay."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kernel.journal import Journal
from tests.support.recorded import World, approve_all, call, in_a_loop, looked, run, sequence

ERROR = "'${{ [error.code, error.outcome] }}'"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


class Slow(World):
    """Its charges and looks take a minute."""

    def controllers(self) -> Mapping[str, Any]:
        async def slow(inputs: Any) -> None:
            self.calls.append(("slow", dict(inputs), ""))
            await asyncio.sleep(60)

        return {**super().controllers(), "Pay.Charge": slow, "Pay.Look": slow}


@in_a_loop
async def test_a_step_that_ran_out_of_time_does_so_again_in_a_replay(path: Path) -> None:
    world = World()
    text = sequence(
        "  - name: G\n    try:\n    - timeout: 200\n      if: true\n      then:\n"
        f"    {call('A', 'Charge')}      - {{ sleep: 60000 }}\n"
        f"    catch:\n    - {{ name: E, value: {ERROR} }}\n  {call('C', 'Refund')}"
    )
    parked = await run(world, text, path)
    assert parked.outcome == "parked", parked
    await looked(path, approve_all)
    ended = await run(world, text, path)
    assert ended.result["E"] == ["TIMEOUT", "failed"]
    assert ended.result["A"]["n"] == 1
    assert len(world.made("Charge")) == 1


@in_a_loop
async def test_the_time_of_a_step_goes_on_while_no_process_is_there(path: Path) -> None:
    text = sequence(
        "  - timeout: 300\n    if: true\n    then:\n"
        f"  {call('A', 'Refund')}    - {{ sleep: 60000 }}\n"
    )
    world = World()
    assert (await run(world, text, path)).outcome == "parked"
    await asyncio.sleep(0.3)
    ended = await run(world, text, path)
    assert ended.error is not None
    assert (ended.outcome, ended.error.code) == ("failed", "TIMEOUT")


@pytest.mark.parametrize(("kind", "outcome"), [("Look", "failed"), ("Charge", "unknown")])
@in_a_loop
async def test_only_a_call_that_may_have_landed_makes_the_outcome_unknown(
    path: Path, kind: str, outcome: str
) -> None:
    world = Slow()
    text = sequence(
        "  - timeout: 200\n    parallel:\n"
        f"      a:\n    {call('A', kind)}      b: [ {{ sleep: 60000 }} ]\n"
    )
    ended = await run(world, text, path)
    assert ended.error is not None
    assert (ended.outcome, ended.error.code) == (outcome, "TIMEOUT")

    async def asked_about(journal: Journal) -> list[str]:
        return [one.path for one in await journal.escalations("r")]

    assert await looked(path, asked_about) == (["steps.A"] if outcome == "unknown" else [])
    assert len(world.calls) == 1

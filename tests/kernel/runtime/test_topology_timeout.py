"""The timeout of a call of a topology: failed, unless something within it is unknown."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kernel import Kernel, loads
from kernel.journal import Journal
from tests.support.recorded import DEFINITIONS, TOKEN, World, in_a_loop, looked


def text(steps: str) -> str:
    return (
        f"{DEFINITIONS}kind: Run.Sequence\nmetadata: {{ name: Main }}\nsteps:\n"
        "  - { name: I, invoke: { kind: Run.Sequence, name: Inner }, timeout: 200 }\n---\n"
        f"kind: Run.Sequence\nmetadata: {{ name: Inner }}\nsteps:\n{steps}"
    )


async def run(manifest: str, journal: Path | None, world: World, charge: Any = None) -> Any:
    controllers = dict(world.controllers())
    if charge is not None:
        controllers["Pay.Charge"] = charge
    kernel = Kernel(loads(manifest), controllers=controllers, journal=journal, environ=TOKEN)
    async with kernel:
        return await kernel.apply("Run.Sequence/Main", run_id="r")


@pytest.mark.parametrize("recorded", [True, False])
@in_a_loop
async def test_all_that_was_called_is_concluded(tmp_path: Path, recorded: bool) -> None:
    world, path = World(), tmp_path / "journal.db"
    manifest = text("  - { name: C, invoke: { kind: Pay.Charge } }\n  - { sleep: 60000 }\n")
    ended = await run(manifest, path if recorded else None, world)
    assert ended.error is not None
    assert (ended.outcome, ended.error.code, ended.error.outcome) == ("failed", "TIMEOUT", "failed")
    if recorded:
        assert await looked(path, lambda journal: journal.escalations()) == []


@in_a_loop
async def test_what_was_cut_off_within_it_is_asked_about(tmp_path: Path) -> None:
    world, path = World(), tmp_path / "journal.db"

    async def charge(inputs: Any) -> Any:
        await asyncio.sleep(60)

    manifest = text("  - { name: C, invoke: { kind: Pay.Charge } }\n")
    ended = await run(manifest, path, world, charge)
    assert (ended.outcome, ended.error.code) == ("unknown", "TIMEOUT")

    async def say(journal: Journal) -> None:
        (lost,) = await journal.escalations("r")
        await journal.resolve(lost.execution, True, "ann", outputs={"n": 1})

    await looked(path, say)
    again = await run(manifest, path, world, charge)
    assert (again.outcome, again.result) == ("succeeded", {"I": {"C": {"n": 1}}})

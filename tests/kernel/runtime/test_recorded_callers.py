"""A run is resumed for the principal and in the environment of its begin: no policy is evaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel import Kernel, UsageError, loads
from kernel.journal import Journal, Lease
from tests.support.recorded import TOKEN, World, call, in_a_loop, looked, run, sequence

STEPS = call("A", "Refund") + call("B", "Charge", ", idempotencyKey: k")
POLICY = """\
---
kind: Kernel.Policy
metadata: { name: Frozen }
targets: [Pay.Charge]
environments: [production]
rules:
  - { effect: deny, reason: frozen, when: "${{ principal != 'user:root' }}" }
  - { effect: allow }
"""
TEXT = sequence(STEPS) + POLICY
ANN: dict[str, Any] = {"environment": "production", "principal": "user:ann"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


async def approve(journal: Journal) -> None:
    for asked in await journal.approvals("pending"):
        await journal.decide(asked.approval, "approved", "bob")


@in_a_loop
async def test_who_goes_on_with_a_run_does_not_lend_it_a_principal(path: Path) -> None:
    world = World()
    assert (await run(world, TEXT, path, **ANN)).outcome == "parked"
    await looked(path, approve)
    ended = await run(world, TEXT, path, **{**ANN, "principal": "user:root"})
    assert ended.outcome == "failed"  # the refund was made
    assert ended.error is not None
    assert ended.error.code == "DENIED"
    assert len(world.made("Refund")) == 1
    assert world.made("Charge") == []


@in_a_loop
async def test_a_run_goes_on_in_the_environment_that_it_began_in(path: Path) -> None:
    world = World()
    assert (await run(world, TEXT, path, **ANN)).outcome == "parked"
    await looked(path, approve)
    with pytest.raises(UsageError, match="began with another environment: production"):
        await run(world, TEXT, path, principal="user:ann")
    assert world.calls == []


@in_a_loop
async def test_a_process_elsewhere_does_not_go_on_with_it_by_itself(path: Path) -> None:
    world = World()
    await run(world, TEXT, path, **ANN)

    async def interrupt(journal: Journal) -> None:
        lease = await journal.acquire("r")
        assert isinstance(lease, Lease)
        await journal.finish_run(lease, "running")

    await looked(path, interrupt)
    await looked(path, approve)
    for environment, recovered in (("", []), ("production", ["failed"])):
        kernel = Kernel(
            loads(TEXT), controllers=world.controllers(), journal=path, environ=TOKEN,
            environment=environment,
        )  # fmt: skip
        async with kernel:
            assert [one.outcome for one in await kernel.recover()] == recovered
    assert world.made("Charge") == []

"""Approvals on live state: expiry, the two thresholds, and policies that deny by now."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kernel import Denied, Expired, Kernel, RunResult, StateDrift, loads
from kernel.journal import Journal
from tests.support.recorded import TOKEN, World, call, in_a_loop, looked, sequence

POLICY = """\
---
kind: Kernel.Policy
metadata: {{ name: Looks }}
targets: [Pay.Look]
rules:
  - {{ effect: require-approval, reason: always }}
  - {{ effect: deny, reason: too late, when: "${{{{ {denies} }}}}" }}
approval: {{ threshold: {threshold}, expires: {expires} }}
"""


TOPOLOGY = "invoke: { kind: Run.Sequence, name: Inner }"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


async def approve_all(journal: Journal) -> None:
    for asked in await journal.approvals("pending"):
        await journal.decide(asked.approval, "approved", "bob")


async def once(
    world: World, path: Path, limit: int, threshold: str, expires: int, denies: bool = False
) -> RunResult:
    """The run, in a world where the limit is so, and with a policy that has become so."""
    text = sequence(call("A", "Look", ", expect: ['${{ vars.limit > 2 }}']"))
    text = text.replace("secrets:", "vars: { limit: { type: integer } }\nsecrets:", 1)
    text += POLICY.format(threshold=threshold, expires=expires, denies=str(denies).lower())
    options: Any = {"environ": TOKEN, "values": {"limit": 10}}
    kernel = Kernel(loads(text), controllers=world.controllers(), journal=path, **options)
    async with kernel:
        kernel.scope.bindings["vars"] = {"limit": limit}
        return await kernel.apply("Run.Sequence/Main", run_id="r", migrate=denies)


@in_a_loop
async def test_what_nobody_decided_in_time_is_rejected(path: Path) -> None:
    world = World()
    assert (await once(world, path, 10, "strict", 50)).outcome == "parked"
    await asyncio.sleep(0.06)
    for _ in range(2):
        ended = await once(world, path, 10, "strict", 50)
        assert ended.outcome == "rejected"
        assert isinstance(ended.error, Expired)
    assert world.calls == []
    (asked,) = await looked(path, lambda journal: journal.approvals())
    assert asked.state == "expired"


@in_a_loop
async def test_what_was_decided_in_time_stays_decided(path: Path) -> None:
    world = World()
    assert (await once(world, path, 10, "strict", 2_000)).outcome == "parked"
    await looked(path, approve_all)
    await asyncio.sleep(2.1)
    assert (await once(world, path, 10, "strict", 2_000)).outcome == "succeeded"
    assert len(world.calls) == 1


@pytest.mark.parametrize(
    ("threshold", "limit", "outcome", "error"),
    [
        ("conditions", 5, "succeeded", None),
        ("conditions", 1, "rejected", StateDrift),
        ("strict", 10, "succeeded", None),
        ("strict", 5, "parked", None),
        ("strict", 1, "rejected", StateDrift),
    ],
)
@in_a_loop
async def test_an_approved_call_is_made_on_live_state(
    path: Path, threshold: str, limit: int, outcome: str, error: type[Exception] | None
) -> None:
    world = World()
    assert (await once(world, path, 10, threshold, 60_000)).outcome == "parked"
    await looked(path, approve_all)
    ended = await once(world, path, limit, threshold, 60_000)
    assert ended.outcome == outcome
    assert error is None or isinstance(ended.error, error)
    assert len(world.calls) == (outcome == "succeeded")
    first, *_ = await looked(path, lambda journal: journal.approvals())
    states = {"succeeded": "spent", "parked": "invalidated", "rejected": "approved"}
    assert first.state == states[outcome]


@in_a_loop
async def test_a_policy_that_denies_by_now_wins_over_an_approval(path: Path) -> None:
    world = World()
    assert (await once(world, path, 10, "conditions", 60_000)).outcome == "parked"
    await looked(path, approve_all)
    ended = await once(world, path, 10, "conditions", 60_000, denies=True)
    assert isinstance(ended.error, Denied)
    assert "too late" in ended.error.message
    assert world.calls == []


@pytest.mark.parametrize("target", ["invoke: { kind: Pay.Refund }", TOPOLOGY])
@in_a_loop
async def test_who_waits_for_a_key_that_waits_for_a_person_keeps_no_run_up(
    path: Path, target: str
) -> None:
    world = World()
    text = sequence(
        "  - name: Each\n    forEach: [1, 2]\n    parallelism: 2\n    do:\n"
        f"      - {{ name: R, idempotencyKey: k, {target} }}\n"
    )
    text += "---\nkind: Run.Sequence\nmetadata: { name: Inner }\nsteps:\n" + call("I", "Refund")

    async def go() -> RunResult:
        kernel = Kernel(loads(text), controllers=world.controllers(), journal=path, environ=TOKEN)
        async with kernel:
            return await asyncio.wait_for(kernel.apply("Run.Sequence/Main", run_id="r"), 5)

    assert (await go()).outcome == "parked"
    await looked(path, approve_all)
    assert (await go()).outcome == "succeeded"
    assert len(world.made("Refund")) == 1

"""Calls that a dead process left in flight: their outcomes are found out first, before any stage
that would refuse the call now."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kernel import Failure, UsageError
from kernel.journal import Journal, Lease
from kernel.runtime.cancelling import cancel
from tests.kernel.runtime.support.interrupted import (
    CHECKED,
    EXPECT,
    Sender,
    gone_on,
    left,
    manifest,
    once,
)
from tests.support.recorded import in_a_loop, looked

IRREVERSIBLE = "safety: irreversible\n"
POLICY = """\
---
kind: Kernel.Policy
metadata: { name: Closed }
targets: [Pay.Send]
rules: [{ effect: deny, reason: there is nothing left }]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.mark.parametrize(
    ("safety", "outcome", "calls", "escalated"),
    [
        (CHECKED.replace("LANDED", "true"), "succeeded", 1, 0),
        (CHECKED.replace("LANDED", "false"), "rejected", 1, 0),
        (IRREVERSIBLE, "unknown", 1, 1),
        ("", "unknown", 1, 1),
        ("safety: idempotent\n", "rejected", 1, 0),
    ],
)
@pytest.mark.parametrize("refusal", ["drift", "policy"])
@in_a_loop
async def test_what_was_made_is_not_refused(
    path: Path, safety: str, outcome: str, calls: int, escalated: int, refusal: str
) -> None:
    world = Sender()
    if refusal == "drift":
        await left(world, manifest(safety), path)
        ended = await gone_on(world, manifest(safety), path, 0)
    else:
        await left(world, manifest(safety, "inputs: {}"), path)
        changed = manifest(safety, "inputs: {}", POLICY)
        ended = await gone_on(world, changed, path, 10, migrate=True)
    assert (ended.outcome, len(world.made("Send"))) == (outcome, calls)

    async def waiting(journal: Journal) -> int:
        return len(await journal.escalations())

    assert await looked(path, waiting) == escalated


@in_a_loop
async def test_what_did_not_land_is_made_when_nothing_stands_in_the_way(path: Path) -> None:
    world, text = Sender(), manifest(CHECKED.replace("LANDED", "false"))
    await left(world, text, path)
    assert (await gone_on(world, text, path, 5)).outcome == "succeeded"
    assert len(world.made("Send")) == 2


@pytest.mark.parametrize(
    "step",
    [
        "inputs: { each: '${{ 10 / vars.balance }}' }",
        "inputs: '${{ {10: {}, 0: 0}[vars.balance] }}'",
    ],
)
@in_a_loop
async def test_inputs_that_cannot_be_made_again_do_not_say_that_nothing_landed(
    path: Path, step: str
) -> None:
    world, text = Sender(), manifest(IRREVERSIBLE, step)
    await left(world, text, path)
    ended = await gone_on(world, text, path, 0)
    assert (ended.outcome, len(world.made("Send"))) == ("unknown", 1)
    (one,) = await looked(path, lambda journal: journal.escalations())
    assert one.path == "steps.A"


@in_a_loop
async def test_of_what_only_waited_for_an_approval_it_is_known_that_it_was_not_made(
    path: Path,
) -> None:
    world = Sender()
    text = manifest(
        IRREVERSIBLE, "approval: required, inputs: { each: '${{ 10 / vars.balance }}' }"
    )
    assert (await gone_on(world, text, path, 10)).outcome == "parked"
    assert (await gone_on(world, text, path, 0)).outcome == "failed"
    assert world.made("Send") == []


@in_a_loop
async def test_a_topology_that_is_under_way_is_not_refused(path: Path) -> None:
    world = Sender()
    inner = (
        "---\nkind: Run.Sequence\nmetadata: { name: Inner }\nsteps:\n"
        "  - { name: C, invoke: { kind: Pay.Charge } }\n"
        "  - { name: S, invoke: { kind: Pay.Send } }\n"
    )
    text = manifest(CHECKED.replace("LANDED", "true")).replace(
        "{ kind: Pay.Send }", "{ kind: Run.Sequence, name: Inner }"
    )
    await left(world, text + inner, path)
    assert (await gone_on(world, text + inner, path, 0)).outcome == "succeeded"
    assert len(world.made("Charge")) == len(world.made("Send")) == 1


@in_a_loop
async def test_what_failed_for_certain_is_refused_by_what_stands_in_the_way(path: Path) -> None:
    world = Sender()
    world.broken["Charge"] = [Failure("no", code="AGAIN", outcome="failed")]
    retry = f"retry: {{ attempts: 2, delay: 300 }}, {EXPECT}"
    text = manifest(IRREVERSIBLE, retry).replace(
        "invoke: { kind: Pay.Send }", "invoke: { kind: Pay.Charge }"
    )
    kernel, task = await once(world, text, path, 10)
    while not world.made("Charge"):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    journal = kernel.runtime.journal
    assert journal is not None
    lease = await journal.take_over(await journal.lease("r"), is_dead=True)
    assert isinstance(lease, Lease)
    await journal.finish_run(lease, "running")
    task.cancel()
    await asyncio.wait([task])
    await kernel.stop()
    assert (await gone_on(world, text, path, 0)).outcome == "rejected"
    assert len(world.made("Charge")) == 1


@in_a_loop
async def test_a_run_that_ends_while_it_is_looked_at_was_not_interrupted(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, text = Sender(), manifest("")
    world.calls.append(("Send", {}, ""))  # the next one comes back
    kernel, task = await once(world, text, path, 10)
    journal = kernel.runtime.journal
    assert journal is not None
    while not await journal.runs("running"):
        await asyncio.sleep(0)
    look = journal.lease

    async def late(run: str) -> Lease:
        await task
        return await look(run)

    monkeypatch.setattr(journal, "lease", late)
    kernel.scope.bindings["vars"] = {"balance": 10}
    assert await kernel.recover() == []
    await kernel.stop()
    assert (await task).outcome == "succeeded"


@in_a_loop
async def test_a_run_that_waits_to_hear_what_became_of_a_call_can_be_given_up(path: Path) -> None:
    world, text = Sender(), manifest(IRREVERSIBLE)
    await left(world, text, path)
    assert (await gone_on(world, text, path, 10)).outcome == "unknown"

    async def give_up(journal: Journal) -> None:
        assert (await cancel(journal, "r", "bob")).state == "cancelled"
        (one,) = await journal.escalations()  # what became of it is still to be said
        await journal.resolve(one.execution, False, "bob")

    await looked(path, give_up)
    assert (await gone_on(world, text, path, 10)).outcome == "cancelled"
    assert len(world.made("Send")) == 1


@in_a_loop
async def test_a_person_may_say_how_it_is_known(path: Path) -> None:
    world, text = Sender(), manifest(IRREVERSIBLE)
    await left(world, text, path)
    assert (await gone_on(world, text, path, 10)).outcome == "unknown"

    async def landed(journal: Journal) -> Any:
        (one,) = await journal.escalations()
        await journal.resolve(one.execution, True, "bob", outputs={"n": 5}, reason="I saw it")
        return await journal.trace(one.execution)

    notes = await looked(path, landed)
    assert [one.detail for one in notes if one.step == "resolve"] == [{"reason": "I saw it"}]
    assert (await gone_on(world, text, path, 10)).result == {"A": {"n": 5}}


INNER = """\
---
kind: Run.Sequence
metadata: { name: Inner }
inputs: { type: object }
steps:
  - { name: FIRST, invoke: { kind: Pay.Charge }, inputs: { n: 1 } }
  - { name: B, invoke: { kind: Pay.Send } }
"""


@pytest.mark.parametrize(
    "fields",
    ["idempotencyKey: k", "inputs: { at: '${{ string(invocation.time) }}' }", "when: true"],
)
@pytest.mark.parametrize("first", ["Charge", "Other"])
@in_a_loop
async def test_what_a_topology_in_flight_has_finished_is_the_same_in_another_manifest(
    path: Path, fields: str, first: str
) -> None:
    def text(first: str) -> str:
        made = manifest(IRREVERSIBLE.replace("irreversible", "idempotent"), fields)
        inner = "{ kind: Run.Sequence, name: Inner }"
        return made.replace("{ kind: Pay.Send }", inner) + INNER.replace("FIRST", first)

    world = Sender()
    await left(world, text("Charge"), path)
    changed = text(first) + "  - { name: C, value: 1 }\n"
    if first == "Other":
        with pytest.raises(UsageError, match=r"steps.A.steps.Charge is not in it"):
            await gone_on(world, changed, path, 10, migrate=True)
    else:
        assert (await gone_on(world, changed, path, 10, migrate=True)).outcome == "succeeded"
    assert len(world.made("Charge")) == 1

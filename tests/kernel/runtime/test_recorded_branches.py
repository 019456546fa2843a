"""Concurrent branches in runs that outlive their process, and which of them stop the others."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kernel import Failure, Kernel, loads
from kernel.journal import Journal, open_journal
from tests.support.recorded import TOKEN, World, call, in_a_loop, looked, run, sequence


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@in_a_loop
async def test_an_unknown_outcome_cancels_no_other_branch(path: Path) -> None:
    world = World()
    world.broken["Charge"] = [Failure("lost", outcome="unknown")]
    text = sequence(
        "  - name: P\n    parallel:\n"
        "      a: [ { name: A, invoke: { kind: Pay.Charge } } ]\n"
        "      b: [ { name: S, invoke: { kind: Time.Sleep }, inputs: { ms: 50 } },\n"
        "           { name: B, invoke: { kind: Pay.Charge } } ]\n"
    )
    waiting = await run(world, text, path)
    assert waiting.outcome == "unknown"
    assert len(world.made("Charge")) == 2

    async def say(journal: Journal) -> None:
        (lost,) = await journal.escalations("r")
        await journal.resolve(lost.execution, False, "bob")

    await looked(path, say)
    assert (await run(world, text, path)).outcome == "succeeded"
    assert len(world.made("Charge")) == 3


@in_a_loop
async def test_a_run_stops_at_an_unknown_outcome_when_the_rest_only_waits(path: Path) -> None:
    world = World()
    world.broken["Charge"] = [Failure("lost", outcome="unknown")]
    text = sequence(
        "  - name: P\n    parallel:\n"
        "      a: [ { name: A, invoke: { kind: Pay.Charge } } ]\n"
        "      b: [ { name: B, waitFor: 'Pay.Charge.*.Invoked', timeout: 20000 } ]\n"
    )
    waiting = await run(world, text, path)
    assert waiting.outcome == "unknown"

    async def say(journal: Journal) -> None:
        (lost,) = await journal.escalations("r")
        await journal.resolve(lost.execution, True, "bob", outputs={"n": 7})

    await looked(path, say)
    ended = await run(world, text, path)
    assert (ended.outcome, ended.result["B"]["data"]) == ("succeeded", {"n": 7})


@in_a_loop
async def test_what_another_branch_cancelled_stays_cancelled_in_a_replay(path: Path) -> None:
    world = World()
    text = sequence(
        "  - name: G\n    try:\n    - parallel:\n"
        "        a: [ { name: A, invoke: { kind: Pay.Refund } } ]\n"
        "        b: [ { name: S, invoke: { kind: Time.Sleep }, inputs: { ms: 150 } },\n"
        "             { throw: { code: NO } } ]\n"
        "    catch: [ { name: C, invoke: { kind: Pay.Refund } },\n"
        "             { name: E, value: '${{ error.code }}' } ]\n"
    )
    parked = await run(world, text, path)
    assert parked.outcome == "parked"

    async def approve(journal: Journal) -> None:
        (first, second) = await journal.approvals()
        found = await journal.invocation(first.execution)
        assert found is not None
        assert (found.outcome, first.state) == ("cancelled", "invalidated")
        await journal.decide(second.approval, "approved", "bob")

    await looked(path, approve)
    ended = await run(world, text, path)
    assert (ended.outcome, ended.result) == (
        "succeeded",
        {"S": None, "C": {"n": 1}, "E": "NO", "G": "NO"},
    )


@in_a_loop
async def test_a_limit_that_ran_out_runs_out_again_in_a_replay(path: Path) -> None:
    world = World()
    text = sequence(
        "  - name: G\n    try: [ { invoke: { kind: Run.Sequence, name: Inner }, timeout: 200 } ]\n"
        "    catch: [ { name: C, invoke: { kind: Pay.Refund } },\n"
        "             { name: E, value: '${{ error.code }}' } ]\n"
        "---\nkind: Run.Sequence\nmetadata: { name: Inner }\nsteps:\n"
        "  - { sleep: 150 }\n" + call("A", "Look") + "  - { sleep: 60000 }\n"
    )
    parked = await run(world, text, path)
    assert parked.outcome == "parked", parked

    async def approve(journal: Journal) -> None:
        (asked,) = await journal.approvals("pending")
        await journal.decide(asked.approval, "approved", "bob")

    await looked(path, approve)
    ended = await run(world, text, path)
    assert (ended.outcome, ended.result["E"]) == ("succeeded", "TIMEOUT")


class Late:
    """A journal whose answers to one kind of request come late: what was asked is done by then."""

    def __init__(self, journal: Journal, name: str, target: str, seconds: float = 0.3) -> None:
        self._journal, self._name, self._target = journal, name, target
        self._seconds = seconds

    def __getattr__(self, name: str) -> Any:
        if name != self._name:
            return getattr(self._journal, name)

        async def late(first: Any, *rest: Any) -> Any:
            answer = await getattr(self._journal, name)(first, *rest)
            row = first if name == "claim" else await self._journal.invocation(first)
            assert row is not None
            if row.target == self._target:
                await asyncio.sleep(self._seconds)
            return answer

        return late


@in_a_loop
@pytest.mark.parametrize(
    ("late", "made", "outcome"), [("claim", 0, "cancelled"), ("finalize", 1, "succeeded")]
)
async def test_what_is_cancelled_while_the_journal_writes_leaves_nothing_open(
    path: Path, late: str, made: int, outcome: str
) -> None:
    world = World()
    text = sequence(
        "  - name: G\n    try:\n    - parallel:\n"
        "        a: [ { name: A, invoke: { kind: Pay.Charge } } ]\n"
        "        b: [ { sleep: 100 }, { throw: { code: NO } } ]\n"
        "    catch: [ { name: C, invoke: { kind: Pay.Login } } ]\n"
    )
    journal = await open_journal(path)
    slow: Any = Late(journal, late, "Pay.Charge/inline")
    ended = await run(world, text, slow)
    assert ended.outcome == "succeeded", ended.error
    assert await journal.unresolved(run="r") == []
    rows = {one.path: one.outcome async for one in journal.concluded("r")}
    assert [one for key, one in rows.items() if key.endswith("A")] == [outcome]
    assert (len(world.made("Charge")), len(world.made("Login"))) == (made, 1)
    await journal.close()


@in_a_loop
async def test_what_is_cancelled_while_its_failure_is_written_holds_nothing_up(path: Path) -> None:
    world = World()
    world.broken["Charge"] = [Failure("no", code="NO", outcome="failed")]
    text = sequence(
        "  - name: G\n    try:\n    - parallel:\n"
        "        a: [ { name: A, invoke: { kind: Pay.Charge } } ]\n"
        "        b: [ { sleep: 100 }, { throw: { code: NO } } ]\n"
        "    catch: [ { name: C, invoke: { kind: Pay.Refund } } ]\n"
    )
    journal = await open_journal(path)
    slow: Any = Late(journal, "finalize", "Pay.Charge/inline")
    async with asyncio.timeout(10):
        assert (await run(world, text, slow)).outcome == "parked"
    rows = {one.path: one.outcome async for one in journal.concluded("r")}
    assert [one for key, one in rows.items() if key.endswith("A")] == ["failed"]
    await journal.close()


@in_a_loop
async def test_what_a_person_leads_the_run_past_is_not_left_open(path: Path) -> None:
    world = World()
    world.broken["Charge"] = [Failure("lost", outcome="unknown")]
    text = sequence(
        "  - name: G\n    try: [ { name: A, invoke: { kind: Pay.Charge } } ]\n"
        "    catch: [ { name: R, invoke: { kind: Pay.Refund } } ]\n"
    )
    parked = await run(world, text, path)
    assert parked.outcome == "parked"

    async def say(journal: Journal) -> None:
        (lost,) = await journal.escalations("r")
        await journal.resolve(lost.execution, True, "bob", outputs={"n": 7})

    await looked(path, say)
    assert (await run(world, text, path)).result["G"] == {"n": 7}

    async def look(journal: Journal) -> None:
        assert await journal.unresolved(run="r") == []
        (passed,) = [one async for one in journal.concluded("r") if one.path.endswith("R")]
        assert passed.outcome == "cancelled"
        assert await journal.approvals("pending") == []

    await looked(path, look)
    assert world.made("Refund") == []


@in_a_loop
async def test_a_replay_does_nothing_that_a_failure_had_come_before(path: Path) -> None:
    world = World()
    text = sequence(
        "  - name: G\n    try:\n    - parallel:\n"
        "        a: [ { name: A, invoke: { kind: Pay.Charge } },\n"
        "             { name: B, invoke: { kind: Pay.Login } } ]\n"
        "        b: [ { sleep: 100 }, { until: '${{ steps.N.result == 5000 }}', do: [ { name: N,\n"
        "                 value: '${{ has(steps.N.result) ? steps.N.result + 1 : 0 }}' } ] },\n"
        "             { throw: { code: NO } } ]\n"
        "    catch: [ { name: C, invoke: { kind: Pay.Refund } } ]\n"
    )
    journal = await open_journal(path)
    slow: Any = Late(journal, "finalize", "Pay.Charge/inline", seconds=30)
    assert (await run(world, text, slow)).outcome == "parked"
    assert (len(world.made("Charge")), len(world.made("Login"))) == (1, 0)
    (asked,) = await journal.approvals("pending")
    await journal.decide(asked.approval, "approved", "bob")
    assert (await run(world, text, path)).outcome == "succeeded"
    assert (len(world.made("Charge")), len(world.made("Login"))) == (1, 0)
    await journal.close()


CHECKED = """\
kind: Kernel.Definition
metadata: { name: Order, module: Pay }
capability: Invocable
safety: write-once-checkable
outputs: { type: object, properties: { pin: { type: string, x-kernel-secret: true } } }
check: { invoke: { kind: Pay.Look }, landed: true, outputs: OUTPUTS }
---
"""


async def cut_off(world: World, path: Path, body: str, outputs: str, seconds: float) -> Any:
    """A call that hangs and is cut off, whose check takes so long: its record."""

    async def hangs(inputs: Any) -> Any:
        await asyncio.get_running_loop().create_future()

    async def look(inputs: Any) -> Any:
        await asyncio.sleep(seconds)
        return {}

    text = sequence(body).replace("kind: Run", CHECKED.replace("OUTPUTS", outputs) + "kind: Run", 1)
    kinds = {**world.controllers(), "Pay.Order": hangs, "Pay.Look": look}
    async with Kernel(loads(text), controllers=kinds, journal=path, environ=TOKEN) as kernel:
        ended = await kernel.apply("Run.Sequence/Main", run_id="r")
    assert ended.outcome == "succeeded", ended.error

    async def look_at(journal: Journal) -> Any:
        assert await journal.unresolved(run="r") == []
        rows = [one async for one in journal.invocations("r")]
        (order,) = [one for one in rows if one.target.startswith("Pay.Order")]
        return order, await journal.escalations("r")

    return await looked(path, look_at)


RACE = """\
  - name: G
    try:
    - parallel:
        a: [ { name: A, invoke: { kind: Pay.Order } } ]
        b: [ { sleep: 100 }, { throw: { code: NO } } ]
    catch: [ { name: C, invoke: { kind: Pay.Charge } } ]
"""
NESTED = """\
  - name: G
    try: [ { invoke: { kind: Run.Sequence, name: Inner }, timeout: 300 } ]
    catch: [ { name: C, invoke: { kind: Pay.Charge } } ]
---
kind: Run.Sequence
metadata: { name: Inner }
steps:
"""


@in_a_loop
@pytest.mark.parametrize("secret", ["${{ secrets.token }}", "learned-by-nobody"])
async def test_what_a_check_finds_of_a_cancelled_call_holds_no_secret(
    path: Path, secret: str
) -> None:
    order, unknown = await cut_off(World(), path, RACE, f'{{ pin: "{secret}" }}', 0)
    assert (order.outcome, unknown) == ("succeeded", [])
    assert order.outputs["pin"].startswith("${{ ")
    everything = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"s3cr3t-token" not in everything


@in_a_loop
async def test_what_a_check_finds_of_a_cancelled_call_keeps_the_contract(path: Path) -> None:
    order, unknown = await cut_off(World(), path, RACE, "{ pin: 7 }", 0)
    assert (order.outcome, order.error["kind"], unknown) == ("failed", "OutputError", [])


@in_a_loop
@pytest.mark.parametrize(
    "body",
    [
        NESTED + RACE.replace("catch: [ { name: C, invoke: { kind: Pay.Charge } } ]", "catch: []"),
        NESTED + "  - { name: A, invoke: { kind: Pay.Order } }\n",
    ],
)
async def test_who_is_cut_off_while_a_check_is_asked_is_for_a_person(
    path: Path, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel.invocation.calls.one_attempt.GRACE_SECONDS", 1.0)
    order, unknown = await cut_off(World(), path, body, "{ pin: x }", 5)
    assert order.outcome == "unknown"
    assert [one.execution for one in unknown] == [order.execution]


@in_a_loop
@pytest.mark.parametrize(("late", "outcome"), [("claim", "cancelled"), ("finalize", "succeeded")])
async def test_a_pause_that_is_cancelled_while_the_journal_writes_is_concluded_once(
    path: Path, late: str, outcome: str
) -> None:
    text = sequence(
        "  - name: G\n    try:\n    - parallel:\n"
        "        a: [ { name: S, sleep: 1 } ]\n"
        "        b: [ { invoke: { kind: Time.Sleep }, inputs: { ms: 100 } },\n"
        "             { throw: { code: NO } } ]\n"
        "    catch: [ { name: E, value: '${{ error.code }}' } ]\n"
    )
    journal = await open_journal(path)
    slow: Any = Late(journal, late, "pause")
    ended = await run(World(), text, slow)
    assert (ended.outcome, ended.result) == ("succeeded", {"E": "NO", "G": "NO"})
    assert await journal.unresolved(run="r") == []
    rows = {one.path: one.outcome async for one in journal.concluded("r")}
    assert [one for key, one in rows.items() if key.endswith("S")] == [outcome]
    await journal.close()

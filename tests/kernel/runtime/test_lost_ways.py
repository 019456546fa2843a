"""States that nothing led out of, each by the smallest manifest that came there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kernel.journal import Conclusion, Journal, Lease, NewApproval, open_journal
from tests.kernel.runtime.support.late import Late
from tests.kernel.runtime.support.person import Person
from tests.kernel.runtime.support.world import (
    Step,
    World,
    applied,
    calling,
    inner,
    kernel,
    sequence,
    to_the_end,
)
from tests.support.journals import begin, intent, place, play, win
from tests.support.recorded import in_a_loop

LONG = {"sleep": 60_000}


def file(folder: Path) -> str:
    return str(folder / "journal.db")


def caught(step: Step, *catch: Step) -> Step:
    return {"try": [step], "catch": list(catch) or [{"value": 1}]}


async def left_in_flight(resources: list[Step], world: World, journal: Journal) -> None:
    """Leave a run for another process while the call ``e`` is in flight."""
    async with kernel(resources, world, journal) as started:
        run = asyncio.ensure_future(started.apply("Run.Sequence/Main", run_id="r"))
        await world.begun.wait()
        started.let_go()
        await asyncio.wait((run,))


@in_a_loop
async def test_a_topology_with_a_key_that_takes_too_long_has_failed(tmp_path: Path) -> None:
    keyed = inner(idempotencyKey="k", timeout=100)
    resources = [sequence("Main", keyed), sequence("Inner", calling("e"), LONG)]
    journal, world = await open_journal(file(tmp_path)), World()
    ended = await applied(resources, world, journal, "r")
    assert ended.error is not None
    assert (ended.outcome, ended.error.code) == ("failed", "TIMEOUT")
    again = await applied(resources, world, journal, "s")  # its effect is not had again
    assert (again.outcome, world.applied["e"]) == ("failed", 1)
    await journal.close()


@in_a_loop
async def test_a_key_of_a_topology_that_was_left_unknown_is_unknown(tmp_path: Path) -> None:
    keyed = inner(idempotencyKey="k")
    resources = [sequence("Main", caught(keyed), keyed), sequence("Inner", calling("e"))]
    journal, world = await open_journal(file(tmp_path)), World("lost")
    left = await asyncio.wait_for(applied(resources, world, journal, "r"), 10)
    assert left.error is not None
    assert (left.outcome, left.error.code) == ("unknown", "IN_FLIGHT")
    (asked,) = await journal.escalations()
    assert asked.target == "Pay.Charge/inline"  # that alone is asked about
    await journal.close()
    assert await to_the_end(file(tmp_path), resources, world, "") == "succeeded"
    assert world.applied["e"] == 1


@in_a_loop
async def test_an_attempt_finds_what_an_earlier_one_left_unknown(tmp_path: Path) -> None:
    resources = [
        sequence("Main", inner(idempotencyKey="o", retry={"attempts": 2})),
        sequence("Inner", {"invoke": {"kind": "Run.Sequence", "name": "K"}, "idempotencyKey": "k"}),
        sequence("K", calling("e")),
    ]
    resources[2]["metadata"]["name"] = "K"
    world = World("lost")
    assert await to_the_end(file(tmp_path), resources, world, "") == "succeeded"
    assert world.applied["e"] == 1


@in_a_loop
async def test_a_key_of_a_call_that_the_walk_does_not_come_to_again(tmp_path: Path) -> None:
    """A process ends in a `catch`; a person says that what was caught there has landed."""
    keyed = calling("e", idempotencyKey="k")
    resources = [sequence("Main", caught(calling("lost", "Post"), keyed), keyed)]
    world, journal = World("slow"), await open_journal(file(tmp_path))
    world.fails.add("lost")
    await left_in_flight(resources, world, journal)
    world.fault = ""
    person = Person(journal, world.has_landed, {"name": "?"})
    (asked,) = await journal.escalations()
    await journal.resolve(asked.execution, True, "ann", outputs={"name": "lost"})
    state = await person.end("r", lambda: applied(resources, world, journal, "r"))
    assert (state, world.applied["e"]) == ("succeeded", 1)
    await journal.close()


@in_a_loop
async def test_what_a_call_has_called_is_not_called_again_when_it_has_not_landed(
    tmp_path: Path,
) -> None:
    world = World()
    world.fails.add("Around")
    inputs = {"name": "e", "kind": "Pay.Charge"}
    resources = [sequence("Main", {"invoke": {"kind": "Pay.Around"}, "inputs": inputs})]
    assert await to_the_end(file(tmp_path), resources, world, "") == "succeeded"
    assert (world.asked["Around"], world.applied["e"]) == (2, 1)


class SlowToAsk:
    """A journal that asks a person, and takes its time to say so."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def ask(self, new: NewApproval) -> Any:
        asked = await self._journal.ask(new)
        await asyncio.sleep(5)
        return asked


@in_a_loop
async def test_a_question_is_taken_back_that_is_asked_when_time_is_over(tmp_path: Path) -> None:
    limited = {"if": "${{ true }}", "then": [calling("e", "Wire")], "timeout": 100}
    journal, world = await open_journal(file(tmp_path)), World()
    slow: Any = SlowToAsk(journal)
    ended = await applied([sequence("Main", limited)], world, slow, "r")
    assert ended.outcome == "failed"
    assert [one.state for one in await journal.approvals()] == ["invalidated"]
    await journal.close()


@in_a_loop
async def test_a_limit_that_passed_meanwhile_asks_about_what_was_in_flight(tmp_path: Path) -> None:
    limited = {"if": "${{ true }}", "then": [calling("e")], "timeout": 1500}
    resources, world = [sequence("Main", limited)], World("slow")
    journal = await open_journal(file(tmp_path))
    await left_in_flight(resources, world, journal)
    await asyncio.sleep(1.5)
    ended = await applied(resources, world, journal, "r")
    (asked,) = await journal.escalations()
    assert (ended.outcome, asked.target) == ("unknown", "Pay.Charge/inline")
    await journal.close()
    await to_the_end(file(tmp_path), resources, world, "")


@in_a_loop
async def test_a_limit_that_was_recorded_before_a_crash_asks_about_what_it_cut_off(
    tmp_path: Path,
) -> None:
    """The process ended after the record of the limit, and before that of the call."""
    limited = {"if": "${{ true }}", "then": [calling("e")], "timeout": 60_000}
    resources, world = [sequence("Main", limited)], World("slow")
    journal = await open_journal(file(tmp_path))
    await left_in_flight(resources, world, journal)
    (limit,) = [row for row in await journal.unresolved(run="r") if row.target == "pause"]
    lease = await journal.acquire("r")
    assert isinstance(lease, Lease)
    epoch = await journal.fence(lease, limit.execution, limit.epoch)
    await journal.finalize(limit.execution, epoch, Conclusion("succeeded"))
    await journal.finish_run(lease, "running")
    late: Any = Late(journal, "limit")
    ended = await applied(resources, world, late, "r")
    (asked,) = await journal.escalations()
    assert (ended.outcome, asked.target) == ("unknown", "Pay.Charge/inline")
    await journal.close()
    await to_the_end(file(tmp_path), resources, world, "")


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_a_key_is_not_free_while_a_call_within_is_in_flight(store: str, tmp_path: Path) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        topology = await win(journal, intent("steps.T", key="k", scope="s", safety=None))
        await win(journal, intent("steps.T.steps.Charge"))
        error = {"message": "it took too long"}
        await journal.finalize("r1/steps.T", topology.epoch, Conclusion("failed", error=error))
        again = await journal.claim(intent("steps.U", key="k", scope="s", safety=None))
        assert type(again).__name__ == "Recorded"

    with place(store, tmp_path) as address:
        play(address, scene)

"""Runs that are gone on with: their slots, their places, and tickets that nothing comes back to."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kernel import Kernel, loads
from kernel.journal import Journal, Lease, NewTicket, open_journal
from tests.support.journals import place
from tests.support.recorded import in_a_loop

MANIFEST = """\
kind: Kernel.Definition
metadata: { name: Work, module: T }
capability: Invocable
---
kind: Run.Sequence
metadata: { name: One }
inputs: { type: object, properties: { asks: { type: boolean } }, required: [asks] }
concurrency: { limit: 1 }
steps:
  - { name: Do, invoke: { kind: T.Work }, approval: "${{ inputs.asks }}" }
---
kind: Run.Sequence
metadata: { name: Asks }
steps:
  - { name: Ask, invoke: { kind: T.Work }, approval: required }
  - { name: Then, invoke: { kind: Run.Sequence, name: One }, inputs: { asks: false } }
---
kind: Run.Sequence
metadata: { name: Both }
steps:
  - parallel:
      left: [{ name: Ask, invoke: { kind: T.Work }, approval: required }]
      right: [{ name: Queue, invoke: { kind: Run.Sequence, name: One }, inputs: { asks: false } }]
"""


def kernel(journal: str) -> Kernel:
    async def work(inputs: Any) -> Any:
        return {}

    return Kernel(loads(MANIFEST), controllers={"T.Work": work}, journal=journal)


async def approve(journal: Journal | None, run: str) -> None:
    assert journal is not None
    for asked in await journal.approvals("pending", run=run):
        await journal.decide(asked.approval, "approved", "bob")


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
@in_a_loop
async def test_a_ticket_to_which_the_walk_does_not_come_again(store: str, tmp_path: Path) -> None:
    with place(store, tmp_path) as address:
        async with kernel(address) as first:
            assert (await first.apply("Run.Sequence/Asks", run_id="r")).outcome == "parked"
        journal = await open_journal(address)
        lease = await journal.acquire("r")
        assert isinstance(lease, Lease)
        async with kernel(address) as other:  # what its tickets are called
            asks = await other.apply("Run.Sequence/One", {"asks": True}, run_id="holder")
            assert asks.outcome == "parked"
            (held,) = await journal.standings("holder")
            assert held.ticket is not None
            topology = held.ticket.topology
            await approve(journal, "holder")
            assert (await other.resume("holder")).outcome == "succeeded"
        gone = NewTicket("x", "r", "steps.Gone~1.steps.One", topology, "", 1)
        assert (await journal.enter(lease, gone)).holds
        await journal.finish_run(lease, "parked")
        await approve(journal, "r")
        async with kernel(address) as second, asyncio.timeout(20):
            assert (await second.resume("r")).outcome == "succeeded"
        assert await journal.standings("r") == []
        await journal.close()


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
@in_a_loop
async def test_a_run_parks_beside_a_call_that_waits_for_a_parked_one(
    store: str, tmp_path: Path
) -> None:
    with place(store, tmp_path) as address:
        async with kernel(address) as one, asyncio.timeout(30):
            journal = one.runtime.journal
            assert journal is not None
            held = await one.apply("Run.Sequence/One", {"asks": True}, run_id="held")
            assert held.outcome == "parked"
            both = await one.apply("Run.Sequence/Both", run_id="both")
            assert both.outcome == "parked"
            assert [found.before for found in await journal.standings("both")] == [1]
            await approve(journal, "held")
            assert (await one.resume("held")).outcome == "succeeded"
            assert [found.holds for found in await journal.standings("both")] == [True]
            await approve(journal, "both")
            assert (await one.resume("both")).outcome == "succeeded"
            assert await journal.standings("both") == []

"""The answers of people count: a denial, a cancellation, an answer without an attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kernel import Kernel, loads
from kernel.journal import Approval, Invocation, Journal, NewApproval, open_journal
from kernel.runtime.cancelling import cancel
from tests.kernel.runtime.support.bell import TEXT, Bell
from tests.support.recorded import (
    ACCOUNT,
    TOKEN,
    Bank,
    World,
    approve_all,
    call,
    in_a_loop,
    looked,
    run,
    sequence,
)

RISKY = ', approval: "${{ resources.Account.balance > 10 }}"'


@pytest.mark.parametrize("answer", ["denied", None])
@in_a_loop
async def test_a_denial_counts_though_none_would_be_asked_by_now(
    tmp_path: Path, answer: Any
) -> None:
    path, bank = tmp_path / "journal.db", Bank()
    bank.balance = 50
    text = sequence(call("A", "Charge", RISKY)) + ACCOUNT
    assert (await run(bank, text, path)).outcome == "parked"

    async def decide(journal: Journal) -> None:
        (asked,) = await journal.approvals("pending")
        if answer:
            await journal.decide(asked.approval, answer, "ines", "never")

    await looked(path, decide)
    bank.balance = 5
    ended = await run(bank, text, path)
    assert ended.outcome == ("rejected" if answer else "succeeded")
    assert len(bank.made("Charge")) == (0 if answer else 1)
    (asked,) = await looked(path, lambda journal: journal.approvals())
    assert asked.state == (answer or "invalidated")


class Stopped:
    """The journal of a process that stands still, while another cancels the run."""

    def __init__(self, journal: Journal, path: Path) -> None:
        self._journal, self._path = journal, path

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def spend(self, *values: Any) -> Approval:
        await looked(self._path, lambda journal: cancel(journal, "r", "ines"))
        return await self._journal.spend(*values)


@in_a_loop
async def test_a_run_that_is_cancelled_before_the_attempt_makes_none(tmp_path: Path) -> None:
    path, world = tmp_path / "journal.db", World()
    text = sequence(call("A", "Charge", ", approval: required, idempotencyKey: order-1"))
    assert (await run(world, text, path)).outcome == "parked"
    await looked(path, approve_all)
    journal = await open_journal(path)
    await run(world, text, Stopped(journal, path))  # type: ignore[arg-type]
    found = await journal.run("r")
    await journal.close()
    assert found is not None
    assert found.state == "cancelled"
    assert world.calls == []


@in_a_loop
async def test_a_call_out_of_a_service_that_is_cancelled_asks_no_more(tmp_path: Path) -> None:
    path, world = tmp_path / "journal.db", World()
    text = TEXT.replace("{ kind: Pay.Charge }", "{ kind: Pay.Charge }, approval: required")

    class Impatient(Bell):
        async def start(self, call: Any) -> None:
            call.ready({})
            ringing = asyncio.ensure_future(self._then.invoke({}))
            await self._stopped.wait()
            ringing.cancel()  # and it does not wait for it

    controllers = {**world.controllers(), "Pay.Bell": Impatient}
    kernel = Kernel(loads(text), controllers=controllers, journal=path, environ=TOKEN)
    journal = await open_journal(path)
    async with kernel:
        served = asyncio.ensure_future(kernel.apply())
        while not await journal.approvals("pending"):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
    await asyncio.wait([served])
    (asked,) = await journal.approvals()
    (made,) = await journal.runs()
    await journal.close()
    assert (asked.state, made.state) == ("invalidated", "cancelled")


POLICY = """\
---
kind: Kernel.Policy
metadata: { name: Terms }
targets: [Pay.Refund]
rules: [ { when: true, effect: allow } ]
approval: { expires: 50, threshold: conditions }
"""


@in_a_loop
async def test_the_terms_of_a_policy_hold_where_the_class_asks(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    await run(World(), sequence(call("A", "Refund")) + POLICY, path)
    (asked,) = await looked(path, lambda journal: journal.approvals())
    assert asked.expires_at - asked.asked_at < 100_000_000


@pytest.mark.parametrize(
    ("notes", "asks", "outcome"),
    [([], False, "unknown"), ([], True, "failed"), (["began", "failed"], False, "failed")],
)
@in_a_loop
async def test_what_was_not_made_for_a_service_is_not_unknown(
    tmp_path: Path, notes: list[str], asks: bool, outcome: str
) -> None:
    path = tmp_path / "journal.db"
    text = TEXT + "---\nkind: Pay.Charge\nmetadata: { name: Charge }\n"

    async def leave(journal: Journal) -> None:
        from kernel.journal import Intent, NewRun, Opened
        from kernel.runtime.manifest_texts import content_of
        from kernel.runtime.run_request import RunRequest

        digest = await journal.keep(content_of(loads(text)))
        asked = RunRequest(None, {}, {}).to_json()
        opened = await journal.open_run(NewRun("call", "", digest, asked, "api"))
        assert isinstance(opened, Opened)
        lease = opened.lease.epoch
        intent = Intent("e", "call", "", "Pay.Charge/Charge", "h", lease, "irreversible", inputs={})
        await journal.claim(intent)
        for status in notes:
            await journal.attempted("e", 1, 1, status)
        if asks:
            await journal.ask(NewApproval("a", "e", "call", "t", {}, "why", None, None))
            await journal.note("e", "approval", "pending")
        await journal.finish_run(opened.lease, "running")

    await looked(path, leave)
    controllers: Mapping[str, Any] = {**World().controllers(), "Pay.Bell": Bell}
    kernel = Kernel(loads(text), controllers=controllers, journal=path, environ=TOKEN)
    async with kernel:
        assert len(await kernel.recover()) == 1

    async def found(journal: Journal) -> tuple[Invocation | None, list[Approval]]:
        return await journal.invocation("e"), await journal.approvals("pending")

    row, pending = await looked(path, found)
    assert row.outcome == outcome
    assert pending == []

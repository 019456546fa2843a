"""What a call site says of its approvals: when, with which message, until when, by whom."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kernel import ManifestError, loads
from kernel.invocation.runtime import Answer
from kernel.journal import Approval, Journal, JournalError
from kernel.runtime.cancelling import cancel
from tests.support.recorded import World, call, in_a_loop, looked, run, sequence


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def asking(approval: str, kind: str = "Charge") -> str:
    inputs = "type: object, properties: { n: { type: integer, default: 5 } }"
    fields = f", inputs: {{ n: '${{{{ inputs.n }}}}' }}, approval: {approval}"
    return sequence(call("A", kind, fields), f"inputs: {{ {inputs} }}\n")


async def pending(journal: Journal) -> Approval:
    (asked,) = await journal.approvals("pending")
    return asked


FULL = (
    "{ when: '${{ inputs.n > 3 }}', message: 'pay ${{ inputs.n }} for ${{ invocation.run }}', "
    "expires: 60000, approvers: ['user:a*', 'user:bob'], quorum: 2 }"
)


@in_a_loop
async def test_the_run_stays_parked_below_the_quorum(path: Path) -> None:
    world, text = World(), asking(FULL)
    parked = await run(world, text, path)
    assert parked.outcome == "parked"
    assert parked.error is not None
    assert "(the call site asks for it: pay 5 for r)" in parked.error.message

    async def vote(journal: Journal) -> None:
        asked = await pending(journal)
        assert asked.frozen["message"] == "pay 5 for r"
        assert asked.frozen["inputs"] == {"n": 5}
        assert asked.expires_at is not None
        assert asked.expires_at - asked.asked_at <= 60_000 * 10**6
        with pytest.raises(JournalError, match="zoe may not decide"):
            await journal.decide(asked.approval, "approved", "user:zoe")
        with pytest.raises(JournalError, match="zoe may not decide"):
            await journal.decide(asked.approval, "denied", "user:zoe")
        assert (await journal.decide(asked.approval, "approved", "user:ann")).state == "pending"
        with pytest.raises(JournalError, match="each principal counts once"):
            await journal.decide(asked.approval, "approved", "user:ann")

    await looked(path, vote)
    assert (await run(world, text, path)).outcome == "parked"
    assert world.calls == []

    async def last(journal: Journal) -> None:
        asked = await pending(journal)
        decided = await journal.decide(asked.approval, "approved", "user:bob")
        assert decided.state == "approved"
        assert decided.frozen["approved_by"] == ["user:ann", "user:bob"]
        assert await journal.verify("r") is None

    await looked(path, last)
    assert (await run(world, text, path)).outcome == "succeeded"
    assert len(world.calls) == 1


@in_a_loop
async def test_one_denial_is_enough_and_a_try_knows_that_nothing_was_done(path: Path) -> None:
    steps = (
        f"  - try:\n  {call('A', 'Charge', ', approval: { quorum: 2 }')}"
        "    catch:\n    - { name: E, value: '${{ [error.kind, error.code, error.outcome] }}' }\n"
    )
    world, text = World(), sequence(steps)
    await run(world, text, path)

    async def deny(journal: Journal) -> None:
        asked = await pending(journal)
        await journal.decide(asked.approval, "approved", "user:ann")
        await journal.decide(asked.approval, "denied", "user:bob", "no")

    await looked(path, deny)
    ended = await run(world, text, path)
    assert ended.result == {"E": ["Denied", "DENIED", "rejected"]}
    assert world.calls == []


@pytest.mark.parametrize(
    ("approval", "outcome"),
    [
        ("{ when: '${{ inputs.n > 5 }}' }", "succeeded"),
        ("{ when: false, quorum: 3 }", "succeeded"),
        ("{ message: 'pay' }", "parked"),
        ("{ }", "parked"),
    ],
)
@in_a_loop
async def test_without_a_condition_an_approval_is_required(
    path: Path, approval: str, outcome: str
) -> None:
    assert (await run(World(), asking(approval), path)).outcome == outcome


@in_a_loop
async def test_the_terms_hold_for_an_approval_that_the_class_asks_for(path: Path) -> None:
    text = asking("{ when: false, message: 'again', quorum: 2, approvers: ['user:a'] }", "Refund")
    await run(World(), text, path)
    asked = await looked(path, pending)
    assert (asked.frozen["message"], asked.frozen["quorum"]) == ("again", 2)


@in_a_loop
async def test_it_expires(path: Path) -> None:
    text = asking("{ expires: 50 }")
    await run(World(), text, path)
    await asyncio.sleep(0.1)
    ended = await run(World(), text, path)
    assert ended.error is not None
    assert (ended.outcome, ended.error.code) == ("rejected", "EXPIRED")


@in_a_loop
async def test_a_person_at_the_terminal_is_asked_once(path: Path) -> None:
    asked = []

    async def agreed(approval: Approval) -> Answer:
        asked.append(approval)
        return Answer(True, "user:test")

    assert (await run(World(), asking("{ quorum: 2 }"), path, ask=agreed)).outcome == "parked"
    assert len(asked) == 1


@in_a_loop
async def test_a_run_is_cancelled_by_who_may_not_approve(path: Path) -> None:
    await run(World(), asking("{ approvers: ['user:a'] }"), path)
    await looked(path, lambda journal: cancel(journal, "r", "user:b"))
    (asked,) = await looked(path, lambda journal: journal.approvals())
    assert asked.state == "invalidated"


@in_a_loop
async def test_a_resource_in_place_is_shown_with_its_fields(path: Path) -> None:
    text = sequence(
        "  - { name: P, invoke: { kind: Log.Print, level: warning }, inputs: { message: hi },\n"
        "      approval: required }\n"
    )
    await run(World(), text, path)
    assert (await looked(path, pending)).frozen["resource"] == {"level": "warning"}


@pytest.mark.parametrize(
    "approval",
    ["{ quorum: 0 }", "{ approvers: [] }", "{ approvers: user }", "{ expires: soon }",
     "{ when: maybe }", "{ message: [1] }", "{ who: user }", "[]"],
)  # fmt: skip
def test_wrong_requests_are_found(approval: str) -> None:
    with pytest.raises(ManifestError):
        loads(asking(approval))

"""The hash chain of a run: whatever is altered behind the journal's back is found."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.journal import Broken, Conclusion, Journal, Lease, NewApproval
from kernel.journal.chain import START, Row, link, verify_chain
from tests.support.journals import Clock, begin, by_hand, intent, play, win


async def fill(journal: Journal) -> None:
    lease = await begin(journal, digest=await journal.keep("kind: Run.Sequence\n"))
    await begin(journal, "r2")
    for number in range(5):
        path = f"steps.S{number}"
        if number % 2:
            await journal.record(intent(path, safety="idempotent"), Conclusion("succeeded", number))
        else:
            won = await win(journal, intent(path, inputs={"n": number}))
            await journal.finalize(won.execution, won.epoch, Conclusion("succeeded", number))
        await journal.record(intent(path, run="r2"), Conclusion("succeeded", number))
    won = await win(journal, intent("steps.Lost"))
    await journal.finalize(won.execution, won.epoch, Conclusion("unknown"))
    await journal.resolve(won.execution, False, "ann")
    again = await win(journal, intent("steps.Lost"))
    await journal.finalize(again.execution, again.epoch, Conclusion("succeeded"))
    await journal.ask(asked("a1"))
    await journal.decide("a1", "approved", "ann", "they are right")
    await journal.spend("a1")
    await journal.finish_run(lease, "succeeded")


def asked(approval: str, expires_at: int | None = None) -> NewApproval:
    return NewApproval(
        approval, "r1/steps.S0", "r1", "Payments.Refund/Card", {"n": 1}, "large", "me", expires_at
    )


END = "UPDATE kernel_conclusions SET {} WHERE run = 'r1' AND number = {}"
INTENT = "UPDATE kernel_invocations SET {} WHERE execution = 'r1/steps.{}'"
LESS = "DELETE FROM kernel_conclusions WHERE run = 'r1' AND number = {}"
RUN = "UPDATE kernel_runs SET {} WHERE run = 'r1'"
PUT_IN = """INSERT INTO kernel_invocations
    (execution, run, path, target, scope, inputs_hash, epoch, lease, attempts, claimed_at,
    conclusion) VALUES ('e', 'r1', 'steps.New', 't', '', 'h', 1, 1, 0, 1, {})"""
ALTERATIONS = {
    "an output": (2, END.format("outputs = '9'", 2)),
    "an outcome": (2, END.format("outcome = 'failed'", 2)),
    "inputs": (3, INTENT.format("inputs = '1'", "S2")),
    "a target": (5, INTENT.format("target = 'x'", "S4")),
    "a path": (1, INTENT.format("path = 'steps.S9'", "S0")),
    "a hash": (3, END.format("hash = 'x'", 3)),
    "a row less": (3, LESS.format(3)),
    "the first less": (1, LESS.format(1)),
    "the last less": (8, LESS.format(8)),
    "an invocation less": (
        4,
        "DELETE FROM kernel_invocations WHERE execution = 'r1/steps.S3'",
    ),
    "not concluded": (4, INTENT.format("conclusion = NULL", "S3")),
    "the end of another": (4, INTENT.format("conclusion = 1", "S3")),
    "an old end": (8, INTENT.format("conclusion = 6", "Lost")),
    "a result": (9, RUN.format("result = '1'")),
    "a state": (9, RUN.format("state = 'failed'")),
    "what was asked for": (9, RUN.format("inputs = '1'")),
    "a run that has ended": (9, RUN.format("state = 'running'")),
    "a seal": (9, "UPDATE kernel_progress SET seal = NULL WHERE run = 'r1'"),
    "the person": (7, END.format("decided_by = 'bob'", 7)),
    "who approved": (9, "UPDATE kernel_approvals SET decided_by = 'bob'"),
    "what was approved": (9, "UPDATE kernel_approvals SET frozen = '{}'"),
    "an approval less": (9, "DELETE FROM kernel_approvals"),
    "a commit record more": (9, PUT_IN.format("NULL")),
    "an answer more": (1, PUT_IN.format(1)),
    "the run of an invocation": (3, INTENT.format("run = 'r3'", "S2")),
    "a manifest": (0, "UPDATE kernel_contents SET content = '\"other\"'"),
    "a manifest that is no JSON": (0, "UPDATE kernel_contents SET content = 'other'"),
    "an approval more": (
        9,
        """INSERT INTO kernel_approvals (approval, execution, run, target, reason, asked_at, state)
        VALUES ('a2', 'e', 'r1', 't', 'r', 1, 'approved')""",
    ),
}
"""What is altered: the first place that is broken by it, and how."""


def test_an_untouched_run_holds(address: str) -> None:
    async def scene(journal: Journal) -> None:
        await fill(journal)
        assert await journal.verify("r1") is None
        assert await journal.verify("r2") is None

    play(address, scene, clock=Clock())


@pytest.mark.parametrize("what", ALTERATIONS)
def test_the_first_place_that_was_altered_is_found(shared: str, what: str) -> None:
    play(shared, fill)
    number, statement = ALTERATIONS[what]
    by_hand(shared, statement)

    async def scene(journal: Journal) -> Broken | None:
        assert await journal.verify("r2") is None
        return await journal.verify("r1")

    broken = play(shared, scene)
    assert broken is not None
    assert broken.number == number, broken


@pytest.mark.parametrize("version", [1, 2, 3])  # what was added later is taken away each time
def test_what_ended_before_there_were_seals_is_sealed(shared: str, version: int) -> None:
    play(shared, fill)
    for table in ("kernel_deaths", "kernel_tickets", "kernel_numbers"):
        by_hand(shared, f"DROP TABLE {table}")
    by_hand(shared, "DROP INDEX kernel_invocations_holder")
    by_hand(shared, "ALTER TABLE kernel_invocations DROP COLUMN holder")
    if version < 3:
        by_hand(shared, "DROP INDEX kernel_approvals_run")
    if version == 1:
        by_hand(shared, "ALTER TABLE kernel_progress DROP COLUMN seal")
    else:
        by_hand(shared, "UPDATE kernel_progress SET seal = 'of less' WHERE run = 'r1'")
    by_hand(shared, f"UPDATE kernel_journal SET version = {version}")

    async def scene(journal: Journal) -> Broken | None:
        assert await journal.verify("r2") is None
        return await journal.verify("r1")

    assert play(shared, scene) is None
    by_hand(shared, RUN.format("result = '1'"))
    assert play(shared, scene) == Broken(9, None, "the run was altered after it had ended")


def test_what_a_person_says_of_a_run_that_has_ended_leaves_it_whole(address: str) -> None:
    async def scene(journal: Journal) -> None:
        lease = await begin(journal)
        won = await win(journal, intent("steps.Lost"))
        await journal.finalize(won.execution, won.epoch, Conclusion("unknown"))
        await journal.finish_run(lease, "unknown")
        await journal.resolve(won.execution, True, "ann")
        assert await journal.verify("r1") is None
        again = await journal.acquire("r1")
        assert isinstance(again, Lease)
        assert await journal.verify("r1") is None
        await journal.finish_run(again, "succeeded", {"n": 1})
        assert await journal.verify("r1") is None

    play(address, scene)


async def waits_for_a_person(journal: Journal) -> None:
    """A run with a call of unknown outcome within one that is not concluded."""
    lease = await begin(journal)
    await win(journal, intent("steps.In", safety="idempotent", inputs={"n": 1}))
    won = await win(journal, intent("steps.In.steps.Lost"))
    await journal.finalize(won.execution, won.epoch, Conclusion("unknown"))
    await journal.finish_run(lease, "unknown")
    assert await journal.verify("r1") is None
    await journal.resolve(won.execution, True, "ann")
    assert await journal.verify("r1") is None


@pytest.mark.parametrize(
    "statement",
    [
        PUT_IN.format("NULL"),
        "UPDATE kernel_invocations SET inputs = '1' WHERE conclusion IS NULL",
        "DELETE FROM kernel_invocations WHERE conclusion IS NULL",
    ],
)
def test_what_is_open_in_a_run_that_waits_for_a_person_is_sealed(
    shared: str, statement: str
) -> None:
    async def scene(journal: Journal) -> Broken | None:
        return await journal.verify("r1")

    play(shared, waits_for_a_person)
    by_hand(shared, statement)
    assert play(shared, scene) == Broken(3, None, "the run was altered after it had ended")


def test_what_is_open_in_a_run_that_waits_for_a_person_is_gone_on_with(address: str) -> None:
    async def scene(journal: Journal) -> None:
        await waits_for_a_person(journal)
        again = await journal.acquire("r1")
        assert isinstance(again, Lease)
        epoch = await journal.fence(again, "r1/steps.In", 1)
        assert await journal.verify("r1") is None
        await journal.finalize("r1/steps.In", epoch, Conclusion("succeeded"))
        await journal.finish_run(again, "succeeded")
        assert await journal.verify("r1") is None

    play(address, scene)


def test_what_is_decided_after_the_end_leaves_it_whole(address: str) -> None:
    async def scene(journal: Journal) -> None:
        lease = await begin(journal)
        await journal.ask(asked("a1"))
        await journal.finish_run(lease, "unknown")
        assert await journal.verify("r1") is None
        await journal.decide("a1", "approved", "ann")
        assert await journal.verify("r1") is None
        await journal.spend("a1", "invalidated")
        assert await journal.verify("r1") is None
        await journal.ask(asked("a2", expires_at=1))
        assert await journal.verify("r1") is None
        assert [one.state for one in await journal.expire()] == ["expired"]
        assert await journal.verify("r1") is None

    play(address, scene)


def rows(facts: list[str]) -> tuple[list[Row], str]:
    head, made = START, []
    for number, fact in enumerate(facts, 1):
        own = link(head, (fact,))
        made.append((number, f"p{number}", head, own, (fact,)))
        head = own
    return made, head


@given(st.lists(st.text(max_size=3), min_size=1, max_size=8), st.data())
def test_no_change_of_a_chain_goes_unseen(facts: list[str], data: st.DataObject) -> None:
    made, head = rows(facts)
    assert verify_chain(made, len(made), head) is None
    place = data.draw(st.integers(0, len(made) - 1))
    altered = data.draw(st.text(max_size=3).filter(lambda text: text != facts[place]))
    number, path, previous, own, _ = made[place]
    changed = [*made[:place], (number, path, previous, own, (altered,)), *made[place + 1 :]]
    broken = verify_chain(changed, len(made), head)
    assert broken is not None
    assert broken.number == place + 1
    # Hashed anew from that place on, it ends in another head.
    forged, other = rows([*facts[:place], altered, *facts[place + 1 :]])
    assert other != head
    assert verify_chain(forged, len(forged), head) is not None
    assert verify_chain(made[:place], len(made), head) is not None


def test_a_long_run_is_verified_in_proportion_to_its_length() -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        for start in range(0, 10_000, 500):
            done = Conclusion("succeeded")
            some = (f"steps.Each[{number}]" for number in range(start, start + 500))
            await asyncio.gather(*(journal.record(intent(path), done) for path in some))
        began = time.perf_counter()
        assert await journal.verify("r1") is None
        assert time.perf_counter() - began < 3

    play("memory:", scene)

"""Claims are won once and concluded once; on every store."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kernel.journal import (
    Conclusion,
    Conflict,
    Fenced,
    InFlight,
    Journal,
    Lease,
    Recorded,
    Refused,
    TooLarge,
    Won,
    open_journal,
)
from tests.support.journals import Clock, begin, intent, play, win


def test_a_path_is_claimed_concluded_and_answered_from_the_record(address: str) -> None:
    clock = Clock(10)

    async def scene(journal: Journal) -> None:
        await begin(journal)
        wanted = intent(inputs={"amount": 5}, about={"timer": 1})
        won = await win(journal, wanted)
        pending = await journal.claim(wanted)
        assert isinstance(pending, InFlight)
        assert (pending.invocation.claimed_at, pending.invocation.outcome) == (10, None)
        assert (pending.invocation.inputs, pending.invocation.about) == (
            {"amount": 5},
            {"timer": 1},
        )
        assert isinstance(await journal.claim(replace(wanted, inputs_hash="h2")), Conflict)
        clock.now = 30
        ending = Conclusion("succeeded", {"id": "p-1"}, attempts=2, duration=12)
        assert await journal.finalize(won.execution, won.epoch, ending) == 1
        answer = await journal.claim(wanted)
        assert isinstance(answer, Recorded)
        found = answer.invocation
        assert (found.outcome, found.outputs, found.attempts) == ("succeeded", {"id": "p-1"}, 2)
        assert (found.duration, found.concluded_at, found.number) == (12, 30, 1)
        assert found == await journal.invocation(won.execution)
        assert isinstance(await journal.claim(replace(wanted, inputs_hash="h2")), Conflict)

    play(address, scene, clock=clock)


def test_of_many_that_claim_one_wins(shared: str) -> None:
    async def scene(journal: Journal) -> None:
        other = await open_journal(shared, owner="other")
        await begin(journal)
        for wanted in (intent(), intent("steps.B", key="order-1", scope="me Payments.Charge")):
            answers = await asyncio.gather(
                *(one.claim(wanted) for _ in range(32) for one in (journal, other))
            )
            assert sum(isinstance(answer, Won) for answer in answers) == 1
            assert sum(isinstance(answer, InFlight) for answer in answers) == 63
        await other.close()

    play(shared, scene)


def test_an_outcome_is_recorded_once(address: str) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        won = await win(journal, intent())
        answers = await asyncio.gather(
            *(
                journal.finalize(won.execution, won.epoch, Conclusion("succeeded", number))
                for number in range(20)
            ),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers].count(Fenced) == 19
        assert answers.count(1) == 1
        with pytest.raises(Fenced):
            await journal.finalize(won.execution, won.epoch + 1, Conclusion("failed"))
        with pytest.raises(Refused, match="no execution x"):
            await journal.finalize("x", 1, Conclusion("failed"))

    play(address, scene)


def test_a_fenced_intent_is_concluded_with_the_new_epoch_only(address: str) -> None:
    async def scene(journal: Journal) -> None:
        seen = await begin(journal)
        won = await win(journal, intent())
        lease = await journal.take_over(seen)
        assert isinstance(lease, Lease)
        epoch = await journal.fence(lease, won.execution, won.epoch)
        assert epoch == won.epoch + 1
        with pytest.raises(Fenced):
            await journal.fence(lease, won.execution, won.epoch)
        with pytest.raises(Fenced):
            await journal.finalize(won.execution, won.epoch, Conclusion("succeeded"))
        await journal.finalize(won.execution, epoch, Conclusion("succeeded"))
        with pytest.raises(Fenced):
            await journal.fence(lease, won.execution, epoch)

    play(address, scene)


def test_unresolved_are_the_intents_without_an_outcome(address: str) -> None:
    clock = Clock(100)

    async def scene(journal: Journal) -> None:
        await begin(journal)
        await begin(journal, "r2")
        for number, run in enumerate(("r1", "r2", "r1")):
            clock.now = 100 + number
            await win(journal, intent(f"steps.S{number}", run=run))
        done = await win(journal, intent("steps.Done"))
        await journal.finalize(done.execution, done.epoch, Conclusion("succeeded"))
        paths = [one.path for one in await journal.unresolved()]
        assert paths == ["steps.S0", "steps.S1", "steps.S2"]
        assert [one.path for one in await journal.unresolved(run="r1")] == ["steps.S0", "steps.S2"]
        assert [one.path for one in await journal.unresolved(limit=1)] == ["steps.S0"]
        clock.now = 150
        assert [one.path for one in await journal.unresolved(49)] == ["steps.S0", "steps.S1"]

    play(address, scene, clock=clock)


def test_what_needs_no_intent_is_recorded_in_one(address: str) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        wanted = intent(safety="idempotent")
        assert isinstance(await journal.record(wanted, Conclusion("succeeded", [1])), Won)
        again = await journal.record(wanted, Conclusion("succeeded", [2]))
        assert isinstance(again, Recorded)
        assert again.invocation.outputs == [1]
        await win(journal, intent("steps.B"))
        standing = await journal.record(intent("steps.B"), Conclusion("succeeded"))
        assert isinstance(standing, InFlight)

    play(address, scene)


def test_a_replay_reads_the_concluded_in_order(address: str) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        await begin(journal, "r2")
        for number in range(1203):
            await journal.record(
                intent(f"steps.Each[{number}]", safety="idempotent"),
                Conclusion("succeeded", number),
            )
        await win(journal, intent("steps.Pending"))
        await journal.record(intent("steps.X", run="r2"), Conclusion("failed", error={"code": 1}))
        found = [(one.number, one.path, one.outputs) async for one in journal.concluded("r1")]
        assert found == [(n + 1, f"steps.Each[{n}]", n) for n in range(1203)]
        late = [one.path async for one in journal.concluded("r1", after=1201)]
        assert late == ["steps.Each[1201]", "steps.Each[1202]"]
        assert [one.error async for one in journal.concluded("r2")] == [{"code": 1}]

    play(address, scene)


def test_attempts_are_counted_and_told_in_the_trace(address: str) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        won = await win(journal, intent())
        await journal.note(won.execution, "policy", "allow", {"policy": "Refunds"})
        await journal.attempted(won.execution, won.epoch, 1, "failed", {"again_at": 99})
        await journal.attempted(won.execution, won.epoch, 2, "unknown")
        found = await journal.invocation(won.execution)
        assert found is not None
        assert found.attempts == 2
        steps = [
            (n.number, n.step, n.status, n.at, n.detail) for n in await journal.trace(won.execution)
        ]
        assert steps == [
            (1, "policy", "allow", 4, {"policy": "Refunds"}),
            (2, "attempt", "failed", 4, {"again_at": 99}),
            (3, "attempt", "unknown", 4, None),
        ]

    play(address, scene, clock=Clock(4))


# Keys that the caller gives


KEY = {"key": "order-1", "scope": "me Payments.Charge/Card", "ttl": 1_000}


def test_a_key_answers_another_run_from_the_record(address: str) -> None:
    async def scene(journal: Journal) -> None:
        for run in ("r1", "r2", "r3"):
            await begin(journal, run)
        won = await win(journal, intent(**KEY))
        flying = await journal.claim(intent(run="r2", **KEY))
        assert isinstance(flying, InFlight)
        assert flying.invocation.execution == won.execution
        await journal.finalize(won.execution, won.epoch, Conclusion("succeeded", "paid"))
        answer = await journal.claim(intent(run="r2", **KEY))
        assert isinstance(answer, Recorded)
        assert answer.invocation.outputs == "paid"
        other = await journal.claim(intent(run="r2", **{**KEY, "inputs_hash": "h2"}))
        assert isinstance(other, Conflict)
        await win(journal, intent(run="r3", **{**KEY, "scope": "you Payments.Charge/Card"}))
        await journal.record(intent(run="r2"), Conclusion("deduplicated", "paid"))

    play(address, scene, clock=Clock())


@pytest.mark.parametrize(
    ("conclusion", "free"),
    [
        (Conclusion("failed"), True),
        (Conclusion("rejected"), True),
        (Conclusion("cancelled"), True),
        (Conclusion("failed", landed=True), False),
        (Conclusion("succeeded"), False),
        (Conclusion("unknown"), False),
    ],
    ids=lambda value: f"{value.outcome}-{value.landed}" if isinstance(value, Conclusion) else "",
)
def test_a_key_is_free_again_when_nothing_has_landed(
    address: str, conclusion: Conclusion, free: bool
) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        await begin(journal, "r2")
        won = await win(journal, intent(**KEY))
        await journal.finalize(won.execution, won.epoch, conclusion)
        assert isinstance(await journal.claim(intent(run="r2", **KEY)), Won) is free

    play(address, scene, clock=Clock())


@pytest.mark.parametrize(
    ("beyond", "free"),
    [(".steps.A", False), ("[1].steps.A", False), ("~2.steps.A", False), ("2.steps.A", True)],
)
def test_a_key_stays_taken_when_something_within_has_landed(
    address: str, beyond: str, free: bool
) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        await begin(journal, "r2")
        won = await win(journal, intent(**KEY))
        called = await win(journal, intent(f"steps.Charge{beyond}"))
        await journal.finalize(called.execution, called.epoch, Conclusion("succeeded"))
        await journal.finalize(won.execution, won.epoch, Conclusion("failed"))
        assert isinstance(await journal.claim(intent(run="r2", **KEY)), Won) is free

    play(address, scene, clock=Clock())


@pytest.mark.parametrize("jump", [-(10**18), 10**18], ids=["back", "ahead"])
def test_a_clock_that_jumps_breaks_no_claim(address: str, jump: int) -> None:
    clock = Clock(2 * 10**18)

    async def scene(journal: Journal) -> None:
        await begin(journal)
        await begin(journal, "r2")
        won = await win(journal, intent(**KEY))
        lost = await win(journal, intent("steps.Lost", **{**KEY, "key": "order-2"}))
        await journal.finalize(lost.execution, lost.epoch, Conclusion("unknown"))
        clock.now += jump
        assert isinstance(await journal.claim(intent(run="r2", **KEY)), InFlight)
        unknown = await journal.claim(intent("steps.Lost", run="r2", **{**KEY, "key": "order-2"}))
        assert isinstance(unknown, Recorded)
        assert await journal.forget_keys() == 0
        await journal.finalize(won.execution, won.epoch, Conclusion("succeeded"))
        assert isinstance(await journal.claim(intent(**KEY)), Recorded)
        assert await journal.verify("r1") is None

    play(address, scene, clock=clock)


def test_a_key_expires_once_it_is_concluded(address: str) -> None:
    clock = Clock(0)

    async def scene(journal: Journal) -> None:
        _, lease, _ = [await begin(journal, run) for run in ("r1", "r2", "r3")]
        won = await win(journal, intent(**KEY))
        await journal.finalize(won.execution, won.epoch, Conclusion("succeeded", 1))
        clock.now = 999
        assert isinstance(await journal.claim(intent(run="r2", **KEY)), Recorded)
        assert await journal.forget_keys() == 0
        clock.now = 1_000
        again = await win(journal, intent(run="r2", **KEY))
        await journal.finalize(again.execution, again.epoch, Conclusion("succeeded", 2))
        clock.now = 2_000
        # The run itself may make the same call once more.
        assert isinstance(await journal.claim(intent("steps.B", run="r2", **KEY)), Recorded)
        assert await journal.forget_keys() == 0
        await journal.finish_run(lease, "succeeded")
        assert await journal.forget_keys() == 1
        assert await journal.forget_keys() == 0
        await win(journal, intent(run="r3", **KEY))

    play(address, scene, clock=clock)


# What a person says


def test_an_unknown_outcome_waits_for_a_person_who_says_it_landed(address: str) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        won = await win(journal, intent(**KEY))
        lost = Conclusion("unknown", error={"message": "no answer"})
        await journal.finalize(won.execution, won.epoch, lost)
        assert [one.execution for one in await journal.escalations()] == [won.execution]
        assert await journal.escalations("r2") == []
        found = await journal.resolve(won.execution, True, "ann", outputs={"id": 1}, reason="seen")
        assert (found.outcome, found.outputs, found.by) == ("succeeded", {"id": 1}, "ann")
        assert found.error is None
        notes = await journal.trace(won.execution)
        assert [(one.step, one.status, one.detail) for one in notes] == [
            ("escalate", "unknown", {"message": "no answer"}),
            ("resolve", "landed", {"reason": "seen"}),
        ]
        answer = await journal.claim(intent(**KEY))
        assert answer == Recorded(found)
        assert await journal.escalations() == []
        with pytest.raises(Refused, match="no unknown outcome"):
            await journal.resolve(won.execution, False, "bob")
        assert await journal.verify("r1") is None

    play(address, scene, clock=Clock())


def test_what_has_not_landed_can_be_claimed_again(address: str) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        won = await win(journal, intent(**KEY))
        with pytest.raises(Refused, match="no unknown outcome"):
            await journal.resolve(won.execution, False, "ann")
        await journal.finalize(won.execution, won.epoch, Conclusion("unknown", attempts=3))
        with pytest.raises(Refused, match="has no outputs"):
            await journal.resolve(won.execution, False, "ann", outputs=1)
        await journal.resolve(won.execution, False, "ann", reason="not in the ledger")
        again = await journal.claim(intent(**KEY))
        assert again == Won(won.execution, won.epoch + 1, attempts=3)
        assert isinstance(await journal.claim(intent(**KEY)), InFlight)
        with pytest.raises(Fenced):
            await journal.finalize(won.execution, won.epoch, Conclusion("succeeded"))
        assert await journal.verify("r1") is None
        await journal.finalize(again.execution, again.epoch, Conclusion("succeeded"))
        assert await journal.verify("r1") is None

    play(address, scene, clock=Clock())


def test_what_has_not_landed_is_not_made_twice_by_two_that_have_its_key(address: str) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        await begin(journal, "r2")
        won = await win(journal, intent(**KEY))
        await journal.finalize(won.execution, won.epoch, Conclusion("unknown"))
        await journal.resolve(won.execution, False, "ann")
        await win(journal, intent(run="r2", **KEY))
        answer = await journal.claim(intent(**KEY))
        assert isinstance(answer, InFlight)
        assert answer.invocation.run == "r2"

    play(address, scene, clock=Clock())


# Values


@pytest.mark.parametrize(
    "value",
    [0, 1.5, -(2**80), "", "\0 \ud800 \U0001f600 ' %s ?", [], {}, {"": [{"a": None}]}, True],
    ids=repr,
)
def test_values_come_back_as_they_were(address: str, value: object) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        await journal.record(intent(inputs=value), Conclusion("succeeded", value))
        found = await journal.invocation("r1/steps.Charge")
        assert found is not None
        assert (found.inputs, found.outputs) == (value, value)
        assert type(found.outputs) is type(value)
        assert await journal.verify("r1") is None

    play(address, scene)


def test_what_cannot_be_kept_is_refused_and_changes_nothing(address: str) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        won = await win(journal, intent())
        for outputs in (object(), float("nan"), {1, 2}, b"x"):
            with pytest.raises(TooLarge, match="the outputs cannot be recorded"):
                await journal.finalize(won.execution, won.epoch, Conclusion("succeeded", outputs))
        with pytest.raises(TooLarge, match=r"the outputs have 1,001 bytes .* at most 1,000"):
            await journal.finalize(won.execution, won.epoch, Conclusion("succeeded", "x" * 999))
        assert [one.path for one in await journal.unresolved()] == ["steps.Charge"]
        await journal.finalize(won.execution, won.epoch, Conclusion("succeeded", "x" * 998))
        for key in ("", "k" * 1025, "a\0", "\udc00"):
            with pytest.raises(Refused, match="an idempotency key"):
                await journal.claim(intent("steps.B", key=key))

    play(address, scene, largest=1_000)


def test_an_execution_stands_at_one_path(address: str) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        await begin(journal, "r2")
        await win(journal, intent())
        for where in ({"path": "steps.Else"}, {"run": "r2"}):
            for key in (None, "k"):
                with pytest.raises(Refused, match="at another path"):
                    await journal.claim(replace(intent(), key=key, **where))

    play(address, scene)


def test_who_is_cancelled_loses_the_answer_and_not_the_write(shared: str) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        claims = [asyncio.ensure_future(journal.claim(intent(f"steps.S{n}"))) for n in range(50)]
        await asyncio.sleep(0)
        for task in claims:
            task.cancel()
        await asyncio.wait(claims)
        assert all(task.cancelled() for task in claims)
        await journal.note("x", "after", "all of them")  # requests are done in order
        assert len(await journal.unresolved()) == 50

    play(shared, scene)


def test_close_does_what_is_asked_already_and_then_nothing(shared: str) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        claims = [asyncio.ensure_future(journal.claim(intent(f"steps.S{n}"))) for n in range(50)]
        await asyncio.sleep(0)
        await journal.close()
        assert all(isinstance(answer, Won) for answer in await asyncio.gather(*claims))
        with pytest.raises(Exception, match="the journal is closed"):
            await journal.claim(intent())

    play(shared, scene)

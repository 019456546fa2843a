"""An owner that is only silent keeps what it has in flight; from a dead one all is taken over."""

from __future__ import annotations

import pytest

from kernel.journal import Conclusion, Fenced, Journal, Lease, Recorded, Refused, Won, open_journal
from kernel.journal.owners import is_gone, take_over
from tests.support.journals import begin, intent, play, win

CLASSES = ["irreversible", "write-once-checkable", "approval-bound", None]


async def silenced(owner: Journal, other: Journal) -> Lease:
    """The run of one journal, taken over by another, although its owner may only stand still."""
    taken = await other.take_over(await owner.lease("r1"))
    assert isinstance(taken, Lease)
    return taken


@pytest.mark.parametrize("safety", CLASSES)
def test_its_call_in_flight_waits_for_it(shared: str, safety: str | None) -> None:
    async def scene(owner: Journal) -> None:
        other = await open_journal(shared, owner="other")
        lease = await begin(owner)
        won = await win(owner, intent("steps.Write", safety=safety))
        await silenced(owner, other)
        (held,) = await other.escalations("r1")
        assert (held.path, held.outcome, held.holder) == ("steps.Write", None, owner.owner)
        with pytest.raises(Fenced):  # it may begin nothing new
            await owner.claim(intent("steps.Next", lease=lease.epoch))
        await owner.finalize(won.execution, won.epoch, Conclusion("succeeded", {"n": 1}))
        assert await other.escalations() == []
        answer = await other.claim(intent("steps.Write", lease=2))
        assert isinstance(answer, Recorded)
        assert answer.invocation.outputs == {"n": 1}
        assert await other.verify("r1") is None
        await other.close()

    play(shared, scene)


def test_what_may_be_made_twice_goes_on(shared: str) -> None:
    async def scene(owner: Journal) -> None:
        other = await open_journal(shared, owner="other")
        await begin(owner)
        read = await win(owner, intent("steps.Read", safety="idempotent"))
        walk = await win(owner, intent("steps.Inner", about={"topology": True}))
        taken = await silenced(owner, other)
        assert await other.escalations() == []
        for one in (read, walk):
            epoch = await other.fence(taken, one.execution, one.epoch)
            with pytest.raises(Fenced):
                await owner.finalize(one.execution, one.epoch, Conclusion("succeeded"))
            await other.finalize(one.execution, epoch, Conclusion("succeeded"))
        await other.close()

    play(shared, scene)


def test_it_stays_its_call_when_the_next_owner_dies(shared: str) -> None:
    async def scene(owner: Journal) -> None:
        other = await open_journal(shared, owner="other")
        await begin(owner)
        won = await win(owner, intent())
        taken = await silenced(owner, other)
        third = await other.take_over(taken, is_dead=True)
        assert isinstance(third, Lease)
        (held,) = await other.escalations()
        assert held.holder == owner.owner
        await owner.finalize(won.execution, won.epoch, Conclusion("failed"))
        await other.close()

    play(shared, scene)


@pytest.mark.parametrize("made", [True, False])
def test_it_can_give_the_call_up(shared: str, made: bool) -> None:
    async def scene(owner: Journal) -> None:
        other = await open_journal(shared, owner="other")
        await begin(owner)
        won = await win(owner, intent())
        taken = await silenced(owner, other)
        await owner.release(won.execution, won.epoch, made=made)
        assert await other.escalations() == []
        with pytest.raises(Fenced):
            await owner.finalize(won.execution, won.epoch, Conclusion("succeeded"))
        await other.fence(taken, won.execution, won.epoch)
        (note,) = await other.trace(won.execution)
        assert note.status == ("given up" if made else "not made")
        await other.close()

    play(shared, scene)


@pytest.mark.parametrize("landed", [True, False])
def test_a_person_can_say_what_became_of_it(shared: str, landed: bool) -> None:
    async def scene(owner: Journal) -> None:
        other = await open_journal(shared, owner="other")
        await begin(owner)
        won = await win(owner, intent())
        taken = await silenced(owner, other)
        resolved = await other.resolve(won.execution, landed, "ann")
        assert resolved.by == "ann"
        with pytest.raises(Fenced):
            await owner.finalize(won.execution, won.epoch, Conclusion("succeeded"))
        again = await other.claim(intent(lease=taken.epoch))
        assert isinstance(again, Recorded if landed else Won)
        assert await other.verify("r1") is None
        await other.close()

    play(shared, scene)


def test_what_nobody_has_taken_over_is_not_for_a_person(shared: str) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        won = await win(journal, intent())
        with pytest.raises(Refused, match="no unknown outcome"):
            await journal.resolve(won.execution, True, "ann")

    play(shared, scene)


def test_from_whom_somebody_has_recorded_dead_all_is_taken_at_once(shared: str) -> None:
    async def scene(owner: Journal) -> None:
        other = await open_journal(shared, owner="other")
        await begin(owner)
        await win(owner, intent())
        assert not await is_gone(other, owner.owner)
        await other.record_death(owner.owner, "the supervisor")
        assert isinstance(await take_over(other, "r1", patience=60), Lease)
        assert await other.escalations() == []
        await other.close()

    play(shared, scene, owner="elsewhere/1/1")


def test_a_person_can_say_that_the_owner_is_dead(shared: str) -> None:
    async def scene(owner: Journal) -> None:
        other = await open_journal(shared, owner="other")
        await begin(owner)
        await win(owner, intent())
        assert isinstance(await take_over(other, "r1", patience=0.05, who="ann"), Lease)
        assert await other.escalations() == []
        assert await is_gone(other, owner.owner)
        await other.close()

    play(shared, scene, owner="elsewhere/1/1")

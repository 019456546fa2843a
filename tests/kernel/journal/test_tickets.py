"""Tickets of concurrency groups, on every store: in order, once, fenced, given back."""

from __future__ import annotations

import asyncio

import pytest

from kernel.journal import (
    Conclusion,
    Damaged,
    Fenced,
    Journal,
    NewTicket,
    Standing,
    Ticket,
    open_journal,
)
from kernel.journal.standing import waits_for_itself
from tests.support.journals import begin, by_hand, intent, play, win


def new(run: str, path: str = "steps.A", *, slots: int = 1, group: str = "g") -> NewTicket:
    return NewTicket(f"{run}/{path}", run, path, "M Run.Sequence/S", group, slots)


async def ends(journal: Journal, *runs: str) -> dict[str, Standing | None]:
    return {run: await journal.standing(f"{run}/steps.A") for run in runs}


def test_tickets_hold_slots_in_order(address: str) -> None:
    async def scene(journal: Journal) -> None:
        leases = [await begin(journal, f"r{number}") for number in range(4)]
        found = [await journal.enter(one, new(one.run, slots=2)) for one in leases]
        assert [(one.before, one.holds) for one in found] == [
            (0, True), (1, True), (2, False), (3, False),
        ]  # fmt: skip
        assert [one.run for one in found[3].older] == ["r0", "r1", "r2"]
        again = await journal.enter(leases[2], new("r2", slots=2))
        assert (again.ticket, again.before) == (found[2].ticket, 2)
        other = await journal.enter(leases[3], new("r3", "steps.B", group="h"))
        assert other.holds
        await journal.leave(leases[0], "r0/steps.A")
        standing = await journal.standing("r2/steps.A")
        assert standing is not None
        assert standing.holds
        assert [one.before for one in await journal.standings("r3")] == [2, 0]
        await journal.finish_run(leases[1], "failed")
        await journal.finish_run(leases[2], "parked")
        assert [one.holds for one in await journal.standings("r3")] == [True, True]
        assert await journal.standings("r1") == []
        assert len(await journal.standings("r2")) == 1

    play(address, scene)


def test_no_ticket_for_who_does_not_wait(address: str) -> None:
    async def scene(journal: Journal) -> None:
        first, second = await begin(journal, "r1"), await begin(journal, "r2")
        await journal.enter(first, new("r1"))
        refused = await journal.enter(second, new("r2"), waits=False)
        assert (refused.ticket, refused.before, refused.holds) == (None, 1, False)
        assert [one.run for one in refused.older] == ["r1"]
        assert await journal.standing("r2/steps.A") is None

    play(address, scene)


def test_a_conclusion_gives_a_ticket_back(address: str) -> None:
    async def scene(journal: Journal) -> None:
        lease = await begin(journal)
        for claims in (True, False):
            path = f"steps.{claims}"
            execution = f"r1/{path}"
            await journal.enter(lease, new("r1", path))
            ending = Conclusion("succeeded", ticket=execution)
            if claims:
                won = await win(journal, intent(path))
                await journal.finalize(execution, won.epoch, ending)
            else:
                await journal.record(intent(path), ending)
            assert await journal.standing(execution) is None

    play(address, scene)


def test_whoever_lost_the_run_takes_and_gives_no_ticket(address: str) -> None:
    async def scene(journal: Journal) -> None:
        lease = await begin(journal)
        await journal.enter(lease, new("r1"))
        await journal.take_over(lease, is_dead=True)
        for asked in (journal.enter(lease, new("r1", "b")), journal.leave(lease, "r1/steps.A")):
            with pytest.raises(Fenced):
                await asked
        assert len(await journal.standings("r1")) == 1

    play(address, scene)


def test_many_that_come_at_once_get_different_numbers(shared: str) -> None:
    async def main() -> None:
        journals = [await open_journal(shared) for _ in range(4)]
        leases = [await begin(journals[number % 4], f"r{number}") for number in range(40)]
        found = await asyncio.gather(
            *(journals[n % 4].enter(lease, new(lease.run)) for n, lease in enumerate(leases))
        )
        numbers = [one.ticket.number for one in found if one.ticket is not None]
        assert len(set(numbers)) == 40
        assert sorted(one.before for one in found) == list(range(40))
        assert sum(one.holds for one in found) == 1
        for journal in journals:
            await journal.close()

    asyncio.run(main())


def test_a_damaged_ticket_is_told(shared: str) -> None:
    async def fill(journal: Journal) -> None:
        lease = await begin(journal)
        await journal.enter(lease, new("r1"))
        await journal.enter(lease, new("r1", "steps.B"))

    async def scene(journal: Journal) -> None:
        told: list[Damaged] = []
        assert len(await journal.standings("r1", damaged=told.append)) == 1
        assert "`kernel_tickets.slots` is not a number" in str(told[0])
        with pytest.raises(Damaged):
            await journal.standings("r1")

    play(shared, fill)
    by_hand(shared, "UPDATE kernel_tickets SET slots = -1 WHERE path = 'steps.A'")
    play(shared, scene)


def ticket(number: int, run: str, path: str) -> Ticket:
    return Ticket(f"{run}/{path}", run, path, "t", "g", 2, number, 0)


def test_what_would_wait_for_ever() -> None:
    holders = [ticket(1, "a", "x"), ticket(2, "b", "")]
    inner = NewTicket("e", "a", "x~2.steps.Y", "t", "g", 2)
    assert not waits_for_itself(inner, holders[:1])
    assert not waits_for_itself(inner, holders)  # that of b may end
    assert waits_for_itself(inner, [*holders, ticket(3, "b", "steps.Z")])
    assert not waits_for_itself(inner, [*holders, ticket(3, "c", "steps.Z")])
    assert waits_for_itself(inner, [ticket(1, "a", ""), ticket(2, "a", "x")])
    assert not waits_for_itself(NewTicket("e", "a", "y", "t", "g", 2), holders)

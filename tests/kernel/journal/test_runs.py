"""Runs exist once, and one process at a time works on one; on every store."""

from __future__ import annotations

import asyncio
import os

import pytest

from kernel.journal import (
    Conclusion,
    Existing,
    Fenced,
    Held,
    Journal,
    Lease,
    NewRun,
    Opened,
    Refused,
    open_journal,
    take_over,
)
from tests.support.journals import Clock, begin, intent, play, win


def test_a_run_is_opened_once(address: str) -> None:
    async def scene(journal: Journal) -> None:
        new = NewRun("r1", "Run.Sequence/Main", "digest", {"a": [1, None]}, "cron", "me", "c-1")
        assert await journal.run("r1") is None
        assert isinstance(await journal.open_run(new), Opened)
        again = await journal.open_run(new)
        assert isinstance(again, Existing)
        assert again.run == await journal.run("r1")
        found = again.run
        assert (found.topology, found.digest, found.inputs) == (
            "Run.Sequence/Main",
            "digest",
            {"a": [1, None]},
        )
        assert (found.source, found.principal, found.correlation_id) == ("cron", "me", "c-1")
        assert (found.state, found.opened_at, found.finished_at) == ("running", 7, None)

    play(address, scene, clock=Clock(7))


def test_of_many_that_open_the_same_run_one_does(shared: str) -> None:
    async def scene(journal: Journal) -> None:
        other = await open_journal(shared, owner="other")
        new = NewRun("r1", "Main", "digest")
        answers = await asyncio.gather(
            *(one.open_run(new) for _ in range(20) for one in (journal, other))
        )
        assert sum(isinstance(answer, Opened) for answer in answers) == 1
        await other.close()

    play(shared, scene)


def test_contents_are_kept_once_by_their_digest(address: str) -> None:
    async def scene(journal: Journal) -> None:
        digests = {await journal.keep("kind: Run.Sequence\n# ü\0") for _ in range(2)}
        assert len(digests) == 1
        assert await journal.kept(digests.pop()) == "kind: Run.Sequence\n# ü\0"
        assert await journal.kept("unknown") is None

    play(address, scene)


def test_runs_are_listed_the_newest_first_page_by_page(address: str) -> None:
    clock = Clock(0)

    async def scene(journal: Journal) -> None:
        for number in range(7):
            clock.now = number // 2  # some at the same moment
            lease = await begin(journal, f"r{number}")
            if number % 3 == 0:
                await journal.finish_run(lease, "failed", error={"message": "no"})
        seen: list[str] = []
        last = None
        while page := await journal.runs(before=last, limit=2):
            seen += [run.run for run in page]
            last = page[-1]
        assert seen == [f"r{number}" for number in reversed(range(7))]
        assert [run.run for run in await journal.runs("failed")] == ["r6", "r3", "r0"]

    play(address, scene, clock=clock)


def test_a_finished_run_says_how_it_ended_and_is_free(address: str) -> None:
    async def scene(journal: Journal) -> None:
        lease = await begin(journal)
        await journal.finish_run(lease, "succeeded", {"count": 3})
        run = await journal.run("r1")
        assert run is not None
        assert (run.state, run.result, run.finished_at) == ("succeeded", {"count": 3}, 5)
        assert (await journal.lease("r1")).owner is None
        with pytest.raises(Fenced):
            await journal.finish_run(lease, "failed")
        with pytest.raises(Fenced):
            await journal.claim(intent(lease=lease.epoch))

    play(address, scene, clock=Clock(5))


def test_a_parked_run_is_taken_up_again(address: str) -> None:
    async def scene(journal: Journal) -> None:
        await journal.finish_run(await begin(journal), "parked")
        run = await journal.run("r1")
        assert run is not None
        assert (run.state, run.finished_at) == ("parked", None)
        lease = await journal.acquire("r1")
        assert isinstance(lease, Lease)
        assert lease.owner == journal.owner
        run = await journal.run("r1")
        assert run is not None
        assert run.state == "running"
        assert isinstance(await journal.acquire("r1"), Held)

    play(address, scene)


def test_nobody_works_on_a_run_that_is_not_there(address: str) -> None:
    async def scene(journal: Journal) -> None:
        for work in (journal.acquire, journal.lease, journal.verify):
            with pytest.raises(Refused, match="there is no run r9"):
                await work("r9")
        with pytest.raises(Refused, match="there is no run r9"):
            await journal.claim(intent(run="r9"))

    play(address, scene)


def test_of_two_that_resume_a_run_one_wins(shared: str) -> None:
    async def scene(journal: Journal) -> None:
        other = await open_journal(shared, owner="other")
        for number in range(10):
            run = f"r{number}"
            await journal.finish_run(await begin(journal, run), "parked")
            answers = await asyncio.gather(journal.acquire(run), other.acquire(run))
            assert sorted(isinstance(answer, Lease) for answer in answers) == [False, True]
        await other.close()

    play(shared, scene)


def test_of_two_that_take_over_from_the_dead_one_wins(shared: str) -> None:
    async def scene(journal: Journal) -> None:
        other = await open_journal(shared, owner="other")
        for number in range(10):
            seen = await begin(journal, f"r{number}")
            answers = await asyncio.gather(journal.take_over(seen), other.take_over(seen))
            assert sorted(isinstance(answer, Lease) for answer in answers) == [False, True]
        await other.close()

    play(shared, scene)


def test_who_gives_a_sign_of_life_keeps_the_run(address: str) -> None:
    async def scene(journal: Journal) -> None:
        lease = await begin(journal)
        seen = await journal.lease("r1")
        beaten = await journal.heartbeat(lease)
        assert beaten.beats == seen.beats + 1
        assert await journal.take_over(seen) == Held(beaten)
        assert isinstance(await journal.take_over(beaten), Lease)
        with pytest.raises(Fenced):
            await journal.heartbeat(beaten)

    play(address, scene)


def test_the_dead_are_known_at_once_and_the_silent_after_a_while(shared: str) -> None:
    async def scene(journal: Journal) -> None:
        process = await asyncio.create_subprocess_exec("sleep", "60")
        from kernel.journal.owners import is_dead, this_process

        machine = this_process().rsplit("/", 2)[0]
        gone = f"{machine}/{process.pid}/1"  # such a process began at another time
        process.kill()
        await process.wait()
        assert is_dead(gone)
        assert is_dead(f"{machine}/{os.getpid()}/1")  # its number went to another process
        assert not is_dead(this_process())
        assert not is_dead("elsewhere/1/1")
        other = await open_journal(shared, owner=gone)
        await begin(other)
        async with asyncio.timeout(5):
            assert isinstance(await take_over(journal, "r1", patience=60), Lease)
        assert isinstance(await take_over(journal, "r1", patience=0.01), Lease)  # it never beat

        lease = await journal.lease("r1")

        async def live() -> None:
            nonlocal lease
            while True:
                lease = await journal.heartbeat(lease)
                await asyncio.sleep(0.01)

        living = asyncio.create_task(live())
        assert isinstance(await take_over(other, "r1", patience=0.3), Held)
        living.cancel()
        await other.close()

    play(shared, scene)


def test_the_zombie_concludes_nothing(shared: str) -> None:
    async def scene(zombie: Journal) -> None:
        other = await open_journal(shared, owner="other")
        lease = await begin(zombie)
        claimed = await win(zombie, intent())
        taken = await other.take_over(lease, is_dead=True)
        assert isinstance(taken, Lease)
        for ending in ("succeeded", "failed", "unknown"):
            with pytest.raises(Fenced):
                await zombie.finalize(claimed.execution, claimed.epoch, Conclusion(ending))
        with pytest.raises(Fenced):
            await zombie.attempted(claimed.execution, claimed.epoch, 2, "failed")
        with pytest.raises(Fenced):
            await zombie.claim(intent("steps.Other"))
        with pytest.raises(Fenced):
            await zombie.record(intent("steps.Other"), Conclusion("succeeded"))
        with pytest.raises(Fenced):
            await zombie.finish_run(lease, "succeeded")
        with pytest.raises(Fenced):
            await zombie.fence(lease, claimed.execution, claimed.epoch)
        epoch = await other.fence(taken, claimed.execution, claimed.epoch)
        await other.finalize(claimed.execution, epoch, Conclusion("unknown"))
        assert [one.path for one in await other.escalations()] == ["steps.Charge"]
        await other.close()

    play(shared, scene)

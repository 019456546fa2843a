"""Concurrency groups and crashes: never too many at a time, no slot lost, no place lost."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kernel.journal import Journal, Standing
from tests.crash.support.effects import Effects, Scope
from tests.crash.support.processes import Ended, Processes
from tests.crash.support.story import Story, ask
from tests.support.journals import by_hand, place
from tests.support.properties import some

_MOST_SECONDS = 30.0


class Runs:
    """Several runs on one journal, each told by processes of its own; the effects of all in one."""

    def __init__(self, effects: Effects, pool: Pool, journal: str) -> None:
        self.name = str(uuid.uuid4())
        self._effects = effects
        self._pool = pool
        self._journal = journal
        self.scope: Scope = effects.scope(self.name)

    def story(self, run: str) -> Story:
        more = {"scope": self.name}
        run = f"{run}-{self.name[:8]}"
        story = Story(self._pool.take(), self._effects, self._journal, "groups", more=more, run=run)
        story.scope = self.scope
        return story

    def standings(self, story: Story) -> list[Standing]:
        async def look(journal: Journal) -> list[Standing]:
            return await journal.standings(story.run)

        return ask(self._journal, look)

    def until(self, holds: Callable[[], bool]) -> None:
        until = time.monotonic() + _MOST_SECONDS
        while not holds():
            assert time.monotonic() < until, "it does not come to that"
            time.sleep(0.01)

    def order(self) -> list[str]:
        """The runs in the order in which they had the slot; each had it once."""
        had: list[str] = []
        for one in self.scope.applied:
            what, _, run = one.name.partition("-")
            if what != "after" and had[-1:] != [run]:
                had.append(run)
        assert len(had) == len(set(had)), had
        return had

    def judge(self) -> None:
        assert by_hand(self._journal, "SELECT * FROM kernel_tickets") == []


class Pool:
    """Processes of several threads: nobody has those of another."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._own = threading.local()
        self._all: list[Processes] = []

    def begin(self) -> None:
        """Give the processes of this thread to the next runs."""
        self._own.taken = 0

    def take(self) -> Processes:
        own = self._own.__dict__.setdefault("processes", [])
        if len(own) == self._own.taken:
            own.append(Processes(self._port))
            self._all.append(own[-1])
        self._own.taken += 1
        found: Processes = own[self._own.taken - 1]
        return found

    def close(self) -> None:
        for one in self._all:
            one.close()


@pytest.fixture
def pool(effects: Effects) -> Iterator[Pool]:
    made = Pool(effects.port)
    yield made
    made.close()


Tell = Callable[[Runs, int | None], Ended]


def at_each_point(
    tell: Tell, store: str, folder: Path, effects: Effects, pool: Pool, *, lanes: int, each: int
) -> int:
    """Let a process be killed at each point that it reaches undisturbed; how many there are."""

    def told(point: int | None) -> Ended | str:
        pool.begin()
        try:
            with place(store, folder / str(point)) as address:
                runs = Runs(effects, pool, address)
                ended = tell(runs, point)
                runs.judge()
                return ended
        except AssertionError as error:
            return f"point {point}: {error}"

    undisturbed = told(None)
    assert isinstance(undisturbed, Ended), undisturbed
    points = range(1, len(undisturbed.points) + 1)
    with ThreadPoolExecutor(lanes) as threads:
        found = list(threads.map(told, some(list(points))[::each]))
    wrong = [one for one in found if isinstance(one, str)]
    assert not wrong, "\n\n".join(wrong)
    return len(points)


def holder_is_killed(runs: Runs, point: int | None) -> Ended:
    """It is killed before, while or after it has the slot; another comes then, and it goes on."""
    first, second = runs.story("first"), runs.story("second")
    begun = first.step(at=point)
    with ThreadPoolExecutor(1) as thread:
        other = thread.submit(second.tell)
        if begun.outcome is None and runs.standings(first):
            runs.until(lambda: bool(runs.standings(second)))
            assert not any(one.holds for one in runs.standings(second))
        assert first.tell().outcome == "succeeded"
        assert other.result().outcome == "succeeded"
    assert len(runs.order()) == 2
    return begun


def queued_is_killed(runs: Runs, point: int | None) -> Ended:
    """It is killed while it waits for a parked run; what comes after it stays behind it."""
    parks, queued, last = runs.story("parks"), runs.story("queued"), runs.story("last")
    assert parks.step().outcome == "parked"
    waits = queued.job(at=point, resume=False, patience=100.0)
    with ThreadPoolExecutor(2) as thread:
        begun = thread.submit(queued.processes.run, **waits)
        runs.until(lambda: begun.done() or (point is None and _notes(runs, queued)))
        had_place = bool(runs.standings(queued))
        after = thread.submit(last.tell)
        runs.until(lambda: bool(runs.standings(last)))
        assert not any(one.holds for one in (*runs.standings(queued), *runs.standings(last)))
        parks.help()
        assert parks.tell().outcome == "succeeded"
        ended = begun.result()
        if ended.killed:
            assert queued.tell().outcome == "succeeded"
        assert after.result().outcome == "succeeded"
    order = [one.partition("-")[0] for one in runs.order()]
    assert order in ([["parks", "queued", "last"]] if had_place else [
        ["parks", "queued", "last"], ["parks", "last", "queued"]
    ])  # fmt: skip
    if point is None:
        return Ended(False, points=ended.points[: _waiting_points(ended)])
    return ended


def _notes(runs: Runs, story: Story) -> bool:
    async def look(journal: Journal) -> bool:
        standings = await journal.standings(story.run)
        notes = [await journal.trace(one.ticket.execution) for one in standings if one.ticket]
        return any(notes)

    return ask(runs._journal, look)


def _waiting_points(ended: Ended) -> int:
    """How many points the process had reached when it waited: those before it first sends."""
    sends = [at for at, name in enumerate(ended.points) if name.startswith("send ")]
    # Before it sends, it notes that it has the slot, and claims the call.
    return sends[0] - 4


@pytest.mark.parametrize("tell", [holder_is_killed, queued_is_killed])
def test_crashes_of_a_group(tell: Tell, effects: Effects, pool: Pool, folder: Path) -> None:
    each = 4 if tell is holder_is_killed else 2
    assert at_each_point(tell, "sqlite", folder, effects, pool, lanes=2, each=each) > 5


@pytest.mark.long
@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
@pytest.mark.parametrize("tell", [holder_is_killed, queued_is_killed])
def test_every_crash_of_a_group(
    tell: Tell, store: str, effects: Effects, pool: Pool, folder: Path
) -> None:
    assert at_each_point(tell, store, folder, effects, pool, lanes=3, each=1) > 5

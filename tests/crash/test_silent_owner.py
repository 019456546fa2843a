"""A process stands still at any point, others go on without it, and it wakes: nothing is doubled.

It wakes, or it is killed, or a person says that it is dead when it is.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from tests.crash.support.effects import Effects
from tests.crash.support.processes import Ended, Processes
from tests.crash.support.story import Story, ask
from tests.support.journals import place

FAULTS = {"right": ["lost"]}
End = Literal["wakes", "is killed"]


def stopped(story: Story, at: int) -> int | None:
    """Start a process that stands still at that point; its id, or None where it did not come there.

    Branches that go on at once do not reach the same number of points each time.
    """
    pid = story.processes[0].begin(story.job(at=at, signal="SIGSTOP"))
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            state = "Z"
        if state == "T":
            return pid
        if state == "Z":
            assert story.processes[0].end().outcome == "succeeded"
            return None
        time.sleep(0.002)
    raise AssertionError("the process neither stands still nor ends")


def others(story: Story, **more: object) -> Ended:
    """Others go on with the run as far as they can."""
    for _ in range(5):
        ended = story.processes[1].run_one(story.job(resume=True, **more))
        story.nothing_twice()
        waits = ((ended.error or {}).get("data") or {}).get("silent")
        if ended.outcome not in ("parked", "unknown") or waits:
            return ended
        story.help()
    raise AssertionError(ended)


def tell(begin: Callable[[str], Story], address: str, at: int, end: End) -> bool | None:
    """Tell the story; whether the others could write to the journal meanwhile.

    None where the process did not come to the point.
    """
    story = begin(address)
    pid = stopped(story, at)
    if pid is None:
        return None
    try:
        meanwhile = others(story)
        if meanwhile.outcome == "parked":
            rows = ask(story.journal, lambda journal: journal.escalations(story.run))
            assert any(row.holder and f"/{pid}/" in row.holder for row in rows)
    finally:
        os.kill(pid, signal.SIGCONT if end == "wakes" else signal.SIGKILL)
        woken = story.processes[0].end()
    story.effects.settle()
    story.nothing_twice()
    ended = others(story)
    assert ended.outcome == "succeeded", (ended, meanwhile, woken)
    story.judge(ended)
    story.nothing_twice()
    return meanwhile.outcome is not None


@pytest.fixture
def begin(effects: Effects, processes: Processes) -> Callable[[str], Story]:
    # No sign of life in between: it would stand still with the file locked.
    more = {"patience": 0.3, "beat": 60, "busy": 1}

    def begin(address: str) -> Story:
        return Story(processes, effects, address, "few", FAULTS, more)

    return begin


def points(begin: Callable[[str], Story], store: str, folder: Path) -> list[str]:
    with place(store, folder / "undisturbed") as address:
        return begin(address).step().points[:-2]


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
@pytest.mark.parametrize("name", ["committed", "send POST", "sent POST", "received GET"])
def test_nothing_is_doubled(
    begin: Callable[[str], Story], folder: Path, store: str, name: str
) -> None:
    all_of_them = points(begin, store, folder)
    found = [number for number, one in enumerate(all_of_them, 1) if one == name]
    with place(store, folder / "stopped") as address:
        assert tell(begin, address, found[len(found) // 2], "wakes") is not None


@pytest.mark.long
@pytest.mark.parametrize(("store", "each"), [("sqlite", 1), ("postgresql", 3)])
@pytest.mark.parametrize("end", ["wakes", "is killed"])
def test_nothing_is_doubled_wherever_it_stood(
    begin: Callable[[str], Story], folder: Path, store: str, each: int, end: End
) -> None:
    """``each``: with 3, only every third point is tried."""
    numbers, told = range(1, len(points(begin, store, folder)) + 1, each), 0
    for number in numbers:
        with place(store, folder / str(number)) as address:
            told += bool(tell(begin, address, number, end))
    assert told > len(numbers) / 2

"""What goes wrong around a run without killing it: on the wire, on the disk, with the clock."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.crash.support.effects import Effects
from tests.crash.support.processes import Ended, Processes
from tests.crash.support.story import Story, compared

CLASSES = """\
kind: Run.Sequence
metadata: { name: Main }
steps:
  - name: Put
    invoke: { kind: Effect.Put }
    inputs: { name: put }
    retry: { attempts: 2, delay: 1 }
    timeout: 150
  - { name: Charge, invoke: { kind: Effect.Charge }, inputs: { name: charge }, timeout: 150 }
  - { name: Send, invoke: { kind: Effect.Send }, inputs: { name: send }, timeout: 150 }
  - { name: Wire, invoke: { kind: Effect.Wire }, inputs: { name: wire }, timeout: 150 }
  - { name: Post, invoke: { kind: Effect.Post }, inputs: { name: post }, timeout: 150 }
result: "${{ steps }}"
"""

KEYED = """\
kind: Run.Sequence
metadata: { name: Main }
steps:
  - { name: Send, invoke: { kind: Effect.Send }, inputs: { name: send }, idempotencyKey: order-7 }
result: "${{ steps }}"
"""

Begin = Callable[..., Story]


@pytest.fixture
def begin(effects: Effects, processes: Processes, folder: Path) -> Begin:
    """Begins a story of a manifest, which is the name of one that is there, or a text.

    Its journal is new, or that of another story.
    """
    begun: list[str] = []

    def begin(
        manifest: str,
        faults: dict[str, list[str]] | None = None,
        *,
        beside: Story | None = None,
        **more: object,
    ) -> Story:
        if "\n" in manifest:
            begun.append(manifest)
            file = folder / f"{len(begun)}.yaml"
            file.write_text(manifest)
            manifest = str(file)
        begun.append(manifest)
        journal = str(folder / str(len(begun)) / "journal.db")
        if beside is not None:
            journal, more["scope"] = beside.journal, beside.run
            manifest = beside.manifest
        return Story(processes, effects, journal, manifest, faults or {}, more)

    return begin


def interrupted(ended: Ended) -> str:
    """What a process says that could not go on because of its journal."""
    assert ended.outcome in (None, "failed"), ended
    assert ended.error.get("code", "INTERRUPTED") == "INTERRUPTED", ended
    return str(ended.error["message"])


# On the wire


@pytest.mark.parametrize("fault", ["lost", "late", "broken"])
def test_an_answer_that_does_not_come_repeats_no_effect(begin: Begin, fault: str) -> None:
    names = ["put", "charge", "send", "wire", "post"]
    told = begin(CLASSES, {name: [fault] for name in names})
    ended = told.tell()
    assert ended.outcome == "succeeded", ended
    assert told.was_unknown == ["send", "post"]
    assert told.scope.counts() == {**dict.fromkeys(names, 1), "put": 2}


def test_who_cannot_be_asked_leaves_it_to_a_person(begin: Begin) -> None:
    told = begin(CLASSES, {"charge": ["lost"], "GET": ["unseen"] * 6})
    assert told.tell().outcome == "succeeded"
    assert told.was_unknown == ["charge"]
    assert set(told.scope.counts().values()) == {1}


# Twice


def test_a_run_that_is_delivered_twice_is_made_once(begin: Begin) -> None:
    told = begin(KEYED, {"send": ["late"]}, patience=1)
    both = [told.processes[number] for number in (0, 1)]
    for one in both:
        one.begin(told.job())
    first, second = (one.end() for one in both)
    assert compared(first) == compared(second) == compared(told.step())
    assert first.outcome == "succeeded"
    assert told.scope.counts() == {"send": 1}


def test_two_runs_with_one_key_are_one_effect(begin: Begin) -> None:
    first = begin(KEYED, {"send": ["late"]})
    second = begin(KEYED, beside=first)
    both = [first.processes[number] for number in (0, 1)]
    for one, story in zip(both, (first, second), strict=True):
        one.begin(story.job())
    ended = [one.end() for one in both]
    assert [one.outcome for one in ended] == ["succeeded"] * 2
    assert ended[0].result == ended[1].result
    assert first.scope.counts() == {"send": 1}


def test_of_two_that_resume_a_run_at_once_one_wins(begin: Begin) -> None:
    told = begin("few", patience=6)  # the winner has to end within it
    assert told.step(at=14).killed
    both = [told.processes[number] for number in (0, 1)]
    for one in both:
        one.begin(told.job(resume=True))
    ended = [one.end() for one in both]
    worked = [one for one in ended if any("POST" in point for point in one.points)]
    assert len(worked) == 1
    assert [one.outcome for one in ended] == ["succeeded"] * 2
    told.nothing_twice()
    told.judge(ended[0])


# The disk


def test_a_full_disk_loses_nothing_and_repeats_nothing(begin: Begin) -> None:
    wanted = compared(begin("few").tell())
    stopped = 0
    for most in range(100_000, 300_000, 20_000):
        told = begin("few")
        first = told.step(most=most)
        print(most, len(first.points), first.outcome)
        if first.outcome == "succeeded":
            break
        assert "because the disk" in interrupted(first)
        stopped += bool(told.scope.applied)
        assert compared(told.tell()) == wanted
    assert stopped > 3


def test_a_file_that_cannot_be_written_stops_a_run_before_it_does_anything(begin: Begin) -> None:
    told = begin("few")
    assert told.step(at=20).killed
    file, before = Path(told.journal), len(told.scope.applied)
    file.parent.parent.chmod(0o755)
    file.chmod(0o444)
    file.parent.chmod(0o555)
    for path in file.parent.iterdir():
        path.chmod(0o444)
    message = interrupted(told.step(resume=True, nobody=True))
    assert "cannot be written" in message or "cannot be opened" in message
    assert len(told.scope.applied) == before
    file.parent.chmod(0o755)
    assert told.tell().outcome == "succeeded"


def test_a_journal_that_is_locked_stops_a_run_where_it_is(begin: Begin) -> None:
    told = begin("few", {"charge": ["late"]}, busy=0.1)

    def lock() -> None:
        while not told.scope.count("charge"):
            time.sleep(0.001)
        with closing(sqlite3.connect(told.journal, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            released.wait(10)

    released, other = threading.Event(), threading.Thread(target=lock)
    other.start()
    first = told.step()
    assert "is locked by another process" in interrupted(first)
    assert told.scope.count("nested-first") == 0
    assert "is locked by another process" in interrupted(told.step(resume=True))
    released.set()
    other.join()
    assert told.tell().outcome == "succeeded"


# The clock


def test_a_clock_that_jumps_changes_nothing(begin: Begin) -> None:
    wanted = compared(begin("all").tell())
    told = begin("all", {"put": ["refused"], "charge": ["lost"]}, clock="jumps")
    assert compared(told.tell((0, 60), (1, 40))) == wanted

"""Real processes on one journal: several at once, and killed at any moment."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from kernel.journal import Journal, Lease, take_over
from tests.support.journals import begin, play
from tests.support.warm import PIPE, Forked, environment

ROOT = Path(__file__).parents[3]
WORKER = Path(__file__).parent / "support" / "worker_process.py"


def started(address: str, run: str, what: str, workers: int) -> Forked:
    return Forked(arguments(address, run, what, workers), ROOT, environment(), PIPE, PIPE)


def arguments(address: str, run: str, what: str, workers: int) -> list[str]:
    return [str(WORKER), address, run, what, str(workers)]


def test_of_two_processes_one_wins_each_run_and_each_path(shared: str) -> None:
    most = 60

    async def park(journal: Journal) -> None:
        await begin(journal, "both")
        for number in range(most):
            await journal.finish_run(await begin(journal, f"p{number}"), "parked")

    play(shared, park)
    both = [started(shared, "both", "leases", most) for _ in range(2)]
    for one in both:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in both:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    said = [one.communicate(timeout=60)[0].splitlines() for one in both]
    assert [one.returncode for one in both] == [0, 0]
    wanted = [f"{what} {number}" for what in ("path", "run") for number in range(most)]
    assert sorted(said[0] + said[1]) == sorted(wanted)


def killed_after(address: str, run: str, workers: int, seconds: float) -> list[str]:
    """What a process had said when it was killed: at a moment that it did not choose."""
    process = started(address, run, "claims", workers)
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate(timeout=60)
    return [first.strip(), *rest.splitlines()]


async def judge(journal: Journal, run: str, said: list[str]) -> None:
    """What was told is recorded, the chain holds, and somebody else can go on."""
    assert said[0] == f"opened {run}"
    assert await journal.verify(run) is None
    done = {one.path: one.outputs async for one in journal.concluded(run)}
    pending = {one.path for one in await journal.unresolved(run=run, limit=10_000)}
    assert not pending & set(done)
    for line in said[1:]:
        word, _, path = line.partition(" ")
        if word == "concluded":
            assert path in done, line
            assert path == f"steps.Each[{done[path]}]"
        else:
            assert path in done or path in pending, line
    lease = await take_over(journal, run, patience=60)  # the holder is known to be dead
    assert isinstance(lease, Lease)
    for one in await journal.unresolved(run=run, limit=10_000):
        await journal.fence(lease, one.execution, one.epoch)


@pytest.mark.parametrize("workers", [1, 64])
def test_what_was_told_is_recorded_after_a_kill_at_any_moment(shared: str, workers: int) -> None:
    chance = random.Random(workers)
    for number in range(3):
        said = killed_after(shared, f"r{number}", workers, chance.uniform(0.0, 0.15))

        async def scene(journal: Journal, run: str = f"r{number}", said: list[str] = said) -> None:
            await judge(journal, run, said)

        play(shared, scene)


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 8, 64])
def test_what_was_told_is_recorded_after_many_kills(shared: str, workers: int) -> None:
    chance = random.Random(workers)
    for number in range(12):
        said = killed_after(shared, f"r{number}", workers, chance.uniform(0.0, 0.3))

        async def scene(journal: Journal, run: str = f"r{number}", said: list[str] = said) -> None:
            await judge(journal, run, said)

        play(shared, scene)


def stop(process: subprocess.Popen[str], address: str) -> None:
    """Stop a process: with an SQLite file at a moment when it does not hold the file's lock.

    One that stands still within a commit keeps everybody else from writing, for as long as it is
    there; the kernel of the machine gives its lock back only when it ends.
    """
    while True:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        if address.startswith("postgresql:"):
            return
        with closing(sqlite3.connect(address, timeout=0.05, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError:
                process.send_signal(signal.SIGCONT)
                time.sleep(0.001)


def test_a_stopped_process_concludes_only_what_it_had_in_flight(shared: str) -> None:
    process = subprocess.Popen(
        [sys.executable, *arguments(shared, "r1", "claims", 4)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "opened r1\n"
    time.sleep(0.1)
    try:
        stop(process, shared)
        before: list[str] = []
        held: list[str] = []

        async def take(journal: Journal) -> None:
            lease = await take_over(journal, "r1", patience=0.2)
            assert isinstance(lease, Lease)
            before.extend([one.path async for one in journal.concluded("r1")])
            held.extend([one.path for one in await journal.escalations("r1")])

        play(shared, take)
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=60)
        assert process.returncode == 1  # it was told that it is fenced

        async def look(journal: Journal) -> None:
            after = [one.path async for one in journal.concluded("r1")]
            assert after[: len(before)] == before
            assert set(after[len(before) :]) <= set(held)
            assert await journal.verify("r1") is None

        play(shared, look)
    finally:
        process.kill()
        process.wait()

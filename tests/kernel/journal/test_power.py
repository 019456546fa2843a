"""A power cut at any moment: every intent that was told is there, and the file is whole."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from pathlib import Path
from typing import Any

import pytest

from kernel.journal import Conclusion, Journal, Won
from kernel.journal.session import Mode
from kernel.journal.sqlite import SqliteSession, prepare
from kernel.journal.store import Store
from kernel.journal.worker import Worker
from tests.support.journals import begin, intent, play, win

pytest.importorskip("apsw", reason="there is no apsw to lose the power with")
from tests.kernel.journal.support.power import Connection, Disk

NAMES = (f"cut{number}" for number in itertools.count())
Cut = tuple[set[str], dict[str, bytes]]
"""The paths whose intents were told before the power went, and what is left on the disk."""


class Forgetful(SqliteSession):
    """As a journal would be that waited for the disk nowhere."""

    def begin(self, mode: Mode) -> None:
        super().begin("read" if mode == "read" else "lasting")


def opened(folder: Path, kind: type[SqliteSession]) -> tuple[Store, Disk]:
    file = folder / "journal.db"
    prepare(file, 1)
    disk = Disk(next(NAMES))
    connection: Any = Connection(file, disk)
    writer = Worker(lambda: kind(connection, str(file), file), "writer")
    return Store(writer, writer, owner="me", clock=time.time_ns), disk


async def work(store: Store, disk: Disk, chance: random.Random, workers: int) -> list[Cut]:
    """Invocations of every class, and the power cut after each await."""
    await begin(store)
    told: set[str] = set()
    cuts: list[Cut] = []
    numbers = iter(range(60))

    def cut() -> None:
        for how in (None, chance):
            # What is told when the cut is made is on the disk before it: looked at in this order.
            promised = set(told)
            cuts.append((promised, disk.cut(how)))

    async def one() -> None:
        for number in numbers:
            path = f"steps.Each[{number}]"
            if number % 3 == 0:
                wanted = intent(path, safety="idempotent")
                await store.record(wanted, Conclusion("succeeded", "x" * 300))
            else:
                won = await win(store, intent(path, inputs="x" * 700))
                told.add(path)
                cut()
                await store.finalize(won.execution, won.epoch, Conclusion("succeeded", number))
            cut()

    await asyncio.gather(*(one() for _ in range(workers)))
    return cuts


def lost(folder: Path, cuts: list[Cut]) -> list[str]:
    """What was told and is gone; fails where a file is not whole."""
    gone: list[str] = []
    for number, (told, files) in enumerate(cuts):
        after = folder / str(number)
        after.mkdir()
        for name, content in files.items():
            (after / name).write_bytes(content)

        async def look(journal: Journal, told: set[str] = told) -> None:
            assert await journal.verify("r1") is None
            there = {one.path for one in await journal.unresolved(run="r1")}
            there |= {one.path async for one in journal.concluded("r1")}
            gone.extend(told - there)

        play(str(after / "journal.db"), look)
    return gone


@pytest.mark.parametrize("workers", [1, 8])
def test_after_a_power_cut_every_intent_that_was_told_is_there(
    tmp_path: Path, workers: int
) -> None:
    async def main() -> list[Cut]:
        store, disk = opened(tmp_path, SqliteSession)
        cuts = await work(store, disk, random.Random(workers), workers)
        await store.close()
        return cuts

    assert lost(tmp_path, asyncio.run(main())) == []


def test_a_journal_that_never_waits_for_the_disk_loses_intents_here(tmp_path: Path) -> None:
    async def main() -> list[Cut]:
        store, disk = opened(tmp_path, Forgetful)
        await begin(store)
        for file in disk.files.values():
            file.sync()  # the run itself is there
        await win(store, intent())
        cuts: list[Cut] = [({"steps.Charge"}, disk.cut(None))]
        await store.close()
        return cuts

    assert lost(tmp_path, asyncio.run(main())) == ["steps.Charge"]


def test_each_intent_waits_for_the_disk_and_no_outcome_does(tmp_path: Path) -> None:
    async def main() -> None:
        store, disk = opened(tmp_path, SqliteSession)
        await begin(store)
        (log,) = (one for name, one in disk.files.items() if name.endswith("-wal"))
        for number in range(20):
            before = log.syncs
            won = await win(store, intent(f"steps.S{number}"))
            assert log.syncs > before
            assert log.pending == []
        disk_before, pages = disk.syncs(), log.syncs
        ended = await store.finalize(won.execution, won.epoch, Conclusion("succeeded"))
        assert ended == 1
        assert disk.syncs() - disk_before in (0, 2)  # two only where the log is taken in just then
        assert log.syncs - pages <= 1
        before = disk.syncs()
        wanted = (intent(f"steps.Many[{number}]") for number in range(64))
        answers = await asyncio.gather(*map(store.claim, wanted))
        assert all(isinstance(answer, Won) for answer in answers)
        # 64 at once: a commit or two, and the log taken in.
        assert 1 <= disk.syncs() - before <= 8
        await store.close()

    asyncio.run(main())

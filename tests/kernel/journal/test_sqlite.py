"""The SQLite file: what it is not, what stands in its way, and what each commit costs."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kernel.journal import Conclusion, Journal, JournalError, open_journal
from kernel.journal.migrations import NEWEST
from kernel.journal.sqlite import connect, prepare
from kernel.journal.store import Store
from kernel.journal.worker import Worker
from tests.support.journals import begin, intent, play, win

ROOT = Path(__file__).parents[3]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


async def fill(journal: Journal) -> None:
    await begin(journal)
    won = await win(journal, intent())
    await journal.finalize(won.execution, won.epoch, Conclusion("succeeded", "x" * 1000))


def refused(file: Path, busy: float = 0.2) -> str:
    with pytest.raises(JournalError) as refusal:
        play(str(file), fill, busy=busy)
    return str(refusal.value)


# What it is not


@pytest.mark.parametrize(
    "content",
    [b"kind: Run.Sequence\n" * 300, b"SQLite format 3\0" + b"\xff" * 5000, b"x"],
    ids=["text", "a torn header", "one byte"],
)
def test_a_file_that_is_no_database_is_refused_and_not_touched(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "journal.db"
    file.write_bytes(content)
    assert re.match(rf"the journal {file} (is not a journal$|is damaged: )", refused(file))
    assert file.read_bytes() == content
    assert os.listdir(tmp_path) == ["journal.db"]


def test_a_database_of_something_else_is_refused_and_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "app.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE orders (id)")
    before = file.read_bytes()
    assert refused(file) == f"{file} is a database of something else, not a journal"
    assert file.read_bytes() == before


def test_a_journal_of_a_newer_version_is_refused_and_not_touched(file: Path) -> None:
    play(str(file), fill)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE kernel_journal SET version = 99")
        connection.commit()
    before = {one.name: one.read_bytes() for one in file.parent.iterdir()}
    assert refused(file) == (
        f"the journal {file} has version 99, written by a newer kernel; "
        f"this one knows versions up to {NEWEST}"
    )
    assert {one.name: one.read_bytes() for one in file.parent.iterdir()} == before


def test_a_newer_journal_that_crashed_keeps_its_write_ahead_log(file: Path) -> None:
    play(str(file), fill)
    connection = sqlite3.connect(file)
    connection.execute("UPDATE kernel_journal SET version = 99")
    connection.commit()
    crashed = file.parent.parent / "crashed"
    shutil.copytree(file.parent, crashed)  # as a killed process leaves it, log and all
    connection.close()
    log = crashed / "journal.db-wal"
    before = log.read_bytes()
    assert before
    assert "has version 99" in refused(crashed / "journal.db")
    assert log.read_bytes() == before


def test_a_damaged_journal_is_said_to_be(file: Path) -> None:
    play(str(file), fill)
    content = bytearray(file.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    file.write_bytes(content)
    assert refused(file).startswith(f"the journal {file} is damaged: its pages do not hold ")


def test_many_that_open_a_new_file_at_once_make_it_once(file: Path) -> None:
    async def main() -> None:
        journals = await asyncio.gather(*(open_journal(file) for _ in range(8)))
        for number, journal in enumerate(journals):
            await begin(journal, f"r{number}")
        assert len(await journals[0].runs()) == 8
        for journal in journals:
            await journal.close()

    asyncio.run(main())


def test_nobody_else_may_read_it(file: Path) -> None:
    async def scene(journal: Journal) -> None:
        await fill(journal)
        for one in file.parent.iterdir():
            assert stat.S_IMODE(one.stat().st_mode) == 0o600, one

    play(str(file), scene)


# What stands in its way


def test_a_locked_journal_says_so_and_goes_on_when_it_is_free(file: Path) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(
                JournalError, match=f"the journal {file} is locked by another process"
            ):
                await journal.claim(intent())
            assert await journal.unresolved() == []  # reading goes on
            other.execute("ROLLBACK")
        await win(journal, intent())

    play(str(file), scene, busy=0.1)


def test_who_waits_for_a_lock_gets_it(file: Path) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            claim = asyncio.create_task(win(journal, intent()))
            await asyncio.sleep(0.2)
            assert not claim.done()
            other.execute("ROLLBACK")
            await claim

    play(str(file), scene)


def test_a_full_disk_says_so_loses_nothing_and_goes_on_when_there_is_room(file: Path) -> None:
    prepare(file, 1)
    session = connect(file, 1)
    writer = Worker(lambda: session, "writer")

    async def main() -> None:
        journal = Store(writer, writer, owner="me", clock=time.time_ns)
        await begin(journal)
        won = await win(journal, intent())
        ((pages,),) = session.rows("PRAGMA page_count")
        session.rows(f"PRAGMA max_page_count = {pages}")
        answers = await asyncio.gather(
            *(journal.claim(intent(f"steps.S{number}", inputs="x" * 5000)) for number in range(20)),
            journal.finalize(won.execution, won.epoch, Conclusion("succeeded", "x" * 10_000)),
            return_exceptions=True,
        )
        said = {str(answer) for answer in answers if isinstance(answer, JournalError)}
        assert said == {f"the journal {file} cannot be written, because the disk is full"}
        told = [answer for answer in answers if not isinstance(answer, Exception)]
        assert len(await journal.unresolved()) == 1 + len(told)
        session.rows("PRAGMA max_page_count = 1000000")
        await journal.finalize(won.execution, won.epoch, Conclusion("succeeded", "x" * 10_000))
        await win(journal, intent("steps.S19", inputs="x" * 5000))
        assert await journal.verify("r1") is None
        await journal.close()

    asyncio.run(main())


def test_a_request_that_cannot_be_done_does_not_undo_its_neighbours(file: Path) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        answers = await asyncio.gather(
            *(
                journal.claim(intent(f"steps.S{number}" + "\ud800" * (number == 7)))
                for number in range(20)
            ),
            return_exceptions=True,
        )
        assert [n for n, answer in enumerate(answers) if isinstance(answer, Exception)] == [7]
        assert isinstance(answers[7], JournalError)
        assert len(await journal.unresolved()) == 19

    play(str(file), scene)


def test_a_journal_that_is_removed_while_in_use_is_not_written_to_nowhere(file: Path) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        shutil.rmtree(file.parent)
        with pytest.raises(JournalError, match="was removed or replaced while in use"):
            await journal.claim(intent())

    play(str(file), scene)


def test_nor_is_an_outcome(file: Path) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        won = await win(journal, intent())
        shutil.rmtree(file.parent)
        for _ in range(2):
            with pytest.raises(JournalError, match="was removed or replaced while in use"):
                await journal.finalize(won.execution, won.epoch, Conclusion("succeeded"))

    play(str(file), scene)


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that another user can get into."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


OPEN = """
import asyncio, os, resource, sys
import concurrent.futures.thread, kernel.journal.sqlite
from kernel.journal import JournalError, NewRun, open_journal
async def main():
    if sys.argv[2] == "nobody" and os.geteuid() == 0:
        os.setuid(65534)
    try:
        journal = await open_journal(sys.argv[1])
        if sys.argv[2] != "nobody":
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
        for number in range(100):
            await journal.open_run(NewRun(f"r{number}", "Main", "digest", "x" * 1000))
    except JournalError as error:
        print(type(error).__name__, error)
asyncio.run(main())
"""


def opened_by(file: Path, how: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(file), how],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_journal_that_may_not_be_written_says_so(public: Path) -> None:
    file = public / "journal.db"
    play(str(file), fill)
    os.chmod(file, 0o444)
    os.chmod(public, 0o555)
    said = opened_by(file, "nobody")
    os.chmod(public, 0o755)
    assert said in (
        f"JournalError the journal {file} cannot be written",
        f"JournalError the journal {file} cannot be opened",
    )
    os.chmod(public, 0o555)
    said = opened_by(public / "state" / "journal.db", "nobody")
    os.chmod(public, 0o755)
    assert said.startswith("JournalError")
    assert "this user has no right to" in said


def test_a_disk_that_fails_while_it_writes_says_so_and_keeps_what_was_told(public: Path) -> None:
    file = public / "journal.db"
    play(str(file), fill)
    said = opened_by(file, str(40_000))
    assert said.startswith((f"JournalError the journal {file}", f"Unsure the journal {file}"))
    assert "because the disk reports an error" in said

    async def scene(journal: Journal) -> None:
        assert await journal.verify("r1") is None
        assert await journal.run("r0") is not None

    play(str(file), scene)


# What a commit costs


def test_what_is_to_outlive_a_power_cut_is_committed_in_full_and_in_groups(file: Path) -> None:
    prepare(file, 1)
    session = connect(file, 1)
    seen: list[str] = []
    session._connection.set_trace_callback(seen.append)
    writer = Worker(lambda: session, "writer")

    def commits() -> list[str]:
        """For each commit since the last look, the level that it was made at."""
        made = [str(session._mode) for one in seen if one == "COMMIT"]
        seen.clear()
        return made

    async def main() -> None:
        journal = Store(writer, writer, owner="me", clock=time.time_ns)
        levels = {"durable": 2, "lasting": 1}

        async def level() -> str:
            ((found,),) = await writer.do(lambda s: s.rows("PRAGMA synchronous"), "read")
            return next(name for name, number in levels.items() if number == found)

        lease = await begin(journal)
        assert (commits(), await level()) == (["durable"], "durable")
        seen.clear()
        won = await win(journal, intent())
        assert (commits(), await level()) == (["durable"], "durable")
        seen.clear()
        await journal.finalize(won.execution, won.epoch, Conclusion("unknown"))
        assert (commits(), await level()) == (["lasting"], "lasting")
        seen.clear()
        await journal.resolve(won.execution, True, "ann")
        assert (commits(), await level()) == (["durable"], "durable")
        seen.clear()
        await journal.record(intent("steps.I", safety="idempotent"), Conclusion("succeeded"))
        await journal.claim(intent("steps.J", safety="idempotent"))
        await journal.heartbeat(lease)
        assert (commits(), await level()) == (["lasting"] * 3, "lasting")
        seen.clear()
        await asyncio.gather(*(win(journal, intent(f"steps.S{n}")) for n in range(64)))
        assert len(commits()) <= 3
        await journal.close()

    asyncio.run(main())

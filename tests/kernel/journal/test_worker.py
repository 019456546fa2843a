"""Who does what is asked of the journal: the caller's own thread, or the one that waits."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from kernel.journal import JournalError
from kernel.journal.session import Session
from kernel.journal.sqlite import connect, prepare
from kernel.journal.worker import Worker

WRITE = "INSERT INTO kernel_contents (digest, content) VALUES (?, 'x')"


@pytest.fixture
def writer(tmp_path: Path) -> Worker:
    prepare(tmp_path / "journal.db", 1)
    return Worker(partial(connect, tmp_path / "journal.db", 2.0), "writer")


def written(number: int, session: Session) -> int:
    """Write a row; the thread that did it."""
    session.change(WRITE, (str(number),))
    return threading.get_ident()


@pytest.mark.parametrize(("seconds", "is_quick"), [(0.0, False), (60.0, True)])
def test_what_is_asked_alone_is_done_here_if_the_disk_is_quick(
    writer: Worker, seconds: float, is_quick: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel.journal.sqlite._QUICK_COMMIT_SECONDS", seconds)

    async def main() -> None:
        own = threading.get_ident()
        assert await writer.do(partial(written, 0), "durable") != own
        assert await writer.do(partial(written, 1), "lasting") == own
        assert (await writer.do(partial(written, 2), "durable") == own) is is_quick
        await writer.close()

    asyncio.run(main())


def test_what_many_ask_at_once_is_done_together(writer: Worker) -> None:
    async def main() -> None:
        await writer.do(partial(written, 0), "durable")
        asked = [writer.do(partial(written, number), "lasting") for number in range(1, 50)]
        threads = set(await asyncio.gather(*asked))
        assert len(threads) <= 2
        assert await writer.do(partial(written, 50), "lasting") != threading.get_ident()
        await writer.close()

    asyncio.run(main())


def test_another_process_that_writes_is_not_waited_for_here(writer: Worker, tmp_path: Path) -> None:
    async def main() -> None:
        await writer.do(partial(written, 0), "durable")
        with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            asked = asyncio.ensure_future(writer.do(partial(written, 1), "lasting"))
            await asyncio.sleep(0.05)
            assert time.monotonic() - began < 1
            other.execute("ROLLBACK")
        assert await asked != threading.get_ident()
        await writer.close()

    asyncio.run(main())


def test_a_request_that_fails_here_is_explained_and_undone(writer: Worker) -> None:
    async def main() -> None:
        await writer.do(partial(written, 0), "durable")

        def twice(session: Session) -> None:
            written(1, session)
            written(1, session)

        with pytest.raises(JournalError, match="UNIQUE"):
            await writer.do(twice, "lasting")
        await writer.do(partial(written, 1), "lasting")
        await writer.close()
        with pytest.raises(JournalError, match="closed"):
            await writer.do(partial(written, 2), "lasting")

    asyncio.run(main())


def test_the_log_does_not_grow_without_end(writer: Worker, tmp_path: Path) -> None:
    async def main() -> int:
        await writer.do(partial(written, -1), "durable")
        for number in range(8000):
            await writer.do(partial(written, number), "lasting")
        size = (tmp_path / "journal.db-wal").stat().st_size
        await writer.close()
        return size

    assert asyncio.run(main()) < 20 * 2**20  # of 70 that are written

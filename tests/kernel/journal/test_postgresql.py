"""What is particular to PostgreSQL: lost connections, transactions that stand still, versions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from kernel.journal import Conclusion, Journal, JournalError, open_journal
from kernel.journal.postgresql import connect
from kernel.journal.runs import check_held
from tests.support.journals import begin, by_hand, intent, play, schema, win


@pytest.fixture
def database() -> Iterator[str]:
    with schema() as address:
        yield address


def test_a_lost_connection_is_told_and_the_next_request_has_another(database: str) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        won = await win(journal, intent())
        by_hand(
            database,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND query LIKE '%COMMIT%' AND datname = current_database()"
            f" AND pid IN (SELECT pid FROM pg_stat_activity WHERE application_name = '{NAME}')",
        )
        with pytest.raises(JournalError, match="the journal postgresql://"):
            await journal.finalize(won.execution, won.epoch, Conclusion("succeeded"))
        await journal.finalize(won.execution, won.epoch, Conclusion("succeeded"))

    play(f"{database}&application_name={NAME}", scene)


NAME = "journal_that_loses_its_connection"


def test_a_process_that_stands_still_in_a_transaction_holds_nobody_up_for_long(
    database: str,
) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        still = connect(database, 1)
        still.begin("durable")
        check_held(still, "r1", 1)
        async with asyncio.timeout(10):
            await win(journal, intent())
        with pytest.raises(Exception, match=r"terminating connection|closed"):
            still.commit()
        still.close()

    play(database, scene)


def test_who_waits_too_long_is_told(database: str) -> None:
    async def scene(journal: Journal) -> None:
        await begin(journal)
        holder = connect(database, 60)
        holder.begin("durable")
        check_held(holder, "r1", 1)
        with pytest.raises(JournalError, match="lock timeout"):
            await journal.claim(intent())
        holder.rollback()
        holder.close()
        await win(journal, intent())

    play(database, scene, busy=0.2)


def test_a_journal_of_a_newer_version_is_refused(database: str) -> None:
    play(database, begin)
    by_hand(database, "UPDATE kernel_journal SET version = 99")
    with pytest.raises(JournalError, match="has version 99, written by a newer kernel"):
        play(database, begin)


def test_many_that_open_it_at_once_make_it_once(database: str) -> None:
    async def main() -> None:
        journals = await asyncio.gather(*(open_journal(database) for _ in range(6)))
        for journal in journals:
            await journal.close()

    asyncio.run(main())
    assert by_hand(database, "SELECT count(*) FROM kernel_journal") == [(1,)]


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    address = "postgresql://someone:sesame@127.0.0.1:1/orders"
    with pytest.raises(JournalError) as refusal:
        play(address, begin)
    assert str(refusal.value).startswith("the journal postgresql://127.0.0.1/orders failed:")
    assert "sesame" not in str(refusal.value)


def test_only_what_is_to_outlive_a_crash_of_the_server_waits_for_its_disk(database: str) -> None:
    session = connect(database, 1)
    levels = {}
    for mode in ("lasting", "durable"):
        session.begin(mode)  # type: ignore[arg-type]
        ((levels[mode],),) = session.rows("SHOW synchronous_commit")
        session.commit()
    session.close()
    assert levels == {"lasting": "off", "durable": "on"}

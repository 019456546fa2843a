"""What a call leaves in the session of its connection is gone for the next call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from definitions.sql.connection import Connection
from definitions.sql.exec import Exec
from definitions.sql.query import Query
from definitions.sql.transaction import Transaction
from kernel import Failure
from tests.definitions.support.databases import database

TEMPORARY = "CREATE TEMPORARY TABLE kept AS SELECT 1 AS x"


class Database:
    """A connection whose calls outside of transactions share one session."""

    def __init__(self, url: str) -> None:
        self.connection = Connection({"url": url, "connections": 2})
        self.connection.provide()

    async def query(self, sql: str) -> Any:
        """The first column of the first row."""
        answer = await Query({"connection": self.connection}).invoke({"sql": sql})
        return next(iter(answer["rows"][0].values()))

    async def exec(self, sql: str) -> Any:
        return await Exec({"connection": self.connection}).invoke({"sql": sql})

    async def transaction(self, do: Callable[[], Awaitable[Any]]) -> Any:
        class Site:
            async def invoke(self, bindings: Any) -> Any:
                return await do()

        return await Transaction({"connection": self.connection, "do": Site()}).invoke({})


@pytest.fixture
def postgresql(tmp_path: Path) -> Iterator[Database]:
    with database("postgresql", tmp_path) as url:
        db = Database(url)
        yield db
        db.connection.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    db = Database(f"sqlite:///{tmp_path}/x.db")
    yield db
    db.connection.close()


@pytest.mark.parametrize(
    ("leave", "look"),
    [
        ("SET work_mem = '77MB'", "SHOW work_mem"),
        (
            "SELECT set_config('my.own', 'x', false)",
            "SELECT nullif(current_setting('my.own', true), '')",
        ),
        ("SET TIME ZONE 'Asia/Kolkata'", "SHOW timezone"),
        ("SET datestyle = German", "SELECT date '2026-01-31'"),
        ("SET search_path = pg_catalog", "SHOW search_path"),
        ("SET ROLE pg_monitor", "SELECT current_user"),
        ("SET SESSION AUTHORIZATION pg_monitor", "SELECT session_user"),
        ("SET statement_timeout = 1", "SHOW statement_timeout"),
        ("SET default_transaction_read_only = on", "SHOW default_transaction_read_only"),
        ("SELECT pg_advisory_lock(7)", "SELECT count(*) FROM pg_locks WHERE objid = 7"),
        (TEMPORARY, "SELECT count(*) FROM pg_class WHERE relname = 'kept'"),
        ("LISTEN kept", "SELECT count(*) FROM pg_listening_channels()"),
        (
            "DO $$ BEGIN EXECUTE 'PREPARE kept AS SELECT 1'; END $$",
            "SELECT count(*) FROM pg_prepared_statements",
        ),
        (
            "DECLARE kept CURSOR WITH HOLD FOR SELECT 1",
            "SELECT count(*) FROM pg_cursors WHERE name = 'kept'",
        ),
    ],
)
def test_nothing_stays_in_a_session_of_postgresql(
    postgresql: Database, leave: str, look: str
) -> None:
    async def main() -> None:
        before = await postgresql.query(look)
        session = await postgresql.query("SELECT pg_backend_pid()")
        await postgresql.exec(leave)
        assert await postgresql.query(look) == before
        if "statement_timeout" not in leave:  # which the clean-up itself may meet
            assert await postgresql.query("SELECT pg_backend_pid()") == session

    asyncio.run(main())


@pytest.mark.parametrize(
    ("leave", "look"),
    [
        ("PRAGMA foreign_keys = OFF", "SELECT foreign_keys FROM pragma_foreign_keys"),
        ("PRAGMA query_only = ON", "SELECT query_only FROM pragma_query_only"),
        ("EXPLAIN PRAGMA foreign_keys = OFF", "SELECT foreign_keys FROM pragma_foreign_keys"),
        (TEMPORARY, "SELECT count(*) FROM sqlite_temp_master"),
        ("CREATE TABLE temp.kept (x)", "SELECT count(*) FROM sqlite_temp_master"),
        ("ATTACH ':memory:' AS other", "SELECT count(*) FROM pragma_database_list"),
    ],
)
def test_nothing_stays_in_a_connection_of_sqlite(sqlite: Database, leave: str, look: str) -> None:
    async def main() -> None:
        before = await sqlite.query(look)
        await sqlite.exec(leave)
        assert await sqlite.query(look) == before

    asyncio.run(main())


def test_a_transaction_is_one_call(postgresql: Database, sqlite: Database) -> None:
    async def main() -> None:
        for db in (postgresql, sqlite):

            async def work(db: Database = db) -> int:
                await db.exec(TEMPORARY)
                return int(await db.query("SELECT count(*) FROM kept"))

            assert await db.transaction(work) == 1

            async def look(db: Database = db) -> str | int | None:
                with pytest.raises(Failure) as caught:
                    await db.query("SELECT count(*) FROM kept")
                return caught.value.code

            assert await db.transaction(look) == "SYNTAX"

    asyncio.run(main())


def test_a_failed_call_leaves_nothing_either(postgresql: Database) -> None:
    async def main() -> None:
        with pytest.raises(Failure):
            await postgresql.exec("SELECT pg_advisory_lock(7), 1 / 0")
        with pytest.raises(Failure):
            await postgresql.exec("SELECT set_config('my.own', 'x', false), 1 / 0")
        assert await postgresql.query("SELECT count(*) FROM pg_locks WHERE objid = 7") == 0

    asyncio.run(main())


def test_a_connection_that_is_lost_is_replaced(
    postgresql: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async def lost(do: Awaitable[Any]) -> str | int | None:
        with pytest.raises(Failure) as caught:
            await do
        return caught.value.code

    async def main() -> None:
        leave = "SELECT pg_terminate_backend(pg_backend_pid())"
        assert await lost(postgresql.exec(leave)) == "UNAVAILABLE"
        assert await postgresql.query("SELECT 1") == 1
        assert await lost(postgresql.transaction(lambda: postgresql.exec(leave))) == "UNAVAILABLE"
        assert await postgresql.transaction(lambda: postgresql.query("SELECT 1")) == 1

    asyncio.run(main())
    assert not [one for one in caplog.records if one.levelname == "ERROR"]

"""Sql.Connection, Query, Exec and Transaction on both databases."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from definitions.sql.connection import Connection
from definitions.sql.exec import Exec
from definitions.sql.query import Query
from definitions.sql.transaction import Transaction
from kernel import Failure
from tests.definitions.support.databases import database
from tests.support.properties import examples

TABLE = "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL)"
SLOW = {
    "sqlite": "WITH RECURSIVE c AS (SELECT 1 AS x UNION ALL SELECT 1 FROM c) SELECT max(x) FROM c",
    "postgresql": "SELECT pg_sleep(60)",
}


class Database:
    """One connection, and short ways to use it."""

    def __init__(self, url: str, dialect: str, **fields: Any) -> None:
        self.url = url
        self.dialect = dialect
        self.connection = Connection({"url": url, "setup": [TABLE], **fields})
        assert self.connection.provide() == {"dialect": dialect}

    def query(self, sql: str, bindings: Any = (), **fields: Any) -> Awaitable[dict[str, Any]]:
        query = Query({"connection": self.connection, **fields})
        return query.invoke({"sql": sql, "bindings": bindings})

    def exec(self, sql: str, bindings: Any = (), **fields: Any) -> Awaitable[dict[str, Any]]:
        return Exec({"connection": self.connection, **fields}).invoke(
            {"sql": sql, "bindings": bindings}
        )

    async def insert(self, *names: str) -> None:
        for name in names:
            await self.exec("INSERT INTO t (id, name) VALUES (?, ?)", [hash(name) % 10**6, name])

    async def transaction(self, do: Callable[[], Awaitable[Any]], **inputs: Any) -> Any:
        class Site:
            async def invoke(self, bindings: Any) -> Any:
                assert bindings == {"inputs": inputs}
                return await do()

        return await Transaction({"connection": self.connection, "do": Site()}).invoke(inputs)

    async def names(self) -> list[str]:
        rows = (await self.query("SELECT name FROM t ORDER BY name"))["rows"]
        return [row["name"] for row in rows]


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with database(request.param, tmp_path) as url:
        made = Database(url, request.param)
        yield made
        made.connection.close()


def run(coroutine: Awaitable[Any]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(20):
            return await coroutine

    return asyncio.run(bounded())


async def failure(coroutine: Awaitable[Any]) -> Failure:
    with pytest.raises(Failure) as caught:
        await coroutine
    return caught.value


def test_write_and_read(db: Database) -> None:
    async def main() -> None:
        written = await db.exec(
            "INSERT INTO t (id, name) VALUES (:id, :name)", {"id": 7, "name": "a"}
        )
        assert written == {"count": 1, "lastId": 7 if db.dialect == "sqlite" else None, "rows": []}
        returned = await db.exec("INSERT INTO t (id, name) VALUES (?, ?) RETURNING id", [8, "b"])
        assert (returned["rows"], returned["count"]) == ([{"id": 8}], 1)
        assert (await db.exec("UPDATE t SET name = name || '!'"))["count"] == 2
        read = await db.query("SELECT * FROM t WHERE id > ? ORDER BY id", [7])
        assert read == {"rows": [{"id": 8, "name": "b!"}], "count": 1}
        assert (await db.query("SELECT 1 AS x WHERE 1 = 0")) == {"rows": [], "count": 0}

    run(main())


def test_the_statement_stands_on_the_resource_or_in_the_call(db: Database) -> None:
    async def main() -> None:
        query = Query({"connection": db.connection, "sql": "SELECT ? || 'x' AS y"})
        assert (await query.invoke({"bindings": ["a"]}))["rows"] == [{"y": "ax"}]
        assert (await failure(query.invoke({"sql": "SELECT 1"}))).code == "SYNTAX"
        assert (await failure(Query({"connection": db.connection}).invoke({}))).code == "SYNTAX"

    run(main())


@examples(40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_values_are_bound_and_never_pasted(db: Database, value: str) -> None:
    async def main() -> None:
        sql = "SELECT CAST({} AS TEXT) AS v"
        assert (await db.query(sql.format("?"), [value]))["rows"] == [{"v": value}]
        assert (await db.query(sql.format(":v"), {"v": value}))["rows"] == [{"v": value}]

    run(main())


def test_percent_signs_and_colons(db: Database) -> None:
    async def main() -> None:
        row = (await db.query("SELECT '100%' AS a, 7 % 4 AS b, ':x ?' AS c", {}))["rows"][0]
        assert row == {"a": "100%", "b": 3, "c": ":x ?"}

    run(main())


def test_a_query_cannot_write(db: Database) -> None:
    async def main() -> None:
        for sql in (
            "DELETE FROM t",
            "WITH x AS (INSERT INTO t (id, name) VALUES (1, 'x') RETURNING id) SELECT * FROM x"
            if db.dialect == "postgresql"
            else "WITH x(a) AS (SELECT 1) INSERT INTO t (id, name) SELECT a, 'x' FROM x",
        ):
            assert (await failure(db.query(sql))).code in ("READ_ONLY", "SYNTAX")
            await db.transaction(lambda sql=sql: failure(db.query(sql)))
        await db.insert("after")
        assert await db.names() == ["after"]

    run(main())


def test_reading_in_a_transaction_leaves_it_writable(db: Database) -> None:
    async def work() -> None:
        assert await db.names() == []
        await db.insert("a")
        assert await db.names() == ["a"]
        await db.insert("b")

    async def main() -> None:
        await db.transaction(work)
        assert await db.names() == ["a", "b"]

    run(main())


@pytest.mark.parametrize(
    ("sql", "bindings", "code"),
    [
        ("INSERT INTO t (id, name) VALUES (1, 'taken')", [], "UNIQUE_VIOLATION"),
        ("INSERT INTO t (id, name) VALUES (2, ?)", [None], "NOT_NULL_VIOLATION"),
        ("INSERT INTO c (v) VALUES (-1)", [], "CHECK_VIOLATION"),
        ("INSERT INTO c (v, t) VALUES (1, 99)", [], "FOREIGN_KEY_VIOLATION"),
        ("INSERT INTO nowhere VALUES (1)", [], "SYNTAX"),
        ("INSERT INTO", [], "SYNTAX"),
        ("INSERT INTO t (id, name) VALUES (3, 'x'); DELETE FROM t", [], "SEVERAL_STATEMENTS"),
        ("COMMIT", [], "TRANSACTION_CONTROL"),
    ],
)
def test_errors_have_codes(db: Database, sql: str, bindings: Any, code: str) -> None:
    async def main() -> None:
        await db.exec("INSERT INTO t (id, name) VALUES (1, 'taken')")
        await db.exec("CREATE TABLE c (v INTEGER CHECK (v > 0), t INTEGER REFERENCES t (id))")
        error = await failure(db.exec(sql, bindings))
        assert (error.code, error.outcome) == (code, "failed")
        assert "taken" not in error.message
        assert await db.names() == ["taken"]

    run(main())


def test_a_failure_names_the_constraint_on_postgresql(tmp_path: Path) -> None:
    with database("postgresql", tmp_path) as url:
        db = Database(url, "postgresql")
        error = run(failure(db.exec("INSERT INTO t (id, name) VALUES (1, NULL)")))
        assert error.data == {"sqlstate": "23502", "table": "t"}
        error = run(failure(db.query("SELECT CAST(? AS int)", ["x"])))
        assert error.code == "DATA"
        error = run(failure(db.query("SELECT CAST(? AS text)", ["\0"])))
        assert error.code == "DATA"
        db.connection.close()


def test_values_that_cannot_be_bound(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path}/x.db", "sqlite")
    assert run(failure(db.query("SELECT ?", [2**64]))).code == "BINDINGS"
    assert run(failure(db.query("SELECT ?1, ?2", []))).code == "BINDINGS"
    db.connection.close()


def test_rows_are_limited(db: Database) -> None:
    many = (
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 1000000) "
        "SELECT x FROM c"
    )

    async def main() -> None:
        assert (await failure(db.query(many))).code == "TOO_MANY_ROWS"
        assert (await db.query(many + " LIMIT 5", maxRows=5))["count"] == 5
        insert = "INSERT INTO t (id, name) VALUES (1, 'a'), (2, 'b') RETURNING id"
        assert (await failure(db.exec(insert, maxRows=1))).code == "TOO_MANY_ROWS"
        assert await db.names() == []
        twice = await failure(db.query("SELECT 1 AS a, 2 AS a, 3 AS b"))
        assert (twice.code, "named a:" in twice.message) == ("DUPLICATE_COLUMN", True)

    run(main())


def test_json_values_on_sqlite(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path}/x.db", "sqlite")
    sql = "SELECT ? AS b, ? AS f, x'00ff' AS x, NULL AS n, ? AS l, 9e999 AS i"
    row = run(db.query(sql, [True, 1.5, [1, {"a": "ä"}]]))["rows"][0]
    assert row == {
        "b": 1,
        "f": 1.5,
        "x": "AP8=",
        "n": None,
        "l": '[1, {"a": "ä"}]',
        "i": "Infinity",
    }
    assert run(db.query("SELECT value FROM json_each(?)", [[1, 2]]))["count"] == 2
    db.connection.close()


def test_json_values_on_postgresql(tmp_path: Path) -> None:
    with database("postgresql", tmp_path) as url:
        db = Database(url, "postgresql")
        sql = """
            SELECT DATE '2026-01-31' AS d, TIME '10:00' AS t, TIMESTAMP '2026-01-31 10:00' AS ts,
              TIMESTAMPTZ '2026-01-31 10:00Z' AT TIME ZONE 'UTC' AS naive,
              INTERVAL '1 hour 1.5 second' AS i, INTERVAL '-1 second' AS minus, 1.10::numeric AS n,
              'a'::bytea AS b, ARRAY[1, NULL] AS a, '{"x": [1.5]}'::jsonb AS j, 'NaN'::float8 nan,
              '12345678-1234-5678-1234-567812345678'::uuid AS u, '10.0.0.1'::inet AS ip,
              int4range(1, 3) AS r, true AS yes, 9007199254740993 AS big,
              :obj AS obj, :list::int[] = ARRAY[1, 2] AS arr, 2 = ANY(:list) AS has, :mixed AS mixed
        """
        bindings = {"obj": {"a": 1}, "list": [1, 2], "mixed": [1, "a"]}
        assert run(db.query(sql, bindings))["rows"][0] == {
            "d": "2026-01-31", "t": "10:00:00", "ts": "2026-01-31T10:00:00",
            "naive": "2026-01-31T10:00:00", "i": "3601.5s", "minus": "-1s", "n": "1.10",
            "b": "YQ==", "a": [1, None], "j": {"x": [1.5]}, "nan": "NaN",
            "u": "12345678-1234-5678-1234-567812345678", "ip": "10.0.0.1", "r": "[1,3)",
            "yes": True, "big": 9007199254740993, "obj": {"a": 1}, "arr": True, "has": True,
            "mixed": [1, "a"],
        }  # fmt: skip
        assert run(db.query("SHOW server_version_num"))["count"] == 1
        assert run(db.query("EXPLAIN SELECT 1"))["count"] >= 1
        db.connection.close()


def test_a_transaction_commits_or_rolls_back_as_one(db: Database) -> None:
    async def fails() -> None:
        await db.insert("b", "c")
        raise ValueError("after two")

    async def main() -> None:
        async def works() -> str:
            await db.insert("a")
            return "result"

        assert await db.transaction(works, x=1) == "result"
        with pytest.raises(ValueError, match="after two"):
            await db.transaction(fails)
        assert await db.names() == ["a"]

    run(main())


def test_a_failed_statement_undoes_itself_alone(db: Database) -> None:
    async def work() -> None:
        await db.insert("a")
        assert (await failure(db.insert("a"))).code == "UNIQUE_VIOLATION"
        assert (await failure(db.query("SELECT nothing"))).code == "SYNTAX"
        await db.insert("b")

    async def main() -> None:
        await db.transaction(work)
        assert await db.names() == ["a", "b"]

    run(main())


def test_nested_is_a_savepoint(db: Database) -> None:
    async def inner() -> None:
        await db.insert("inner")
        raise ValueError("inner")

    async def work() -> None:
        await db.insert("a")
        with pytest.raises(ValueError, match="inner"):
            await db.transaction(inner)
        await db.transaction(lambda: db.insert("b"))

    async def main() -> None:
        await db.transaction(work)
        assert await db.names() == ["a", "b"]

    run(main())


def test_tasks_in_a_transaction_join_it(db: Database) -> None:
    async def branch(name: str, fail: bool) -> None:
        async def work() -> None:
            await db.insert(name)
            await asyncio.sleep(0.01)
            if fail:
                raise ValueError(name)

        try:
            await db.transaction(work)
        except ValueError:
            return

    async def work() -> None:
        await asyncio.gather(*(branch(f"n{number}", number % 2 == 0) for number in range(6)))
        await asyncio.gather(*(db.insert(f"p{number}") for number in range(4)))

    async def main() -> None:
        await db.transaction(work)
        assert await db.names() == ["n1", "n3", "n5", "p0", "p1", "p2", "p3"]

    run(main())


def test_outside_sees_nothing_before_the_commit(db: Database) -> None:
    async def main() -> None:
        inside, go = asyncio.Event(), asyncio.Event()

        async def work() -> None:
            await db.insert("a")
            inside.set()
            await go.wait()

        task = asyncio.create_task(db.transaction(work))
        await inside.wait()
        assert await db.names() == []
        go.set()
        await task
        assert await db.names() == ["a"]

    run(main())


def test_a_task_that_outlives_its_transaction_is_told(db: Database) -> None:
    async def main() -> None:
        go = asyncio.Event()
        stray: list[asyncio.Task[Failure]] = []

        async def late() -> Failure:
            await go.wait()
            return await failure(db.insert("late"))

        async def work() -> None:
            stray.append(asyncio.create_task(late()))

        await db.transaction(work)
        go.set()
        assert (await stray[0]).code == "TRANSACTION_ENDED"
        assert await db.names() == []

    run(main())


def test_cancellation_rolls_back(db: Database) -> None:
    async def main() -> None:
        async def work() -> None:
            await db.insert("a")
            await db.query(SLOW[db.dialect])

        for coroutine in (db.transaction(work), db.query(SLOW[db.dialect])):
            task = asyncio.create_task(coroutine)  # type: ignore[arg-type]
            await asyncio.sleep(0.3)
            began = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert time.monotonic() - began < 3
        assert await db.names() == []
        await db.insert("after")

    run(main())


def test_many_at_once(db: Database) -> None:
    async def main() -> None:
        async def pair(number: int) -> None:
            await db.insert(f"{number:02}a", f"{number:02}b")

        work: list[Coroutine[Any, Any, Any]] = []
        for number in range(20):
            work.append(db.transaction(lambda number=number: pair(number)))
            work.append(db.insert(f"{number:02}c"))
            work.append(db.names())
        await asyncio.gather(*work)
        assert len(await db.names()) == 60

    run(main())


def test_setup_at_once_from_several_programs(db: Database) -> None:
    setup = ["CREATE TABLE IF NOT EXISTS s (id INTEGER)", "INSERT INTO s VALUES (1)"]
    connections = [Connection({"url": db.url, "setup": setup}) for _ in range(4)]
    threads = [threading.Thread(target=connection.provide) for connection in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert run(db.query("SELECT * FROM s"))["count"] == 4
    for connection in connections:
        connection.close()


def test_setup_is_all_or_nothing(db: Database) -> None:
    bad = Connection(
        {"url": db.url, "setup": ["INSERT INTO t (id, name) VALUES (1, 'a')", "nonsense"]}
    )
    with pytest.raises(Failure) as caught:
        bad.provide()
    assert caught.value.code == "SYNTAX"
    bad.close()
    assert run(db.names()) == []


def test_sqlite_busy_is_retryable_and_had_no_effect(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path}/x.db", "sqlite", busyTimeout=50)
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    error = run(failure(db.insert("a")))
    assert (error.code, error.outcome) == ("BUSY", "failed")
    assert run(db.names()) == []
    other.close()
    db.connection.close()


def test_an_sqlite_file_is_set_up_for_concurrency(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path}/x.db", "sqlite")
    pragmas = "SELECT * FROM pragma_journal_mode, pragma_foreign_keys"
    assert run(db.query(pragmas))["rows"] == [{"journal_mode": "wal", "foreign_keys": 1}]
    db.connection.close()


def test_a_database_of_its_own() -> None:
    for url in ("sqlite://", "sqlite:///:memory:"):
        db = Database(url, "sqlite")
        run(db.insert("a"))
        assert run(db.names()) == ["a"]
        db.connection.close()
    db = Database("sqlite://", "sqlite")
    assert run(db.names()) == []
    db.connection.close()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("mysql://x:secret@y/z", "UNSUPPORTED"),
        ("secret", "UNSUPPORTED"),
        ("sqlite:////no/such/folder/secret.db", "UNAVAILABLE"),
        ("postgresql://x:secret@127.0.0.1:1/y", "UNAVAILABLE"),
    ],
)
def test_databases_that_are_not_there(url: str, code: str) -> None:
    with pytest.raises(Failure) as caught:
        Connection({"url": url}).provide()
    assert caught.value.code == code
    assert "secret" not in str(caught.value)


def test_a_lost_connection_is_found_and_replaced(tmp_path: Path) -> None:
    with database("postgresql", tmp_path) as url:
        db = Database(url, "postgresql")
        kill = "SELECT pg_terminate_backend(pg_backend_pid())"
        error = run(failure(db.exec(kill)))
        assert (error.code, error.outcome) == ("UNAVAILABLE", "failed")
        run(db.insert("a"))
        assert run(db.names()) == ["a"]
        db.connection.close()


def test_an_sqlite_file_is_relative_to_the_manifest(tmp_path: Path) -> None:
    for url in ("sqlite:///a.db", f"sqlite:///{tmp_path}/b.db"):
        connection = Connection({"url": url}, tmp_path)
        connection.provide()
        connection.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.db", "b.db"]


def test_a_file_that_cannot_be_written_can_be_read(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path}/x.db", "sqlite")
    run(db.insert("a"))
    db.connection.close()
    url = f"sqlite:///file:{tmp_path}/x.db?mode=ro&uri=true"
    for fields, code in (({}, "READ_ONLY"), ({"setup": ["CREATE TABLE u (a)"]}, "READ_ONLY")):
        connection = Connection({"url": url, **fields})
        query = Query({"connection": connection, "sql": "SELECT name FROM t"})
        assert run(query.invoke({}))["rows"] == [{"name": "a"}]
        insert = Exec({"connection": connection, "sql": "DELETE FROM t"})
        assert run(failure(insert.invoke({}))).code == code
        if fields:
            with pytest.raises(Failure) as caught:
                connection.provide()
            assert caught.value.code == code
        connection.close()


def test_a_cancelled_beginning_gives_its_connection_back(tmp_path: Path) -> None:
    """With two connections, one for transactions: a leak would leave none for the last."""
    db = Database(f"sqlite:///{tmp_path}/x.db", "sqlite", connections=2)

    async def main() -> None:
        async def work() -> None:
            await db.insert("never")
            await asyncio.sleep(60)

        for pause in (0, 0, 0.001, 0.002, 0.005, 0.01):
            task = asyncio.create_task(db.transaction(work))
            await asyncio.sleep(pause)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await db.transaction(lambda: db.insert("last"))
        assert await db.names() == ["last"]

    run(main())
    db.connection.close()


Program = list[Any]
"""Numbers are inserted; ``(program, fails)`` is a transaction in which a program runs."""

programs: st.SearchStrategy[Program] = st.recursive(
    st.lists(st.integers(0, 9), max_size=4),
    lambda inner: st.lists(st.integers(0, 9) | st.tuples(inner, st.booleans()), max_size=5),
    max_leaves=12,
)


class Undone(Exception):
    """What makes a transaction of a program fail."""


def expected(program: Program, rows: frozenset[int]) -> frozenset[int]:
    """The law: a transaction that fails leaves nothing, a statement that fails only itself."""
    for step in program:
        if isinstance(step, int):
            rows |= {step}
        elif not step[1]:
            rows = expected(step[0], rows)
    return rows


async def performed(db: Database, program: Program) -> None:
    for step in program:
        if isinstance(step, int):
            with suppress(Failure):
                await db.exec("INSERT INTO t (id, name) VALUES (?, ?)", [step, str(step)])
            continue

        async def work(inner: Program = step[0], fails: bool = step[1]) -> None:
            await performed(db, inner)
            if fails:
                raise Undone

        with suppress(Undone):
            await db.transaction(work)


@examples(60, suppress_health_check=list(HealthCheck))
@given(programs)
def test_transactions_nest_by_the_law(db: Database, program: Program) -> None:
    async def main() -> None:
        await db.exec("DELETE FROM t")
        await performed(db, program)
        rows = (await db.query("SELECT id FROM t"))["rows"]
        assert {row["id"] for row in rows} == expected(program, frozenset())

    run(main())

"""A database behind a URL: how its connections are opened, and how they begin.

SQLite: write-ahead log, foreign keys on, a busy timeout; what writes begins IMMEDIATE, so that it
waits for its turn in the beginning and not in the middle. PostgreSQL: psycopg 3.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from definitions.extras import require
from definitions.failures import failed
from kernel import Failure

from .pg_binding import adapters
from .statement import Dialect

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

# libpq finds a peer that is gone within a minute, where the system's default is two hours.
PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
# What a call leaves in its session is gone for the next one: settings, role, locks, temporary
# tables, cursors, notifications. DISCARD ALL would be the same, and cannot be sent with the rest,
# which pins the forms of texts that `pg_reading.py` reads, whatever the server's defaults are.
FRESH_SESSION = """
    CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; DEALLOCATE ALL; UNLISTEN *;
    SELECT pg_advisory_unlock_all(); DISCARD PLANS; DISCARD TEMP; DISCARD SEQUENCES;
    SET datestyle TO ISO; SET intervalstyle TO postgres; SET extra_float_digits TO 1
"""
# Of these SQLite keeps nothing for the next statement; a PRAGMA, ATTACH or CREATE TEMP TABLE stays.
SESSIONLESS = {"SELECT", "WITH", "VALUES", "INSERT", "REPLACE", "UPDATE", "DELETE"}
DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}


def parsed(url: str) -> URL:
    """The URL with the driver that is used; raises ``Failure`` ``UNSUPPORTED``."""
    sqlalchemy: Any = require("sqlalchemy", "sql")
    try:
        address: URL = sqlalchemy.make_url(url)
    except sqlalchemy.exc.ArgumentError:
        # The text of that error repeats the URL, which may hold a password.
        raise _unsupported("the URL cannot be read") from None
    name = address.get_backend_name()
    if name not in DRIVERS:
        raise _unsupported(f"{name} is not supported; sqlite and postgresql are")
    if DRIVERS[name].startswith("postgresql"):
        require("psycopg", "postgresql")
    return address.set(drivername=DRIVERS[name])


def engine_of(address: URL, *, connections: int, busy_timeout: int) -> Engine:
    """An engine with a pool of at most so many connections; nothing is opened yet."""
    if address.get_backend_name() == "sqlite":
        return _sqlite(address, connections, busy_timeout)
    return _postgresql(address, connections)


def _pool(connections: int) -> dict[str, Any]:
    from sqlalchemy.pool import QueuePool

    return {
        "poolclass": QueuePool,
        "pool_size": connections,
        "max_overflow": 0,
        "hide_parameters": True,
    }


def _sqlite(address: URL, connections: int, busy_timeout: int) -> Engine:
    from sqlalchemy import create_engine, event

    engine = create_engine(address, connect_args={"check_same_thread": False}, **_pool(connections))

    @event.listens_for(engine, "connect")
    def configure(connection: Any, record: Any) -> None:
        # Transactions begin where this package says so, not where the driver guesses.
        connection.isolation_level = None
        # One text that is not UTF-8 must not make a whole query fail.
        connection.text_factory = partial(str, encoding="utf-8", errors="backslashreplace")
        connection.execute(f"PRAGMA busy_timeout = {busy_timeout:d}")
        _to_wal(connection, time.monotonic() + busy_timeout / 1000)
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("reads", False)
        _driver(connection).execute("BEGIN" if reads else "BEGIN IMMEDIATE")

    @event.listens_for(engine, "checkin")
    def returned(connection: Any, record: Any) -> None:
        if record.info.get("is_used_up"):
            record.invalidate()

    return engine


def note_verb(connection: Connection, verb: str) -> None:
    """SQLite's connection ends with the call if what the statement does would stay in it."""
    if verb not in SESSIONLESS:
        connection.info["is_used_up"] = True


def _postgresql(address: URL, connections: int) -> Engine:
    from sqlalchemy import create_engine, event

    engine = create_engine(
        address,
        connect_args=PATIENCE
        | {"context": adapters(), "client_encoding": "utf8", "prepare_threshold": None},
        pool_pre_ping=True,
        pool_reset_on_return=None,
        use_native_hstore=False,
        **_pool(connections),
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, record: Any) -> None:
        _refresh(connection)

    @event.listens_for(engine, "reset")
    def returned(connection: Any, record: Any, state: Any) -> None:
        try:
            connection.rollback()
            if not state.terminate_only:
                _refresh(connection)
        except connection.Error:
            record.invalidate()  # it is lost, or will not be cleaned: the next call gets another

    return engine


def _refresh(connection: Any) -> None:
    connection.autocommit = True
    connection.execute(FRESH_SESSION)
    connection.autocommit = False


def _to_wal(connection: Any, deadline: float) -> None:
    # The change from the old journal, the first time, does not wait for a lock by itself.
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname.startswith("SQLITE_READONLY"):
                return
            if time.monotonic() >= deadline or error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                connection.close()
                raise
            time.sleep(0.01)
        else:
            return


def dialect_of(connection: Connection) -> Dialect:
    """Which of the two databases it is."""
    return cast(Dialect, connection.dialect.name)


@contextmanager
def guarded(connection: Connection, *, reads: bool) -> Iterator[None]:
    """A statement inside a transaction that others share.

    Its failure undoes it alone and leaves the transaction usable, on PostgreSQL as on SQLite. If it
    ``reads``, the database refuses any change.
    """
    if dialect_of(connection) == "sqlite":
        with read_only(connection) if reads else _nothing():
            yield
        return
    with connection.begin_nested():
        if reads:
            # Ends with the savepoint, as PostgreSQL restores the mode of the outer level.
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        yield


@contextmanager
def read_only(connection: Connection) -> Iterator[None]:
    """SQLite refuses changes in this block."""
    driver = _driver(connection)
    driver.execute("PRAGMA query_only = ON")
    try:
        yield
    finally:
        driver.execute("PRAGMA query_only = OFF")


def _driver(connection: Connection) -> Any:
    """The driver's own connection: a few microseconds where SQLAlchemy's way takes many."""
    return connection.connection.dbapi_connection


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _unsupported(message: str) -> Failure:
    return failed("UNSUPPORTED", message)

"""A database behind a URL: how its connections are opened, and how they begin.

SQLite: write-ahead log, foreign keys on, a busy timeout; what writes begins IMMEDIATE, so that it
waits for its turn in the beginning and not in the middle. PostgreSQL: psycopg 3.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from definitions.extras import require
from definitions.failures import failed
from kernel import Failure

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
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import QueuePool

    sqlite = address.get_backend_name() == "sqlite"
    engine = create_engine(
        address,
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=not sqlite,
        hide_parameters=True,
        connect_args={"check_same_thread": False} if sqlite else PATIENCE,
    )
    if sqlite:

        @event.listens_for(engine, "connect")
        def configure(connection: Any, record: Any) -> None:
            # Transactions begin where this package says so, not where the driver guesses.
            connection.isolation_level = None
            connection.execute(f"PRAGMA busy_timeout = {busy_timeout:d}")
            _to_wal(connection, time.monotonic() + busy_timeout / 1000)
            connection.execute("PRAGMA foreign_keys = ON")

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            reads = connection.get_execution_options().get("reads", False)
            _driver(connection).execute("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


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

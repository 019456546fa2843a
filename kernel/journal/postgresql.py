"""The journal in PostgreSQL, by psycopg 3: the extra ``postgresql``.

What has to outlive a crash of the server is committed with ``synchronous_commit = on``, the rest
without waiting for the disk. A commit that waits takes all earlier commits to the disk as well.
"""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from kernel.events.forms import credentials
from kernel.events.redaction import Redactor
from kernel.journal.errors import Damaged, JournalError, Missing, Unsure
from kernel.journal.migrations import NEWEST, migrate, read_version
from kernel.journal.session import Mode, Values

_BEGIN = {
    "read": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "lasting": "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = off",
    "durable": "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = on",
}
_LACKS = ("42P01", "42703")  # undefined table, undefined column
_KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_MIGRATION_LOCK = 0x6B65726E656C  # the advisory lock under which one process at a time migrates


@lru_cache(maxsize=256)
def _translated(sql: str) -> str:
    return sql.replace("?", "%s")


class PostgresqlSession:
    """One connection to a PostgreSQL database."""

    clustered = ""
    bytewise = ' COLLATE "C"'

    def __init__(self, connection: Any, name: str, reading: bool = False) -> None:
        self._connection = connection
        self.name = name
        self.lock = "" if reading else " FOR UPDATE"

    @property
    def broken(self) -> bool:
        return bool(self._connection.closed)

    def begin(self, mode: Mode) -> None:
        self._connection.execute(_BEGIN[mode])

    def begin_at_once(self, mode: Mode) -> bool:
        return False  # asking the server blocks

    def tidy(self) -> None:
        pass

    def commit(self) -> None:
        try:
            self._connection.execute("COMMIT")
        except Exception as error:
            if self.broken:
                raise Unsure(
                    f"{self.explain(error)}; the last commit may be kept or not"
                ) from error
            raise

    def rollback(self) -> None:
        if not self.broken:
            self._connection.execute("ROLLBACK")

    def rows(self, sql: str, values: Values = ()) -> list[Any]:
        found: list[Any] = self._connection.execute(_translated(sql), values).fetchall()
        return found

    def change(self, sql: str, values: Values = ()) -> int:
        return int(self._connection.execute(_translated(sql), values).rowcount)

    def explain(self, error: Exception) -> JournalError:
        return explained(error, self.name)

    def close(self) -> None:
        self._connection.close()


def explained(error: Exception, name: str) -> JournalError:
    """An exception as one sentence about the journal of that name."""
    if isinstance(error, JournalError):
        return error
    if getattr(error, "sqlstate", None) in _LACKS:
        return Damaged(f"the journal {name}", "it lacks a table, or a column of a table")
    said = " ".join(str(error).split()) or type(error).__name__
    return JournalError(f"the journal {name} failed: {said}")


def name_of(url: str) -> str:
    """The address of the database without the user and the password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "postgresql:"
    return Redactor(credentials(url)).text(f"postgresql://{parts.hostname or ''}{parts.path}")


def prepare(url: str, busy: float, create: bool = True) -> None:
    """Make the tables, or bring them to the newest version. Raises :class:`JournalError`.

    Raises :class:`Missing` where there is no journal and ``create`` is False.
    """
    session = connect(url, busy)
    name = name_of(url)
    try:
        version = _version(session, name)
        if version == 0 and not create:
            raise Missing(name)
        if version < NEWEST:
            _migrate(session, name)
    except Exception as error:
        session.rollback()
        raise session.explain(error) from error
    finally:
        session.close()


def _migrate(session: PostgresqlSession, name: str) -> None:
    session.begin("durable")
    session.rows("SELECT pg_advisory_xact_lock(?)", (_MIGRATION_LOCK,))
    migrate(session, _version(session, name))
    session.commit()


def _version(session: PostgresqlSession, name: str) -> int:
    """The version of the journal; 0 where there is none. Raises :class:`JournalError`."""
    if not session.rows("SELECT 1 FROM pg_class WHERE oid = to_regclass('kernel_journal')"):
        return 0
    return read_version(session.rows("SELECT version FROM kernel_journal"), name)


def connect(url: str, busy: float, *, reading: bool = False) -> PostgresqlSession:
    """A session, which waits at most ``busy`` seconds for others. Raises :class:`JournalError`.

    The server undoes a transaction in which a process stands still for half of that time.
    """
    try:
        psycopg = importlib.import_module("psycopg")
    except ImportError:
        raise JournalError(
            "a journal in PostgreSQL needs psycopg: install invocable-kernel[postgresql]"
        ) from None
    name = name_of(url)
    try:
        connection = psycopg.connect(url, autocommit=True, connect_timeout=10, **_KEEPALIVE)
        connection.execute(
            f"SET lock_timeout = {busy * 1000:.0f};"
            f"SET idle_in_transaction_session_timeout = {busy * 500:.0f}"
        )
    except psycopg.Error as error:
        said = Redactor(credentials(url)).said(str(explained(error, name)))
        raise JournalError(said) from error
    return PostgresqlSession(connection, name, reading)

"""The journal in an SQLite file, or in memory.

In WAL mode, what has to outlive a power cut is committed with ``synchronous=FULL``, the rest with
``NORMAL`` (pipeline.md, The journal). A FULL commit takes all earlier commits to the disk as well.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from kernel.journal.errors import Damaged, JournalError, Missing, Unsure
from kernel.journal.migrations import NEWEST, migrate, read_version
from kernel.journal.session import Mode, Values

_SENTENCES = {
    sqlite3.SQLITE_BUSY: "is locked by another process",
    sqlite3.SQLITE_LOCKED: "is locked by another process",
    sqlite3.SQLITE_READONLY: "cannot be written",
    sqlite3.SQLITE_PERM: "cannot be written",
    sqlite3.SQLITE_IOERR: "cannot be read or written, because the disk reports an error",
    sqlite3.SQLITE_FULL: "cannot be written, because the disk is full",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
}
_DAMAGE = {
    sqlite3.SQLITE_CORRUPT: "its pages do not hold together",
    sqlite3.SQLITE_NOTADB: "its header is not that of an SQLite database",
}
_LACKS = ("no such table", "no such column")
"""What SQLite says of a query for what is in every journal of this version."""
_MAGIC = b"SQLite format 3\0"
_TABLE = b"CREATE TABLE kernel_journal"
_BEGIN_BYTES = 65_536
"""So much from the beginning of a file says whether it is a journal with a damaged header."""
_QUICK_COMMIT_SECONDS = 0.0005
"""A caller waits for the disk without a thread, if the last durable commit took less than this."""
_CHECKPOINT_ROWS = 1000  # the write-ahead log is moved into the file after so many changed rows


class SqliteSession:
    """One connection to an SQLite database; ``busy`` is how many seconds to wait for others."""

    lock = ""
    clustered = "WITHOUT ROWID"
    bytewise = ""
    broken = False

    def __init__(
        self, connection: sqlite3.Connection, name: str, file: Path | None, busy: float = 0.0
    ) -> None:
        self._connection = connection
        self._busy = self._waits = busy
        self._changes = 0
        self._is_quick = False
        self.name = name
        self._file = file
        self._identity = None if file is None else _identity(file)
        self._mode: Mode | None = None

    def begin(self, mode: Mode) -> None:
        if mode == "read":
            self._connection.execute("BEGIN")
            return
        self._begin(mode, self._busy)

    def begin_at_once(self, mode: Mode) -> bool:
        if mode == "read" or self._changes >= _CHECKPOINT_ROWS:
            return False
        if mode == "durable" and not self._is_quick:
            return False
        try:
            self._begin(mode, 0.0)
        except (sqlite3.Error, JournalError):
            return False
        return True

    def _begin(self, mode: Mode, busy: float) -> None:
        if self._file is not None and _identity(self._file) != self._identity:
            raise JournalError(f"the journal {self.name} was removed or replaced while in use")
        if busy != self._waits:
            self._connection.execute(f"PRAGMA busy_timeout = {int(busy * 1000)}")
            self._waits = busy
        if mode != self._mode:
            level = "FULL" if mode == "durable" else "NORMAL"
            self._connection.execute(f"PRAGMA synchronous = {level}")
            self._mode = mode
        self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        began = time.perf_counter()
        try:
            self._connection.execute("COMMIT")
            if self._mode == "durable":
                self._is_quick = time.perf_counter() - began < _QUICK_COMMIT_SECONDS
        except sqlite3.OperationalError as error:
            if _code(error) == sqlite3.SQLITE_IOERR:
                raise Unsure(
                    f"{self.explain(error)}; the last commit may be kept or not"
                ) from error
            raise

    def rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def rows(self, sql: str, values: Values = ()) -> list[Any]:
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            if _code(error):
                raise
        # A text is not UTF-8, and Python's message quotes it.
        self._connection.text_factory = _text_or_octets
        try:
            return self._connection.execute(sql, values).fetchall()
        finally:
            self._connection.text_factory = str

    def change(self, sql: str, values: Values = ()) -> int:
        changed = self._connection.execute(sql, values).rowcount
        self._changes += changed
        return changed

    def tidy(self) -> None:
        if self._changes >= _CHECKPOINT_ROWS:
            self._changes = 0
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def explain(self, error: Exception) -> JournalError:
        return explained(error, self.name)

    def close(self) -> None:
        self._connection.close()


def _text_or_octets(found: bytes) -> str | bytes:
    try:
        return found.decode()
    except UnicodeDecodeError:
        return found


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _code(error: Exception) -> int:
    """The primary result code of SQLite; 0 for an error that is not SQLite's."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def explained(error: Exception, name: str) -> JournalError:
    """An exception as one sentence about the journal of that name."""
    if isinstance(error, JournalError):
        return error
    sentence = _SENTENCES.get(_code(error))
    if sentence is not None:
        return JournalError(f"the journal {name} {sentence}")
    if _code(error) in _DAMAGE:
        return _damaged(name, _DAMAGE[_code(error)])
    if _code(error) == sqlite3.SQLITE_ERROR and str(error).startswith(_LACKS):
        return _damaged(name, f"there is {error}")
    if isinstance(error, UnicodeDecodeError | OverflowError):
        return _damaged(name, "a value in it is not what the kernel writes")
    if isinstance(error, FileExistsError):
        return JournalError(f"the journal {name} cannot be made: {error.filename} is no folder")
    if isinstance(error, PermissionError):
        return JournalError(f"the journal {name} cannot be opened: this user has no right to")
    return JournalError(f"the journal {name} failed: {error}")


def _damaged(name: str, why: str) -> Damaged:
    way_out = (
        "restore a backup of it, or copy what can be read into a new journal: "
        f"`sqlite3 {name} .dump | sed 's/^ROLLBACK.*/COMMIT;/' | sqlite3 NEW`"
    )
    return Damaged(f"the journal {name}", why, way_out)


def memory() -> SqliteSession:
    """A session with a journal that ends with its process."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    session = SqliteSession(connection, "in memory", None)
    session.begin("durable")
    migrate(session, 0)
    session.commit()
    return session


def prepare(file: Path, busy: float, create: bool = True) -> None:
    """Make the file, or bring it to the newest version. Raises :class:`JournalError`.

    A file of this version or a newer one, or of something else, is not touched.
    Raises :class:`Missing` where there is no journal and ``create`` is False.
    """
    try:
        if not create and not file.exists():
            raise Missing(str(file))
        _make(file)
        version = _examine(file, busy) if file.stat().st_size else 0
        if version == 0 and not create:
            raise Missing(str(file))
        if version < NEWEST or not _is_wal(file):
            _migrate(file, busy)
    except (OSError, UnicodeDecodeError, sqlite3.Error) as error:
        raise explained(error, str(file)) from error


def _is_wal(file: Path) -> bool:
    """Whether the header says WAL, which a file restored from a dump does not (SQLite, format)."""
    with file.open("rb") as content:
        return content.read(20)[18:] == b"\2\2"


def _migrate(file: Path, busy: float) -> None:
    with closing(_connect(file, busy)) as connection:
        _to_wal(connection, busy)
        session = SqliteSession(connection, str(file), file)
        session.begin("durable")
        try:
            migrate(session, _version(connection, str(file)))
            session.commit()
        except BaseException:
            session.rollback()
            raise


def connect(file: Path, busy: float, *, reading: bool = False) -> SqliteSession:
    """A session with a journal that :func:`prepare` has made ready."""
    try:
        connection = _connect(file, busy, _mode_to_read(file) if reading else "rw")
        if reading:
            connection.execute("PRAGMA query_only = 1")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
    except sqlite3.Error as error:
        raise explained(error, str(file)) from error
    return SqliteSession(connection, str(file), file, busy)


def _mode_to_read(file: Path) -> str:
    """The mode to open a file in that is only read, perhaps in a read-only folder (SQLite, WAL).

    Raises :class:`JournalError` when the write-ahead log can be read only by writing beside it.
    """
    if os.access(file.parent, os.W_OK) or not file.exists():
        return "rw"
    if not _has_log(file):
        return "ro&immutable=1"
    if file.with_name(f"{file.name}-shm").exists():
        return "ro"
    raise JournalError(
        f"the journal {file} was not closed, and cannot be read where nothing can be written "
        f"beside it: copy it and {file.name}-wal to another folder, and look at it there"
    )


def _has_log(file: Path) -> bool:
    """Whether the write-ahead log may hold commits that are not in the file yet."""
    log = file.with_name(f"{file.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _connect(file: Path, busy: float, mode: str = "rw") -> sqlite3.Connection:
    return sqlite3.connect(
        f"{file.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=busy,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )


def _make(file: Path) -> None:
    """Make the file and its folder, readable by the owner only, and safe from a power cut."""
    if file.exists():
        return
    missing = [one for one in (file.parent, *file.parent.parents) if not one.exists()]
    file.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    for folder in [file.parent, *(one.parent for one in missing)]:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _examine(file: Path, busy: float) -> int:
    """The version, read without changing the file or making another beside it."""
    with file.open("rb") as content:
        begin = content.read(_BEGIN_BYTES)
    if not begin.startswith(_MAGIC):
        if _TABLE in begin:
            raise _damaged(str(file), _DAMAGE[sqlite3.SQLITE_NOTADB])
        raise JournalError(f"the journal {file} is not a journal")
    mode = _mode_to_read(file)
    if mode == "rw":
        mode = "ro" if _has_log(file) else "ro&immutable=1"
    with closing(_connect(file, busy, mode)) as connection:
        return _version(connection, str(file))


def _version(connection: sqlite3.Connection, name: str) -> int:
    """The version of a journal, 0 for an empty database. Raises :class:`JournalError`."""
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    if not tables:
        return 0
    if "kernel_journal" not in tables:
        if any(str(table).startswith("kernel_") for table in tables):
            raise _damaged(name, "there is no such table: kernel_journal")
        raise JournalError(f"{name} is a database of something else, not a journal")
    return read_version(connection.execute("SELECT version FROM kernel_journal").fetchall(), name)


def _to_wal(connection: sqlite3.Connection, busy: float) -> None:
    """Set WAL mode; another process may hold the file, and SQLite does not wait for it here."""
    until = time.monotonic() + busy
    while True:
        try:
            ((mode,),) = connection.execute("PRAGMA journal_mode = WAL").fetchall()
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
            continue
        if mode != "wal":
            raise JournalError("the journal's file system cannot hold an SQLite file with a WAL")
        return

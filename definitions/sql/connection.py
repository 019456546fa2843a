"""The controller of ``Sql.Connection``: the pool, and the transaction that a task is in."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

from definitions.failures import failed

from .engine import dialect_of, engine_of, guarded, parsed
from .failures import failure_of
from .statement import prepared
from .work import Interrupt, in_thread

if TYPE_CHECKING:
    from sqlalchemy import Connection as Link
    from sqlalchemy import Engine

Value = TypeVar("Value")
Job = Callable[["Link"], Value]
# A constant that no other program has a reason to lock.
SETUP_LOCK = 0x6B65726E656C


@dataclass(slots=True)
class Level:
    """A transaction or a savepoint in it; ``turn`` is held by one statement or one savepoint."""

    link: Link
    thread: Executor
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    ended: bool = False


_levels: ContextVar[Mapping[Connection, Level]] = ContextVar("levels")


class Connection:
    """A pool of connections to one database.

    Half of them are for transactions, half for statements outside of any, so that neither can
    starve the other. It belongs to one event loop.
    """

    def __init__(self, fields: Mapping[str, Any], folder: Path | None = None) -> None:
        self._fields = fields
        self._address = parsed(fields.get("url", "sqlite:///data.db"))
        self._temporary: TemporaryDirectory[str] | None = None
        if self._address.get_backend_name() == "sqlite":
            self._address = self._address.set(database=self._file(self._address.database, folder))
        most: int = fields.get("connections", 10)
        self._engine: Engine = engine_of(
            self._address, connections=most, busy_timeout=fields.get("busyTimeout", 5_000)
        )
        self._transactions = asyncio.Semaphore(most // 2)
        self._threads = ThreadPoolExecutor(most - most // 2, thread_name_prefix="sql")

    def provide(self) -> dict[str, Any]:
        """Connect, run the statements of ``setup`` in one transaction, and say what it is."""
        setup: list[str] = self._fields.get("setup", [])
        try:
            with self._engine.connect() as link:
                if setup:
                    with link.begin():
                        _set_up(link, setup)
                return {"dialect": dialect_of(link)}
        except _driver_errors() as error:
            raise failure_of(error) from error

    def close(self) -> None:
        self._threads.shutdown()
        self._engine.dispose()
        if self._temporary is not None:
            self._temporary.cleanup()

    def _file(self, name: str | None, folder: Path | None) -> str:
        """The path of an SQLite database, relative to the manifest's ``folder``."""
        if name and name.startswith("file:"):
            return name
        if name and name != ":memory:":
            return str((folder or Path()) / name)
        # A database in memory belongs to one connection; this one is shared by a pool.
        self._temporary = TemporaryDirectory(prefix="sqlite-")
        return f"{self._temporary.name}/memory.db"

    async def run(self, job: Job[Value], *, reads: bool) -> Value:
        """The value of ``job``, in the transaction that the task is in, or in one of its own.

        The statement of a job that ``reads`` cannot change anything. Cancellation interrupts it and
        rolls it back.
        """
        interrupt = Interrupt()
        level = _levels.get({}).get(self)
        if level is None:
            work = partial(_alone, self._engine, job, reads, interrupt)
            return await in_thread(self._threads, work, interrupt)
        async with _turn(level):
            work = partial(_within, level.link, job, reads, interrupt)
            return await in_thread(level.thread, work, interrupt)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """What runs in this block, and in tasks begun in it, commits or rolls back together.

        In a transaction already, it is a savepoint of that.
        """
        outer = _levels.get({}).get(self)
        if outer is not None:
            async with _turn(outer), self._level(outer.link, outer.thread, nested=True):
                yield
            return
        async with self._transactions:
            thread = ThreadPoolExecutor(1, thread_name_prefix="sql-transaction")
            links: list[Link] = []
            try:
                # Into a list: a cancelled task gets no value, and the link must be closed.
                await in_thread(thread, lambda: links.append(_connected(self._engine)))
                async with self._level(links[0], thread, nested=False):
                    yield
            finally:
                for link in links:
                    await in_thread(thread, link.close)
                thread.shutdown(wait=False)

    @asynccontextmanager
    async def _level(self, link: Link, thread: Executor, *, nested: bool) -> AsyncIterator[None]:
        begin = link.begin_nested if nested else link.begin
        transaction = await in_thread(thread, partial(_guard, begin))
        level = Level(link, thread)
        token = _levels.set({**_levels.get({}), self: level})
        try:
            yield
        except BaseException:
            await self._end(level, transaction.rollback)
            raise
        else:
            await self._end(level, partial(_commit, transaction))
        finally:
            _levels.reset(token)

    async def _end(self, level: Level, how: Callable[[], None]) -> None:
        """End it once the statements of tasks that are still at work have ended."""
        async with level.turn:
            level.ended = True
            await in_thread(level.thread, how)


@asynccontextmanager
async def _turn(level: Level) -> AsyncIterator[None]:
    async with level.turn:
        if level.ended:
            raise failed("TRANSACTION_ENDED", "the transaction has ended")
        yield


def _set_up(link: Link, statements: list[str]) -> None:
    dialect = dialect_of(link)
    if dialect == "postgresql":
        # There, CREATE ... IF NOT EXISTS of two programs at once may fail.
        link.exec_driver_sql(f"SELECT pg_advisory_xact_lock({SETUP_LOCK})")
    for sql in statements:
        link.exec_driver_sql(prepared(sql, [], dialect).text, ())


def _alone(engine: Engine, job: Job[Value], reads: bool, interrupt: Interrupt) -> Value:
    """The job in a transaction of its own."""
    with _connected(engine) as pooled:
        link = pooled.execution_options(reads=reads, postgresql_readonly=reads)
        transaction = _guard(link.begin)
        try:
            value = _within(link, job, reads, interrupt, shared=False)
        except BaseException:
            with suppress(*_driver_errors()):
                transaction.rollback()
            raise
        _commit(transaction)
        return value


def _within(
    link: Link, job: Job[Value], reads: bool, interrupt: Interrupt, *, shared: bool = True
) -> Value:
    """The job in an open transaction."""
    apart = shared or dialect_of(link) == "sqlite"
    try:
        with interrupt.of(link):
            if not apart:
                return job(link)
            with guarded(link, reads=reads):
                return job(link)
    except _driver_errors() as error:
        raise failure_of(error) from error


def _connected(engine: Engine) -> Link:
    return _guard(engine.connect)


def _commit(transaction: Any) -> None:
    try:
        transaction.commit()
    except _driver_errors() as error:
        with suppress(*_driver_errors()):
            transaction.rollback()
        raise failure_of(error, committing=True) from error


def _guard(action: Callable[[], Value]) -> Value:
    try:
        return action()
    except _driver_errors() as error:
        raise failure_of(error) from error


def _driver_errors() -> tuple[type[Exception], ...]:
    from sqlalchemy.exc import SQLAlchemyError

    return (SQLAlchemyError, sqlite3.Error, OverflowError, RecursionError, ValueError, TypeError)

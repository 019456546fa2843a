"""The stores that every test of the journal runs on, and short ways to say what they record."""

from __future__ import annotations

import asyncio
import os
import secrets
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from kernel.journal import Intent, Journal, Lease, NewRun, Opened, Won, open_journal

POSTGRESQL = os.environ.get("TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/test")

T = TypeVar("T")


@contextmanager
def place(store: str, folder: Path) -> Iterator[str]:
    """The address of an empty journal, which is gone afterwards."""
    if store == "memory":
        yield "memory:"
    elif store == "sqlite":
        yield str(folder / "state" / "journal.db")
    else:
        with schema() as address:
            yield address


@contextmanager
def schema() -> Iterator[str]:
    """A schema of its own in PostgreSQL."""
    psycopg = pytest.importorskip("psycopg")
    try:
        connection = psycopg.connect(
            POSTGRESQL, autocommit=True, connect_timeout=2, options="-csynchronous_commit=off"
        )
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL at {POSTGRESQL}: {error}")
    name = f"t_{secrets.token_hex(6)}"
    with connection:
        connection.execute(f"CREATE SCHEMA {name}")
        try:
            yield f"{POSTGRESQL}?options=-csearch_path%3D{name}"
        finally:
            connection.execute(f"DROP SCHEMA {name} CASCADE")


def by_hand(address: str, sql: str) -> list[Any]:
    """Do something to a journal behind its back; the rows, if it is a query."""
    if address.startswith("postgresql:"):
        psycopg = pytest.importorskip("psycopg")
        with psycopg.connect(address, autocommit=True) as connection:
            cursor = connection.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []
    with closing(sqlite3.connect(address, isolation_level=None)) as connection:
        return list(connection.execute(sql).fetchall())


def play(address: str, scene: Callable[[Journal], Awaitable[T]], **options: Any) -> T:
    """Open the journal, let the scene happen, close it."""

    async def main() -> T:
        journal = await open_journal(address, **options)
        try:
            return await scene(journal)
        finally:
            await journal.close()

    return asyncio.run(main())


async def begin(journal: Journal, run: str = "r1", digest: str = "d" * 64) -> Lease:
    """A new run and its lease."""
    opened = await journal.open_run(NewRun(run, "Run.Sequence/Main", digest, {"day": "monday"}))
    assert isinstance(opened, Opened)
    return opened.lease


def intent(path: str = "steps.Charge", *, run: str = "r1", lease: int = 1, **more: Any) -> Intent:
    """An intent of the class ``irreversible``, unless said otherwise."""
    values = {"target": "Payments.Charge/Card", "inputs_hash": "h1", "safety": "irreversible"}
    return Intent(f"{run}/{path}", run, path, lease=lease, **{**values, **more})


async def win(journal: Journal, wanted: Intent) -> Won:
    """Claim what is certainly free."""
    answer = await journal.claim(wanted)
    assert isinstance(answer, Won), answer
    return answer


class Clock:
    """A clock on the wall that the test sets."""

    def __init__(self, now: int = 1_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

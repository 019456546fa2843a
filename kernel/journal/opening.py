"""From an address to an open journal: ``memory:``, ``postgresql://…``, or the path of a file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from kernel.journal import postgresql
from kernel.journal.errors import JournalError, Missing
from kernel.journal.interface import Journal
from kernel.journal.owners import this_process
from kernel.journal.session import Session
from kernel.journal.store import Store
from kernel.journal.values import MAX_VALUE_BYTES
from kernel.journal.worker import Inline, Worker

BUSY_SECONDS = 10.0  # how long to wait for another process that holds the journal


async def open_journal(
    address: str | Path,
    *,
    owner: str | None = None,
    clock: Callable[[], int] = time.time_ns,
    largest: int = MAX_VALUE_BYTES,
    busy: float = BUSY_SECONDS,
    create: bool = True,
) -> Journal:
    """Open a journal, after making it or bringing it to the newest version.

    Without ``create`` none is made: raises :class:`Missing` where there is no journal.
    ``owner`` is the name under which leases are taken (this process); ``clock`` gives nanoseconds
    since the epoch, for people and for expiry; ``largest`` is the most bytes of a value, ``busy``
    the seconds to wait for other processes. Raises :class:`JournalError`.
    """
    options = partial(Store, owner=owner or this_process(), clock=clock, largest=largest)
    text = str(address)
    prepare: Callable[[float, bool], None]
    connect: Callable[..., Session]
    if text.startswith(("postgresql://", "postgres://")):
        prepare, connect = partial(postgresql.prepare, text), partial(postgresql.connect, text)
    else:
        # Here for start-up time: a journal in PostgreSQL needs no SQLite.
        from kernel.journal import sqlite

        if text == "memory:":
            if not create:
                raise Missing(text)
            inline = Inline(sqlite.memory())
            return options(inline, inline)
        file = _file_of(text)
        prepare, connect = partial(sqlite.prepare, file), partial(sqlite.connect, file)
    await asyncio.to_thread(prepare, busy, create)
    return options(
        Worker(partial(connect, busy), "journal"),
        Worker(partial(connect, busy, reading=True), "journal reader"),
    )


def _file_of(address: str) -> Path:
    scheme, known, _ = address.partition("://")
    if known and not address.startswith("sqlite:///"):
        raise JournalError(
            f"there is no journal at {scheme}://…: an address is the path of a file, "
            "`postgresql://…` or `memory:`"
        )
    return Path(address.removeprefix("sqlite:///")).absolute()

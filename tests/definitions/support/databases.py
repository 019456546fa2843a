"""The two databases of the tests: an SQLite file, and a schema of its own in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.journals import schema


@contextmanager
def database(dialect: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database, which is gone afterwards."""
    if dialect == "sqlite":
        yield f"sqlite:///{folder}/test.db"
        return
    with schema() as address:
        yield address

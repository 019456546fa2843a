"""The two databases of the tests: an SQLite file, and a schema of its own in PostgreSQL."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

POSTGRESQL = os.environ.get("TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/test")


@contextmanager
def database(dialect: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database, which is gone afterwards."""
    if dialect == "sqlite":
        yield f"sqlite:///{folder}/test.db"
        return
    psycopg = pytest.importorskip("psycopg")
    try:
        connection = psycopg.connect(
            POSTGRESQL, autocommit=True, connect_timeout=2, options="-csynchronous_commit=off"
        )
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL at {POSTGRESQL}: {error}")
    schema = f"t_{secrets.token_hex(6)}"
    with connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        try:
            yield f"{POSTGRESQL}?options=-csearch_path%3D{schema}"
        finally:
            connection.execute(f"DROP SCHEMA {schema} CASCADE")

"""A command that needs no journal, or no SQLite, does not wait for their imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import kernel.journal

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import kernel.journal", {"asyncio", "sqlite3", "psycopg", "threading", "json"}),
        ("import kernel.journal.interface", {"asyncio", "sqlite3", "psycopg"}),
        ("import kernel.journal.opening", {"sqlite3", "psycopg", "sqlalchemy"}),
    ],
)
def test_only_what_is_needed_is_imported(statement: str, heavy: set[str]) -> None:
    code = f"import sys; before = set(sys.modules)\n{statement}\nprint(*set(sys.modules) - before)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    assert not heavy & {name.partition(".")[0] for name in loaded}


def test_what_the_journal_offers_is_there_and_sorted() -> None:
    assert kernel.journal.__all__ == sorted(kernel.journal.__all__)
    for name in kernel.journal.__all__:
        assert getattr(kernel.journal, name) is not None

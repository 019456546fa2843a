"""The example `payments`, as its README walks through it, with real processes that are killed."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.pages import FENCE, run_console

EXAMPLE = Path(__file__).parents[2] / "examples" / "payments"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "examples" / "payments"
    shutil.copytree(EXAMPLE, made, ignore=shutil.ignore_patterns("*.db*", "__pycache__"))
    return made


def test_what_the_readme_shows(folder: Path) -> None:
    blocks = [
        text for language, _, text in FENCE.findall((folder / "README.md").read_text("utf-8"))
    ]
    assert len(blocks) >= 7
    for text in blocks:
        run_console(text, folder.parents[1])
    with closing(sqlite3.connect(folder / "bank.db")) as connection:
        keys = connection.execute("select key, count(*) from book group by key").fetchall()
    assert keys == [("charge-A-1", 1), ("charge-A-2", 1), ("refund-A-1", 1), ("refund-A-3", 1)]


def test_the_bank_itself_keeps_nobody_from_paying_twice(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "bank", raising=False)
    from bank import Book

    book = Book(folder / "bank.db")
    for _ in range(2):
        book.add(1, "charge-A-1", {"order": "A-1", "amount": 900})
    assert book.account() == {"balance": 1800, "charges": 2, "refunds": 0}
    assert [one["id"] for one in book.find(1, "charge-A-1")] == ["m-1", "m-2"]

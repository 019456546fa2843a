"""A damaged journal is a sentence on every command, and what can be read of it is read."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import re
import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.cli.app import run as run_command
from kernel.runtime import cancelling, open_and_resume
from tests.support.properties import examples

MANIFEST = """\
kind: Kernel.Definition
metadata: { name: Charge, module: Shop }
capability: Invocable
safety: irreversible
controller: { python: "damaged_shop:charge" }
---
kind: Kernel.Definition
metadata: { name: Refund, module: Shop }
capability: Invocable
safety: approval-bound
controller: { python: "damaged_shop:refund" }
---
kind: Kernel.Definition
metadata: { name: Lose, module: Shop }
capability: Invocable
safety: irreversible
controller: { python: "damaged_shop:lose" }
---
kind: Run.Sequence
metadata: { name: Done }
steps:
  - { name: Charge, invoke: { kind: Shop.Charge }, idempotencyKey: "k-1" }
  - { name: Look, value: "${{ resources.size() >= 0 }}" }
result: "${{ steps.Charge.result }}"
---
kind: Run.Sequence
metadata: { name: Parked }
steps:
  - name: Try
    try: [{ name: Bad, throw: { code: BAD, message: no } }]
    catch: [{ name: Charge, invoke: { kind: Shop.Charge } }]
  - { name: Refund, invoke: { kind: Shop.Refund }, approval: { message: is it right } }
---
kind: Run.Sequence
metadata: { name: Lost }
steps:
  - { name: Charge, invoke: { kind: Shop.Charge } }
  - { name: Lose, invoke: { kind: Shop.Lose } }
"""

SHOP = """\
import pathlib
from kernel import Failure

EFFECTS = pathlib.Path(__file__).parent / "effects"

def _effect(call):
    with EFFECTS.open("a") as file:
        file.write(call.idempotency_key + "\\n")

def charge(inputs, call):
    _effect(call)
    return {"paid": True}

def refund(inputs, call):
    _effect(call)
    return {"refunded": True}

def lose(inputs, call):
    _effect(call)
    raise Failure("the answer was lost", outcome="unknown")
"""
NO_SENTENCE = ("Traceback", "object at 0x", "Error while it was read", "Python int")


@dataclass(frozen=True)
class Answer:
    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Shop:
    folder: Path
    approval: str
    executions: tuple[str, ...]
    made: str
    """The effects that were made, one a line."""

    @property
    def journal(self) -> Path:
        return self.folder / "journal.db"

    @property
    def work(self) -> Path:
        """Where each command finds its own copy of the damaged journal."""
        return self.folder / "work" / "journal.db"


def command(*arguments: str | Path, journal: Path) -> Answer:
    """Run the command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run_command([*map(str, arguments), "--journal", str(journal)])
    return Answer(status, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "main.yaml").write_text(MANIFEST)
    (folder / "damaged_shop.py").write_text(SHOP)
    patched = pytest.MonkeyPatch()
    patched.setattr(open_and_resume, "PATIENCE_SECONDS", 0.02)
    patched.setattr(cancelling, "cancel", partial(cancelling.cancel, patience=0.02))
    patched.setenv("KERNEL_DEBUG", "0")
    journal = folder / "journal.db"
    for name, status in (("Done", 0), ("Parked", 4), ("Lost", 1)):
        start = ("apply", folder / "main.yaml", "--target", name, "--run-id", name.lower())
        answer = command(*start, journal=journal)
        assert answer.status == status, answer
    ((approval,),) = rows(journal, "SELECT approval FROM kernel_approvals")
    executions = rows(journal, "SELECT execution FROM kernel_invocations ORDER BY execution")
    made = (folder / "effects").read_text()
    yield Shop(folder, approval, tuple(execution for (execution,) in executions), made)
    patched.undo()


def rows(journal: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(journal)) as connection:
        return connection.execute(sql).fetchall()


def change(journal: Path, sql: str) -> None:
    with closing(sqlite3.connect(journal)) as connection, connection:
        connection.execute(sql)


def commands(shop: Shop) -> list[tuple[str | Path, ...]]:
    main = shop.folder / "main.yaml"
    one, *others = shop.executions
    return [
        ("runs",),
        ("runs", "-o", "json"),
        ("runs", "--state", "interrupted"),
        *(("trace", run) for run in ("done", "parked", "lost")),
        *(("trace", execution) for execution in shop.executions),
        ("trace", "--verify"),
        ("trace", "--verify", "done", "-o", "json"),
        *(("trace", run, "-o", form) for run in ("parked", "lost") for form in ("json", "otlp")),
        ("approvals",),
        ("approvals", "-o", "yaml"),
        ("approve", shop.approval),
        ("deny", "parked"),
        ("escalations",),
        ("escalations", "-o", "json"),
        ("resolve", "lost", "--landed", "--outputs", "{}"),
        ("resolve", others[0], "--not-landed"),
        ("replay", one),
        *(("replay", other, "-o", "json") for other in others[:2]),
        *(("resume", run) for run in ("done", "parked", "lost")),
        *(("cancel", run) for run in ("parked", "lost")),
        *(
            ("apply", main, "--no-check", "--target", name, "--run-id", name.lower())
            for name in ("Done", "Parked", "Lost")
        ),
        ("apply", main, "--no-check", "--target", "Done", "--run-id", "again"),
    ]


def check(shop: Shop, damaged: Path, arguments: tuple[str | Path, ...], *, once: bool) -> None:
    """The command ends with a sentence, and no effect is made a second time."""
    (shop.folder / "effects").write_text(shop.made)
    shutil.rmtree(shop.work.parent, ignore_errors=True)
    shop.work.parent.mkdir()
    for file in damaged.parent.glob(f"{damaged.name}*"):
        shutil.copy(file, shop.work.parent / file.name.replace(damaged.name, "journal.db"))
    answer = command(*arguments, journal=shop.work)
    assert answer.status in (0, 1, 2, 4), answer
    assert not any(one in answer.err for one in NO_SENTENCE), answer
    if answer.status == 1:
        assert answer.err.strip() or arguments[:2] == ("trace", "--verify"), answer
    if "json" in arguments or ("otlp" in arguments and answer.out):
        json.loads(answer.out, parse_constant=pytest.fail)
    if once:
        made = Counter((shop.folder / "effects").read_text().split())
        assert set(made.values()) == {1}, (made, answer)


# Rows

WRONG: list[Any] = [
    None,
    "text",
    5,
    1.5,
    -1,
    2**63 - 1,
    b"\xff\xfe",
    b"NOT UTF-8",
    "{broken",
    "[" * 100_000,
    '{"a":' * 900 + "1" + "}" * 900,
    "9" * 5000,
    "NaN",
    "[1]",
    '"text"',
    "5",
    "{}",
    '{"kind": 5, "message": [], "code": {}, "outcome": "odd", "attempt": "x", "final": 1}',
    '{"path": 5, "message": 5, "approvers": "ann", "quorum": "two", "approved_by": [1]}',
    '{"began": "x", "topology": 1, "module": 7, "until": "x", "after": null}',
    '{"target": 5, "inputs": [], "vars": 5, "place": 7, "environment": 5}',
]


def cells(journal: Path) -> list[tuple[str, str, int]]:
    """Every cell: its table, its column, and which row it is in."""
    found = []
    for (table,) in rows(journal, "SELECT name FROM sqlite_master WHERE name LIKE 'kernel_%'"
                                  " AND type = 'table' ORDER BY name"):  # fmt: skip
        ((count,),) = rows(journal, f"SELECT COUNT(*) FROM {table}")
        columns = [row[1] for row in rows(journal, f"PRAGMA table_info({table})")]
        found += [(table, column, at) for column in columns for at in range(count)]
    return found


def spoil(journal: Path, cell: tuple[str, str, int], value: Any) -> bool:
    """Write a wrong value into a cell; whether SQLite let it be written."""
    table, column, at = cell
    with closing(sqlite3.connect(journal)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA writable_schema = 1")
        connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') WHERE type = 'table'"
        )
        connection.commit()
    with closing(sqlite3.connect(journal)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        keys = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[5]]
        keys = keys or ["rowid"]
        listed = ", ".join(keys)
        row = connection.execute(
            f"SELECT {listed} FROM {table} ORDER BY {listed} LIMIT 1 OFFSET {at}"
        ).fetchone()
        where = " AND ".join(f"{key} = ?" for key in keys)
        new = "CAST(? AS TEXT)" if value == b"NOT UTF-8" else "?"
        value = b"\xff\xfetext" if value == b"NOT UTF-8" else value
        try:
            connection.execute(f"UPDATE {table} SET {column} = {new} WHERE {where}", (value, *row))
        except sqlite3.IntegrityError:
            return False
        connection.commit()
    return True


@given(data=st.data())
@examples(400)
def test_a_damaged_row_is_a_sentence_and_no_effect_is_made_twice(
    shop: Shop, data: st.DataObject
) -> None:
    cell = data.draw(st.sampled_from(cells(shop.journal)))
    value = data.draw(st.sampled_from(WRONG))
    arguments = data.draw(st.sampled_from(commands(shop)))
    damaged = shop.folder / "damaged.db"
    shutil.copy(shop.journal, damaged)
    if spoil(damaged, cell, value):
        # Nothing else tells of a key: what is lost with it is not known.
        check(shop, damaged, arguments, once=cell[0] != "kernel_keys")


@pytest.mark.long
def test_every_cell_with_every_wrong_value(shop: Shop) -> None:
    damaged = shop.folder / "damaged.db"
    # Each command meets each cell and each value, but not all of their pairs.
    every = itertools.cycle(commands(shop))
    for cell in cells(shop.journal):
        for value in WRONG:
            shutil.copy(shop.journal, damaged)
            if spoil(damaged, cell, value):
                for arguments in itertools.islice(every, 1):
                    check(shop, damaged, arguments, once=cell[0] != "kernel_keys")


def test_one_damaged_row_among_several_hides_no_other(shop: Shop) -> None:
    damaged = shop.folder / "damaged.db"
    shutil.copy(shop.journal, damaged)
    change(damaged, "UPDATE kernel_runs SET state = 'odd' WHERE run = 'parked'")
    listed = command("runs", "-o", "json", journal=damaged)
    assert (listed.status, [one["run"] for one in json.loads(listed.out)]) == (1, ["lost", "done"])
    assert listed.err == (
        f"Error: the run parked in the journal {damaged} is damaged: `kernel_runs.state` is not a "
        "state of a run\na backup of the journal may have it; `kernel trace --verify` lists the "
        "runs that are damaged\n"
    )
    proofs = command("trace", "--verify", "-o", "json", journal=damaged)
    holds = {one["run"]: one["holds"] for one in json.loads(proofs.out)}
    assert (proofs.status, holds) == (1, {"lost": True, "done": True, "parked": False})
    assert command("resume", "done", journal=damaged).status == 0


@pytest.mark.parametrize("form", ["text", "json", "otlp"])
def test_a_trace_shows_what_can_be_read(shop: Shop, form: str) -> None:
    damaged = shop.folder / "damaged.db"
    shutil.copy(shop.journal, damaged)
    change(damaged, "UPDATE kernel_invocations SET about = '{half' WHERE path = 'steps.Lose'")
    answer = command("trace", "lost", "-o", form, journal=damaged)
    assert answer.status == 1
    assert "`kernel_invocations.about` is not JSON about an invocation" in answer.err
    assert "half" not in answer.err
    assert "Shop.Charge" in answer.out
    assert "Shop.Lose" not in answer.out


def test_a_page_of_damaged_runs_ends_no_list(shop: Shop) -> None:
    damaged = shop.folder / "damaged.db"
    shutil.copy(shop.journal, damaged)
    change(
        damaged,
        "UPDATE kernel_runs SET source = x'ff' WHERE run IN ('lost', 'parked')",
    )
    listed = command("runs", "--limit", "1", journal=damaged)
    assert (listed.status, "done" in listed.out, listed.err.count("Error: ")) == (1, True, 2)


def test_a_damaged_run_is_told_once_with_its_own_way_out(shop: Shop) -> None:
    damaged = shop.folder / "damaged.db"
    shutil.copy(shop.journal, damaged)
    change(damaged, "UPDATE kernel_runs SET state = 'odd' WHERE run IN ('lost', 'parked')")
    proved = command("trace", "--verify", "-o", "json", journal=damaged)
    assert sorted(proof["run"] for proof in json.loads(proved.out)) == ["done", "lost", "parked"]
    said = command("trace", "--verify", journal=damaged).out
    assert "parked broken: `kernel_runs.state` is not a state of a run" in " ".join(said.split())
    answer = command("resume", "parked", journal=damaged)
    assert (answer.status, answer.err.count("is damaged")) == (1, 1)
    assert "a backup of the journal may have it" in answer.err
    assert "--journal ADDRESS" not in answer.err


def test_a_damaged_run_is_left_as_it_is(shop: Shop) -> None:
    damaged = shop.folder / "damaged.db"
    shutil.copy(shop.journal, damaged)
    sql = "UPDATE kernel_conclusions SET outputs = '{\"paid\": false}' WHERE run = 'parked'"
    change(damaged, sql)
    assert command("approve", "parked", journal=damaged).status == 0
    answer = command("resume", "parked", journal=damaged)
    assert (answer.status, answer.out) == (1, "")
    assert "was altered after it was concluded" in answer.err
    assert (shop.folder / "effects").read_text() == shop.made
    sql = "SELECT state, owner FROM kernel_runs JOIN kernel_progress USING (run)"
    assert ("parked", None) in rows(damaged, sql)
    assert ("running", None) not in rows(damaged, sql)
    run = ("apply", shop.folder / "main.yaml", "--no-check", "--target", "Done", "--run-id", "new")
    assert command(*run, journal=damaged).status == 0  # answered by the key


def test_the_traceback_of_what_nobody_has_thought_of_is_printed_for_who_asks(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("unthought of")

    monkeypatch.setattr("kernel.cli.runs._cells", fail)
    answer = command("runs", journal=shop.journal)
    assert (answer.status, "Traceback" in answer.err) == (1, False)
    assert "RuntimeError" in answer.err
    monkeypatch.setenv("KERNEL_DEBUG", "1")
    assert "unthought of" in command("runs", journal=shop.journal).err


# Bytes of the file

BYTES = st.binary(min_size=1, max_size=64)


def copied(shop: Shop, content: bytes, log: bytes | None = None) -> Path:
    damaged = shop.folder / "damaged.db"
    for file in shop.folder.glob("damaged.db*"):
        file.unlink()
    damaged.write_bytes(content)
    if log is not None:
        damaged.with_name("damaged.db-wal").write_bytes(log)
    return damaged


def over(content: bytes, at: int, wrong: bytes) -> bytes:
    return content[:at] + wrong + content[at + len(wrong) :]


@given(data=st.data(), wrong=BYTES)
@examples(200)
def test_damaged_bytes_are_a_sentence(shop: Shop, data: st.DataObject, wrong: bytes) -> None:
    content = shop.journal.read_bytes()
    place = st.integers(0, 100) | st.integers(0, len(content) - 1)
    changed = over(content, data.draw(place), wrong)
    arguments = data.draw(st.sampled_from(commands(shop)))
    check(shop, copied(shop, changed), arguments, once=False)


@given(data=st.data())
@examples(100)
def test_a_file_that_breaks_off_is_a_sentence(shop: Shop, data: st.DataObject) -> None:
    content = shop.journal.read_bytes()
    end = data.draw(st.integers(0, len(content)))
    arguments = data.draw(st.sampled_from(commands(shop)))
    check(shop, copied(shop, content[:end]), arguments, once=False)


@given(data=st.data(), wrong=BYTES)
@examples(100)
def test_a_damaged_log_is_a_sentence(shop: Shop, data: st.DataObject, wrong: bytes) -> None:
    copy = copied(shop, shop.journal.read_bytes())
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("UPDATE kernel_runs SET source = 'other'")
        connection.execute("DELETE FROM kernel_trace")
        connection.commit()
        log = copy.with_name("damaged.db-wal").read_bytes()
        content = copy.read_bytes()
    changed = over(log, data.draw(st.integers(0, len(log) - 1)), wrong)
    arguments = data.draw(st.sampled_from(commands(shop)))
    check(shop, copied(shop, content, changed), arguments, once=False)


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="the way out is a command of SQLite")
def test_what_can_be_read_of_a_damaged_file_is_copied(shop: Shop) -> None:
    content = shop.journal.read_bytes()
    ((page,),) = rows(
        shop.journal, "SELECT rootpage FROM sqlite_master WHERE name = 'kernel_trace'"
    )
    damaged = copied(shop, over(content, (page - 1) * 4096, b"\xff" * 4096))
    answer = command("trace", shop.executions[0], journal=damaged)
    assert answer.status == 1
    way_out = re.search(r"`(sqlite3 [^`]*)`", answer.err)
    assert way_out is not None, answer
    new = shop.folder / "new.db"
    new.unlink(missing_ok=True)
    subprocess.run(way_out[1].replace("NEW", str(new)), shell=True, check=False)
    assert command("trace", "--verify", journal=new).status == 0
    assert len(json.loads(command("runs", "-o", "json", journal=new).out)) == 3


# Tables


def lacks(journal: Path) -> list[str]:
    """What takes a table, all its rows, or a column away from a journal."""
    listed = sorted({(table, column) for table, column, _ in cells(journal)})
    tables = sorted({table for table, _ in listed})
    return [
        *(f"DROP TABLE {table}" for table in tables),
        *(f"DELETE FROM {table}" for table in tables),
        *(f"ALTER TABLE {table} RENAME COLUMN {column} TO odd" for table, column in listed),
        "INSERT INTO kernel_journal (version) VALUES (5)",
    ]


@given(data=st.data())
@examples(200)
def test_a_journal_that_lacks_something_is_a_sentence(shop: Shop, data: st.DataObject) -> None:
    less = data.draw(st.sampled_from(lacks(shop.journal)))
    arguments = data.draw(st.sampled_from(commands(shop)))
    damaged = copied(shop, shop.journal.read_bytes())
    change(damaged, less)
    gone = "kernel_keys" in less or less == "DELETE FROM kernel_invocations"
    check(shop, damaged, arguments, once=not gone)

"""The SQLite journal against raw commits of the same connection settings on the same disk.

``python -m benchmarks.journal`` prints the ratios. An invocation is held against what a program
does that commits each of its two records by itself, the intent and the outcome, each of one row, as
SQLite does it when it is told nothing (``synchronous=FULL``), and does nothing else. The journal's
rows are longer, chained, and found again by path; only its intents are ``FULL``.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
import uuid
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.report import Row, show
from kernel import Kernel, loads
from kernel.journal import Conclusion, Intent, Journal, NewRun, Opened, Won, open_journal

MANIFEST = """\
kind: Kernel.Definition
metadata: { name: Charge, module: Bench }
capability: Invocable
safety: irreversible
inputs: { type: object, properties: { number: { type: integer } }, required: [number] }
outputs: { type: object, properties: { number: { type: integer } }, required: [number] }
---
kind: Run.Sequence
metadata: { name: Charges }
steps:
  - name: Each
    forEach: "${{ lists.range(10000) }}"
    parallelism: 64
    do: [{ name: Charge, invoke: { kind: Bench.Charge }, inputs: { number: "${{ item }}" } }]
    result: "${{ steps.Charge.result.number }}"
  - { name: Last, invoke: { kind: Bench.Charge }, inputs: { number: 0 }, approval: required }
result: "${{ steps.Each.result.size() }}"
"""
OUTPUTS = {"id": "p-1", "paid": True, "amount": 1200}
NAMESPACE = uuid.uuid4()


@dataclass(frozen=True, slots=True)
class Measured:
    """Microseconds for one invocation."""

    raw: float
    alone: float
    together: float
    replayed: float
    bytes: float
    run: float
    resumed: float


def raw_commits(folder: Path, rounds: int) -> float:
    """Microseconds for two records, each committed by itself."""
    with closing(sqlite3.connect(folder / "raw.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE IF NOT EXISTS t (run TEXT, path TEXT, value TEXT)")
        began = time.perf_counter()
        for number in range(rounds):
            for _ in range(2):
                connection.execute("BEGIN IMMEDIATE")
                values = ("run", f"steps.Each[{number}].Charge", "x" * 100)
                connection.execute("INSERT INTO t VALUES (?, ?, ?)", values)
                connection.execute("COMMIT")
        return (time.perf_counter() - began) / rounds * 1e6


async def invocations(journal: Journal, run: str, rounds: int, concurrency: int) -> float:
    """Microseconds for a claim and its conclusion, so many at a time."""
    opened = await journal.open_run(NewRun(run, "Run.Sequence/Main", "d" * 64))
    assert isinstance(opened, Opened)
    epoch = opened.lease.epoch
    paths = [f"steps.Each[{number}].Charge" for number in range(rounds)]
    ids = iter([(path, str(uuid.uuid5(NAMESPACE, run + path))) for path in paths])

    async def one() -> None:
        for path, execution in ids:
            target, digest = "Payments.Charge/Card", "h" * 64
            won = await journal.claim(
                Intent(execution, run, path, target, digest, epoch, "irreversible")
            )
            assert isinstance(won, Won)
            ending = Conclusion("succeeded", OUTPUTS, duration=1200)
            await journal.finalize(execution, won.epoch, ending)

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(concurrency)))
    return (time.perf_counter() - began) / rounds * 1e6


async def replay(journal: Journal, run: str) -> tuple[float, int]:
    """Microseconds for each concluded invocation that a resumed run reads, and how many."""
    began = time.perf_counter()
    count = 0
    async for _ in journal.concluded(run):
        count += 1
    return (time.perf_counter() - began) / count * 1e6, count


async def gone_on_with(folder: Path) -> tuple[float, float]:
    """Microseconds for each of 10,000 invocations of a run, and of the run gone on with."""

    async def charge(inputs: Any) -> Any:
        return inputs

    journal = await open_journal(folder / "runs.db")
    took = []
    for approve in (False, True):
        if approve:
            (waiting,) = await journal.approvals("pending")
            await journal.decide(waiting.approval, "approved", "benchmark")
        kernel = Kernel(loads(MANIFEST), controllers={"Bench.Charge": charge}, journal=journal)
        async with kernel:
            began = time.perf_counter()
            result = await kernel.apply(run_id="run")
            took.append((time.perf_counter() - began) / 10_000 * 1e6)
        assert result.outcome == "succeeded" if approve else "parked"
    await journal.close()
    return took[0], took[1]


def measure(turns: int = 12, rounds: int = 150, many: int = 10_000) -> Measured:
    """The best of several turns, raw and journal in turn: the disk is shared with others."""
    raw, alone, together = [], [], []
    # Beside the working directory: the folder for temporary files may be memory.
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)

        async def turn(number: int) -> None:
            journal = await open_journal(folder / "journal.db")
            alone.append(await invocations(journal, f"alone-{number}", rounds, 1))
            together.append(await invocations(journal, f"together-{number}", rounds * 10, 64))
            await journal.close()

        async def sized() -> tuple[float, float]:
            journal = await open_journal(folder / "large.db")
            await invocations(journal, "large", many, 64)
            each, count = await replay(journal, "large")
            await journal.close()
            return each, (folder / "large.db").stat().st_size / count

        for number in range(turns):
            raw.append(raw_commits(folder, rounds))
            asyncio.run(turn(number))
        replayed, size = asyncio.run(sized())
        run, resumed = asyncio.run(gone_on_with(folder))
    best = min(raw), min(alone), min(together)
    return Measured(*best, replayed, size, run, resumed)


def rows() -> list[Row]:
    """The rows of the table."""
    found = measure()
    return [
        Row(
            "an invocation in the journal / one commit for each record",
            found.alone / found.raw,
            2.0,
            f"{found.alone:.0f} µs / {found.raw:.0f} µs",
        ),
        Row(
            "64 at a time, each / one commit for each record",
            found.together / found.raw,
            0.2,
            f"{found.together:.0f} µs / {found.raw:.0f} µs, {1e6 / found.together:.0f} a second",
        ),
        Row(
            "a concluded invocation read again / recorded, 64 at a time",
            found.replayed / found.together,
            0.5,
            f"{found.replayed:.1f} µs, 10,000 in {found.replayed * 10:.0f} ms",
        ),
        Row(
            "a run of 10,000 finished invocations gone on with / the run",
            found.resumed / found.run,
            0.5,
            f"{found.resumed * 10:.0f} ms / {found.run * 10:.0f} ms",
        ),
        Row(
            "kept of an invocation / 1 KB",
            found.bytes / 1000,
            1.0,
            f"{found.bytes:.0f} bytes",
        ),
    ]


if __name__ == "__main__":
    show(rows())

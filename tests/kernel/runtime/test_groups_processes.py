"""Several processes on one journal never have more at work than the limit of a group."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.support.journals import by_hand, place

ROOT = Path(__file__).parents[3]
PROCESSES, CALLS = 3, 14


@pytest.mark.parametrize("limit", [1, 3])
@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_processes_never_exceed_a_limit(store: str, limit: int, tmp_path: Path) -> None:
    with place(store, tmp_path) as address:
        log = tmp_path / "log"
        script = "tests.kernel.runtime.support.groups_process"
        command = [sys.executable, "-m", script, address, str(log), str(limit), str(CALLS)]
        begun = [
            subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
            for _ in range(PROCESSES)
        ]
        for process in begun:
            _, said = process.communicate(timeout=60)
            assert process.returncode == 0, said
        left = by_hand(address, "SELECT * FROM kernel_tickets")
    at_work: Counter[str] = Counter()
    most: Counter[str] = Counter()
    runs = set()
    for line in log.read_text().splitlines():
        sign, group, run = line.split(" ")
        at_work[group] += 1 if sign == "+" else -1
        most[group] = max(most[group], at_work[group])
        runs.add(run)
    assert len(runs) == PROCESSES * CALLS
    assert max(most.values()) == limit  # never more, and the slots are used
    assert left == []

"""What the benchmarks share: the best of several turns, and a table of ratios."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One measured ratio, the most that it may be, and what it was made of."""

    what: str
    ratio: float
    limit: float
    detail: str = ""


def best(work: Callable[[], Any], rounds: int, turns: int = 5) -> float:
    """Microseconds for one call: the best of several turns of so many calls."""

    def turn() -> float:
        began = time.perf_counter()
        for _ in range(rounds):
            work()
        return (time.perf_counter() - began) / rounds * 1e6

    return min(turn() for _ in range(turns))


def show(rows: Iterable[Row]) -> bool:
    """Print the table; whether every ratio is within its limit."""
    within = True
    print("| what | ratio | at most | measured |\n|---|---|---|---|")
    for row in rows:
        within = within and row.ratio <= row.limit
        mark = "" if row.ratio <= row.limit else " ✗"
        print(f"| {row.what} | {row.ratio:.2f}{mark} | {row.limit:g} | {row.detail} |")
    return within

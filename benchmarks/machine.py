"""How slow the machine is at the moment: a promise in milliseconds is one of a usual machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

USUAL = 0.15
"""Seconds that `usual` takes on two usual shared cores; they scale promises in milliseconds."""


def usual(_: str = "") -> None:
    """A fixed work, which tells how slow the machine is at the moment."""
    number = 0
    for one in range(3_000_000):
        number += one * one


def seconds_of(work: Callable[[], object]) -> float:
    """The time that a work takes once."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def slowness(times: list[float]) -> float:
    """How many times slower than usual the machine is, by the seconds that `usual` took."""
    return max(1.0, statistics.median(times) / USUAL)

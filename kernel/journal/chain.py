"""The hash chain over the conclusions of a run: each carries the hash of the one before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from kernel.journal.rows import Broken
from kernel.journal.values import encoder

START = "0" * 64  # the hash that the first conclusion of a run follows

_encode = encoder()


def link(previous: str, facts: Iterable[Any]) -> str:
    """The hash of a conclusion, over the hash before it and all that is recorded of it."""
    return hashlib.sha256((previous + _encode(tuple(facts))).encode()).hexdigest()


Row = tuple[int, str | None, str, str, tuple[Any, ...]]
"""A conclusion: number, path, hash of the conclusion before it, its own hash, the facts."""


def verify_chain(rows: Iterable[Row], concluded: int, head: str) -> Broken | None:
    """Where the chain breaks first; the run is recorded to end at ``concluded`` and ``head``."""
    expected, number = START, 0
    for found, path, previous, own, facts in rows:
        number += 1
        if found != number:
            return Broken(number, None, f"conclusion {number} is missing")
        if path is None:
            return Broken(number, None, f"the invocation of conclusion {number} is missing")
        if previous != expected:
            return Broken(number, path, f"{path} does not follow the conclusion before it")
        if link(previous, facts) != own:
            return Broken(number, path, f"{path} was altered after it was concluded")
        expected = own
    if (number, expected) != (concluded, head):
        return Broken(
            number + 1, None, f"{concluded} conclusions were recorded, {number} are there"
        )
    return None

"""The hash chain over the conclusions of a run: each carries the hash of the one before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from kernel.journal.rows import Broken
from kernel.journal.values import encoder

START = "0" * 64
"""What the first conclusion of a run has before it."""

_encode = encoder()


def link(previous: str, facts: Iterable[Any]) -> str:
    """The hash of a conclusion: of the one before it and of all that is recorded of it."""
    return hashlib.sha256((previous + _encode(tuple(facts))).encode()).hexdigest()


Row = tuple[int, str | None, str, str, tuple[Any, ...]]
"""Of one conclusion: number, path, hash of the one before, its own hash, the facts."""


def first_broken(rows: Iterable[Row], concluded: int, head: str) -> Broken | None:
    """Follow the chain; ``concluded`` and ``head`` are what the run says of its end."""
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


def flat(pages: Iterable[Iterable[Row]]) -> Iterator[Row]:
    """The rows of all pages, one after the other."""
    for page in pages:
        yield from page

"""The story of one run: processes that end when they are told to, and a person who helps.

What must hold at any moment and at the end of each story is judged here.
"""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from kernel.journal import Approval, Journal, open_journal
from tests.crash.support.effects import Effect, Effects, Scope
from tests.crash.support.processes import Ended, Processes

T = TypeVar("T")

ONCE = ("charge", "send", "wire", "refund")
"""The controllers whose effects are never to be had twice."""

RACE = "race"

MOST = 40
"""Processes after which a run that has not ended is taken for one that never does."""


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder in memory, where there is such: a killed process loses nothing of it either."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


def ask(address: str | Path, question: Callable[[Journal], Awaitable[T]]) -> T:
    """Open the journal, ask, close it."""

    async def main() -> T:
        journal = await open_journal(address)
        try:
            return await question(journal)
        finally:
            await journal.close()

    return asyncio.run(main())


@dataclass
class Story:
    """One run. ``crashes`` are the points at which its processes are killed, one after the other.

    A crash is the number of a process (from 0) and of a point in it. Effects whose names begin with
    ``RACE`` are of branches that another one cancels: it may stay unknown whether they were had.
    """

    processes: Processes
    effects: Effects
    journal: str
    manifest: str
    faults: dict[str, list[str]] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    repeated: tuple[str, ...] = ("reposted",)
    is_repeated: bool = False
    """A topology with a key may be called anew: only the effects of ``ONCE`` are had once."""
    run: str = field(default_factory=lambda: str(uuid.uuid4()))
    ended: list[Ended] = field(default_factory=list)
    was_unknown: list[str] = field(default_factory=list)
    scope: Scope = field(init=False)

    def __post_init__(self) -> None:
        self.scope = self.effects.scope(self.run, self.faults)

    def job(self, **more: Any) -> dict[str, Any]:
        """What a process is told."""
        return {
            "journal": self.journal, "manifest": self.manifest, "run": self.run,
            "scope": self.run, **self.more, **more,
        }  # fmt: skip

    def tell(self, *crashes: tuple[int, int]) -> Ended:
        """Let it happen until the run has ended; how it did."""
        at = dict(crashes)
        for number in range(MOST):
            ended = self.step(at=at.get(number), resume=number % 2 == 1)
            if ended.outcome not in (None, "parked", "unknown"):
                self.judge(ended)
                return ended
            if ended.outcome is not None:
                self.help()
            else:
                assert ended.killed, ended.error
        raise AssertionError(f"the run does not end: {self.ended[-1]}")

    def step(self, **more: Any) -> Ended:
        """One process, and what must hold after it."""
        ended = self.processes.run(**self.job(**more))
        self.ended.append(ended)
        self.effects.settle()
        self.nothing_twice()
        return ended

    def nothing_twice(self) -> None:
        """What is not to be repeated was not, and what may be was with the same key."""
        keys: dict[str, set[str]] = {}
        for one in self.scope.applied:
            keys.setdefault(one.name, set()).add(one.key)
        twice = [
            one.name
            for one in self.scope.applied
            if not self._may_be_repeated(one) and self.scope.count(one.name) > 1
        ]
        assert not twice, (twice, self.points)
        is_same = all(len(found) == 1 for found in keys.values())
        assert self.is_repeated or is_same, (keys, self.points)

    def _may_be_repeated(self, effect: Effect) -> bool:
        if effect.kind == "post":
            return self.is_repeated or effect.name in self.repeated
        return effect.kind not in ONCE

    @property
    def points(self) -> list[list[str]]:
        """The last points that each process reached."""
        return [one.points[-3:] for one in self.ended]

    def help(self) -> None:
        """Approve what waits; say of unknown outcomes what the server knows."""
        ask(self.journal, self._help)

    async def _help(self, journal: Journal) -> None:
        assert await journal.verify(self.run) is None
        waiting = await self._waiting(journal)
        unknown = await journal.escalations(self.run)
        assert waiting or unknown, "the run waits for nobody"
        for approval in waiting:
            assert not any(one.execution == approval.execution for one in unknown)
            await journal.decide(approval.approval, "approved", "Ada")
        for row in unknown:
            name = row.inputs["name"]
            self.was_unknown.append(name)
            landed = self.scope.count(name) == 1
            outputs = {"name": name} if landed else None
            await journal.resolve(row.execution, landed, "Ada", outputs=outputs)

    async def _waiting(self, journal: Journal) -> list[Approval]:
        return [one for one in await journal.approvals("pending") if one.run == self.run]

    def judge(self, ended: Ended) -> None:
        """What must hold at the end."""

        async def look(journal: Journal) -> None:
            assert await journal.verify(self.run) is None
            left = await journal.unresolved(run=self.run)
            assert not left, [one.path for one in left]
            unknown = await journal.escalations(self.run)
            assert [one for one in unknown if not one.inputs["name"].startswith(RACE)] == []
            assert not await self._waiting(journal)
            run = await journal.run(self.run)
            assert run is not None
            assert run.state == ended.outcome
            assert run.result == ended.result

        ask(self.journal, look)


def compared(ended: Ended) -> Sequence[Any]:
    """What of an end must be the same, whatever happened on the way."""
    error = ended.error and {key: ended.error[key] for key in ("code", "message", "kind")}
    return ended.outcome, ended.result, error

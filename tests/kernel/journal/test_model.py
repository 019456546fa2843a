"""Claim, finalize, fence and resolve against a model, over random schedules of two processes."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from kernel.journal import (
    Conclusion,
    Conflict,
    Existing,
    Fenced,
    InFlight,
    Journal,
    Lease,
    NewRun,
    Opened,
    Recorded,
    Refused,
    Won,
    open_journal,
)
from tests.support.journals import Clock, intent, place
from tests.support.properties import examples, partial

PATHS = st.sampled_from(["a", "b", "c"])
HASHES = st.sampled_from(["h1", "h1", "h1", "h2"])
KEYS = st.sampled_from([None, None, "k1", "k2"])
RUNS = st.sampled_from(["r1", "r2"])
WHO = st.integers(0, 1)
OUTCOMES = st.sampled_from(["succeeded", "failed", "unknown"])


@dataclass
class Told:
    """What the model knows of one invocation."""

    hash: str
    key: str | None
    epoch: int = 1
    lease: int = 1
    outcome: str | None = None
    not_landed: bool = False
    is_held: bool = False
    """In flight in a silent process, whose run another has taken over."""


@dataclass
class Model:
    """Who holds the runs, what is recorded, and which invocation stands behind a key."""

    leases: dict[str, int] = field(default_factory=dict)
    told: dict[tuple[str, str], Told] = field(default_factory=dict)
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)

    def claim(self, run: str, path: str, hash: str, key: str | None) -> type:
        """The answer, after it has been taken into account."""
        found = self.told.get((run, path))
        if found is not None:
            answer = self.judge(found, hash)
            if answer is not Won:
                return answer
        if key is not None:
            holder = self.keys.get(key)
            # A call that certainly had no effect frees its key, whatever the inputs of the next.
            if holder not in (None, (run, path)) and not self.told[holder].not_landed:
                answer = self.judge(self.told[holder], hash)
                if answer is not Won:
                    return answer
            self.keys[key] = (run, path)
        if found is None:
            self.told[run, path] = Told(hash, key, lease=self.leases[run])
        else:
            found.epoch += 1
            found.lease = self.leases[run]
            found.outcome, found.not_landed = None, False
        return Won

    @staticmethod
    def judge(found: Told, hash: str) -> type:
        if found.hash != hash:
            return Conflict
        if found.outcome is None:
            return InFlight
        return Won if found.not_landed else Recorded


class Schedules(RuleBasedStateMachine):
    """Two processes, of which each believes in the leases and claims that it once had."""

    store = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.place = place(self.store, Path(self.folder.name))
        address = self.place.__enter__()
        first = self.do(open_journal(address, owner="0", clock=Clock(), busy=1))
        second = first
        if self.store != "memory":
            second = self.do(open_journal(address, owner="1", clock=Clock(), busy=1))
        self.journals: tuple[Journal, Journal] = (first, second)
        self.model = Model()
        self.leases: list[dict[str, Lease]] = [{}, {}]
        self.claims: list[dict[tuple[str, str], int]] = [{}, {}]
        self.concluded: dict[tuple[str, str], list[str]] = {}
        for run in ("r1", "r2"):
            opened = self.do(first.open_run(NewRun(run, "Main", "digest")))
            assert isinstance(opened, Opened)
            self.leases[0][run] = opened.lease
            self.leases[1][run] = opened.lease
            self.model.leases[run] = 1
            assert isinstance(self.do(second.open_run(NewRun(run, "Main", "digest"))), Existing)

    def do(self, work: Any) -> Any:
        return self.runner.run(work)

    def teardown(self) -> None:
        for journal in dict.fromkeys(self.journals):
            self.do(journal.close())
        self.place.__exit__(None, None, None)
        self.folder.cleanup()
        self.runner.close()

    @rule(who=WHO, run=RUNS, path=PATHS, hash=HASHES, key=KEYS)
    def claim(self, who: int, run: str, path: str, hash: str, key: str | None) -> None:
        found = self.model.told.get((run, path))
        key = key if found is None else found.key  # a path keeps its key
        lease = self.leases[who][run].epoch
        work = self.journals[who].claim(
            intent(path, run=run, lease=lease, inputs_hash=hash, key=key)
        )
        if lease != self.model.leases[run]:
            with pytest.raises(Fenced):
                self.do(work)
            return
        answer = self.do(work)
        assert type(answer) is self.model.claim(run, path, hash, key)
        if isinstance(answer, Won):
            assert answer.epoch == self.model.told[run, path].epoch
            self.claims[who][run, path] = answer.epoch

    @rule(who=WHO, run=RUNS, path=PATHS, outcome=OUTCOMES)
    def finalize(self, who: int, run: str, path: str, outcome: Any) -> None:
        epoch = self.claims[who].get((run, path))
        if epoch is None:
            return
        told = self.model.told[run, path]
        work = self.journals[who].finalize(f"{run}/{path}", epoch, Conclusion(outcome))
        is_current = told.is_held or told.lease == self.model.leases[run]
        current = told.epoch == epoch and is_current
        if told.outcome is not None or not current:
            with pytest.raises(Fenced):
                self.do(work)
            return
        self.do(work)
        told.outcome, told.is_held = outcome, False
        self.concluded.setdefault((run, path), []).append(outcome)
        key = told.key
        if outcome == "failed" and key and self.model.keys.get(key) == (run, path):
            del self.model.keys[key]

    @rule(who=WHO, run=RUNS, is_dead=st.booleans())
    def take_over(self, who: int, run: str, is_dead: bool) -> None:
        seen = self.do(self.journals[who].lease(run))
        lease = self.do(self.journals[who].take_over(seen, is_dead=is_dead))
        assert isinstance(lease, Lease)
        assert lease.epoch == self.model.leases[run] + 1
        for (where, _), told in self.model.told.items():
            if where == run and told.outcome is None and not is_dead:
                told.is_held = True
        self.model.leases[run] = lease.epoch
        self.leases[who][run] = lease

    @rule(who=WHO, run=RUNS, path=PATHS)
    def fence(self, who: int, run: str, path: str) -> None:
        told = self.model.told.get((run, path))
        if told is None:
            return
        lease = self.leases[who][run]
        work = self.journals[who].fence(lease, f"{run}/{path}", told.epoch)
        if lease.epoch != self.model.leases[run] or told.outcome is not None:
            with pytest.raises(Fenced):
                self.do(work)
            return
        self.claims[who][run, path] = told.epoch = self.do(work)
        told.lease, told.is_held = lease.epoch, False

    @rule(who=WHO, run=RUNS, path=PATHS, made=st.booleans())
    def release(self, who: int, run: str, path: str, made: bool) -> None:
        told, epoch = self.model.told.get((run, path)), self.claims[who].get((run, path), 0)
        self.do(self.journals[who].release(f"{run}/{path}", epoch, made=made))
        if told is not None and told.epoch == epoch:
            told.is_held = False

    @rule(who=WHO, run=RUNS, path=PATHS, landed=st.booleans())
    def resolve(self, who: int, run: str, path: str, landed: bool) -> None:
        told = self.model.told.get((run, path))
        work = self.journals[who].resolve(f"{run}/{path}", landed, "ann")
        if told is None or not (told.outcome == "unknown" or told.is_held):
            with pytest.raises(Refused):
                self.do(work)
            return
        self.do(work)
        told.outcome = "succeeded" if landed else "failed"
        told.not_landed = not landed
        if told.is_held:
            told.epoch, told.is_held = told.epoch + 1, False
        self.concluded.setdefault((run, path), []).append(told.outcome)

    @invariant()
    def the_record_is_as_the_model_says(self) -> None:
        open_ones = self.do(self.journals[0].unresolved())
        assert {(one.run, one.path) for one in open_ones} == {
            where for where, told in self.model.told.items() if told.outcome is None
        }
        unknown = self.do(self.journals[1].escalations())
        assert {(one.run, one.path) for one in unknown} == {
            where
            for where, told in self.model.told.items()
            if told.outcome == "unknown" or told.is_held
        }
        for run in ("r1", "r2"):
            assert self.do(self.journals[0].verify(run)) is None
            found = self.do(self.journals[1].run(run))
            assert found is not None
            wanted = sum(len(e) for (where, _), e in self.concluded.items() if where == run)
            assert found.concluded == wanted

    @invariant()
    def nothing_takes_effect_twice(self) -> None:
        for endings in self.concluded.values():
            assert endings.count("succeeded") <= 1


@partial
@pytest.mark.parametrize(("store", "full"), [("memory", 60), ("sqlite", 15)])
def test_any_schedule_of_two_processes_keeps_the_promise(store: str, full: int) -> None:
    machine = type("OfStore", (Schedules,), {"store": store})
    run_state_machine_as_test(machine, settings=examples(full, stateful_step_count=30))


@pytest.mark.long
@pytest.mark.parametrize(
    ("store", "examples"), [("memory", 200), ("sqlite", 30), ("postgresql", 8)]
)
def test_any_schedule_of_two_processes_at_length(store: str, examples: int) -> None:
    machine = type("OfStore", (Schedules,), {"store": store})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=60, deadline=None)
    )

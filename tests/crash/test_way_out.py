"""No run ends in a state that none of the commands leads out of, wherever it is killed.

A person brings it to an end with the commands alone, as they say: `kernel runs`, `escalations`,
`approvals`, `resume`, `resolve`, `approve`, `deny`, `cancel`.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.cli.app import run
from tests.crash.support.effects import Effects
from tests.crash.support.hard_topologies import hard_topologies
from tests.crash.support.processes import Processes
from tests.crash.support.story import Story, scratch
from tests.crash.support.topologies import Topology
from tests.crash.test_any_topology import shown
from tests.support.journals import place

MANIFESTS = Path(__file__).parent / "manifests"
ENDED = ("succeeded", "failed", "cancelled", "rejected")

MOST = 25
"""Times that a person looks at a run, after which it is taken for one that never ends."""


@dataclass(frozen=True)
class Plan:
    """What happens around a run: which processes are killed at which point, what a person does."""

    killed: Mapping[int, int]
    denies: tuple[bool, ...] = ()
    cancels_at: int = -1


plans = st.builds(
    Plan,
    killed=st.dictionaries(st.integers(0, 6), st.integers(1, 60), max_size=4),
    denies=st.lists(st.integers(0, 3).map(lambda drawn: drawn == 0), max_size=6).map(tuple),
    cancels_at=st.integers(-20, 5),
)


@dataclass
class Person:
    """Works with the commands; ``story`` has the processes, the effects and what must hold."""

    story: Story
    plan: Plan
    target: str
    begun: int = 0
    decided: int = 0
    is_resolved: bool = False
    """The person has said what became of a call, and the run has not gone on since."""
    said: list[str] = field(default_factory=list)

    def command(self, *arguments: str, may_be_killed: bool = True) -> dict[str, Any] | None:
        """Run a command in a process of its own; None if that was killed."""
        at = self.plan.killed.get(self.begun) if may_be_killed else None
        self.begun += may_be_killed
        ended = self.story.step(
            command=[*arguments, "--journal", self.story.journal], at=at, patience=0.3
        )
        self.said.append(f"{' '.join(arguments)}: {'killed' if ended.killed else ended.result}")
        return None if ended.killed else ended.result

    def listed(self, what: str) -> Any:
        """What a command lists; it is run here, since it changes nothing."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = run([what, "-o", "json", "--journal", self.story.journal])
        if "there is no journal" in err.getvalue():  # it was killed before it made one
            return []
        assert status == 0, (what, err.getvalue())
        return json.loads(out.getvalue())

    def done(self, *arguments: str) -> None:
        """Run a command that a person was told to run: it does not refuse."""
        answer = self.command(*arguments)
        assert answer is None or answer["status"] == 0, answer

    def state(self) -> str | None:
        """The state of the run; None while there is none."""
        found = [one["state"] for one in self.listed("runs") if one["run"] == self.story.run]
        return found[0] if found else None

    def bring_to_its_end(self) -> str:
        """Begin the run, and do what it asks for until it has ended; its state."""
        manifest, name = self.story.manifest, self.story.run
        begin = ("apply", manifest, "--no-check", "--target", self.target, "--run-id", name)
        self.command(*begin)
        for number in range(MOST):
            state = self.state()
            if state in ENDED:
                self.close()
                return str(state)
            if state is None:
                self.command(*begin)
            elif number == self.plan.cancels_at:
                self.done("cancel", name)
            else:
                self.help(state)
                if self.command("resume", name) is not None:
                    self.is_resolved = False
        raise AssertionError(f"the run is {state} again and again")

    def help(self, state: str) -> None:
        """Answer what the run asks for."""
        unknown = self.escalations()
        asked = [one for one in self.listed("approvals") if one["run"] == self.story.run]
        waits = [one for one in asked if one["state"] == "pending"]
        if state == "unknown":
            assert unknown or self.is_resolved, "it is unknown, and there is nothing to resolve"
        elif state == "parked":
            assert asked or unknown, "it is parked, and waits for nobody"
        else:
            assert state == "interrupted", state
        for one in waits:
            denies = self.plan.denies[self.decided :][:1] == (True,)
            self.decided += 1
            answer = self.command("deny" if denies else "approve", one["approval"])
            is_late = answer is not None and "has expired" in answer["err"]
            assert answer is None or answer["status"] == 0 or is_late, answer
        for row in unknown:
            self.resolve(row)

    def escalations(self) -> list[Any]:
        return [one for one in self.listed("escalations") if one["run"] == self.story.run]

    def resolve(self, row: Any) -> None:
        """Say what became of a call: what the server knows, and of a topology, that it failed."""
        name = row["inputs"].get("name")
        landed = row["target"].startswith("Effect.") and self.story.scope.count(name) > 0
        outputs = ["--landed", "--outputs", json.dumps({"name": name})]
        self.done("resolve", row["execution"], *(outputs if landed else ["--not-landed"]))
        self.is_resolved = True

    def close(self) -> None:
        """What was left behind can be resolved; nothing else waits."""
        while unknown := self.escalations():
            for row in unknown:  # a process that says so may be killed
                self.resolve(row)
        asked = self.listed("approvals")
        assert [one for one in asked if one["state"] == "pending"] == []
        answer = self.command("trace", "--verify", self.story.run, may_be_killed=False)
        assert answer is not None
        assert answer["status"] == 0, answer


def ends(
    effects: Effects, processes: Processes, store: str, topology: Topology, plan: Plan
) -> None:
    """Let a person bring a run of a topology to its end."""
    with scratch() as folder, place(store, folder / "journal") as address:
        project = folder / "project"
        project.mkdir()
        for one in ("kinds.yaml", "effect_controllers.py"):
            shutil.copy(MANIFESTS / one, project)
        text = "\n---\n".join(json.dumps(one) for one in topology.resources)
        (project / "main.yaml").write_text(text)
        story = Story(processes, effects, address, str(project), topology.faults, is_repeated=True)
        person = Person(story, plan, f"{topology.resources[-1]['kind']}/Main")
        try:
            state = person.bring_to_its_end()
        except AssertionError as error:
            raise AssertionError("\n".join([*person.said, str(error), text])) from error
        if state == "succeeded":
            nothing_lost(person)


def nothing_lost(person: Person) -> None:
    """Each effect whose result a run that succeeded gives was had."""
    answer = person.command("resume", person.story.run, may_be_killed=False)
    assert answer is not None
    for name, value in (json.loads(answer["out"]) or {}).items():
        if name.startswith("e") and isinstance(value, dict):
            assert person.story.scope.count(value["name"]) > 0, (name, value)


@shown(8)
@given(topology=hard_topologies(), plan=plans)
def test_a_way_out(effects: Effects, processes: Processes, topology: Topology, plan: Plan) -> None:
    ends(effects, processes, "sqlite", topology, plan)


@pytest.mark.long
@pytest.mark.parametrize(("store", "examples"), [("sqlite", 120), ("postgresql", 25)])
def test_a_way_out_at_length(
    effects: Effects, processes: Processes, store: str, examples: int
) -> None:
    @shown(examples)
    @given(topology=hard_topologies(), plan=plans)
    def a_way_out(topology: Topology, plan: Plan) -> None:
        ends(effects, processes, store, topology, plan)

    a_way_out()

"""A world of effects that go wrong once, and runs in it that a person brings to an end."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from kernel import Call, Failure, Kernel, RunResult, loads
from kernel.journal import Invocation, Journal, open_journal
from tests.kernel.runtime.support.person import Person

Step = dict[str, Any]

NAME = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
CHECK = {"invoke": {"kind": "Pay.Look"}, "landed": "${{ result.found }}"}


def kind(name: str, **more: Any) -> Step:
    about = {"name": name, "module": "Pay"}
    return {"kind": "Kernel.Definition", "metadata": about, "capability": "Invocable", **more}


KINDS = [
    kind("Look", safety="idempotent"),
    kind("Put", safety="idempotent"),
    kind("Charge", safety="irreversible"),
    kind("Order", safety="write-once-checkable", check=CHECK),
    kind("Wire", safety="approval-bound"),
    kind("Post"),
    kind("Work", safety="irreversible"),
    kind("Around", safety="irreversible"),
]
NAMED = [
    {"kind": f"Pay.{name}", "metadata": {"name": f"{name}R"}}
    for name in ("Charge", "Order", "Wire", "Post", "Work")
]


class World:
    """Effects by their names, and what goes wrong with the first call of each.

    ``lost``: applied, and the answer is lost; ``gone``: not applied, and nobody knows;
    ``slow``: applied, and the answer comes after a minute.
    """

    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        self.applied: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.begun = asyncio.Event()
        self.fails: set[str] = set()
        """The names of calls whose first answer is lost, besides."""

    def controllers(self) -> Mapping[str, Any]:
        async def effect(inputs: Any) -> Any:
            name = inputs["name"]
            self.asked[name] += 1
            fault = self.fault if self.asked[name] == 1 and name.startswith("e") else ""
            if name in self.fails and self.asked[name] == 1:
                fault = "lost"
            if fault == "gone":
                raise Failure("the answer is lost", code="LOST", outcome="unknown")
            self.applied[name] += 1
            if name.startswith("e"):
                self.begun.set()
            if fault == "lost":
                raise Failure("the answer is lost", code="LOST", outcome="unknown")
            if fault == "slow":
                await asyncio.sleep(60)
            return {"name": name}

        def work(inputs: Any) -> Any:
            """It works in a thread, and nothing can stop it there."""
            self.asked[inputs["name"]] += 1
            if self.asked[inputs["name"]] == 1:
                time.sleep(0.3)
            self.applied[inputs["name"]] += 1
            return {"name": inputs["name"]}

        async def around(inputs: Any, call: Call) -> Any:
            self.asked["Around"] += 1
            target = inputs["kind"]
            answer = await call.invoke(f"{target}/{target[4:]}R", {"name": inputs["name"]})
            if "Around" in self.fails and self.asked["Around"] == 1:
                raise Failure("the answer is lost", code="LOST", outcome="unknown")
            return answer

        def look(inputs: Any) -> Any:
            raise Failure("nobody answers", code="DOWN")

        kinds = dict.fromkeys(("Put", "Charge", "Order", "Wire", "Post"), effect)
        more = {"Work": work, "Around": around, "Look": look}
        return {f"Pay.{name}": made for name, made in {**kinds, **more}.items()}

    def has_landed(self, row: Invocation) -> bool:
        """What a person finds out about a call; of one around others, that it has not ended."""
        if row.target.startswith("Pay.Work"):
            time.sleep(0.4)  # until the thread has ended
        is_around = row.target.startswith(("Pay.Around", "Run.Sequence", "Pay.Made"))
        return not is_around and self.applied[row.inputs["name"]] > 0


def calling(name: str, target: str = "Charge", **more: Any) -> Step:
    return {"invoke": {"kind": f"Pay.{target}"}, "inputs": {"name": name}, **more}


def sequence(name: str, *steps: Step) -> Step:
    return {"kind": "Run.Sequence", "metadata": {"name": name}, "steps": list(steps)}


def inner(**more: Any) -> Step:
    return {"invoke": {"kind": "Run.Sequence", "name": "Inner"}, **more}


def kernel(resources: list[Step], world: World, journal: Journal) -> Kernel:
    text = "\n---\n".join(map(json.dumps, [*KINDS, *NAMED, *resources]))
    return Kernel(loads(text), controllers=world.controllers(), journal=journal)


async def applied(resources: list[Step], world: World, journal: Journal, run: str) -> RunResult:
    async with kernel(resources, world, journal) as started:
        return await started.apply("Run.Sequence/Main", run_id=run)


async def to_the_end(
    address: str,
    resources: list[Step],
    world: World,
    answer: str,
    run: str = "r",
    in_front: Callable[[Journal], Any] = lambda journal: journal,
) -> str:
    """Let a person bring a run to its end; nothing was made twice then. Its state.

    The run writes to ``in_front(journal)``; the person looks into the journal itself.
    """
    journal = await open_journal(address)
    try:
        said: Any = answer or "approved"
        person = Person(journal, world.has_landed, {"name": "?"}, said)
        own = in_front(journal)
        state = await person.end(run, lambda: applied(resources, world, own, run))
    finally:
        await journal.close()
    twice = {name: count for name, count in world.applied.items() if count > 1}
    assert not twice, twice
    return state

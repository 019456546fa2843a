"""Generated sequences of small steps that read each other under conditions that depend on them.

There are no schemas worth a name: all that can go wrong is that a step has not run where it is
read. So many are checked and run in little time.
"""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

INPUTS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "p": {"type": "boolean"},
        "q": {"type": "boolean"},
        "s": {"enum": ["a", "b", "c"]},
    },
    "required": ["p", "q", "s"],
    "additionalProperties": False,
}
PAUSE = {
    "kind": "Kernel.Definition",
    "metadata": {"name": "Pause", "module": "T"},
    "capability": "Invocable",
    "inputs": {"type": "object", "properties": {}},
    "outputs": {"type": "integer"},
    "safety": "idempotent",
}


def pause(rng: random.Random) -> Any:
    """The controller of ``T.Pause``: it lets what runs at the same time go on."""

    async def call(inputs: Any) -> int:
        for _ in range(rng.randint(0, 4)):
            await asyncio.sleep(0)
        return 1

    return call


def text_of(sequence: dict[str, Any]) -> str:
    """The manifest; the sequence is its second document, on its third line."""
    return f"{json.dumps(PAUSE)}\n---\n{json.dumps(sequence)}\n"


def walk(seed: int) -> dict[str, Any]:
    """A sequence ``Main``."""
    return _Maker(random.Random(seed)).sequence()


class _Maker:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.count = 0
        self.conditions = ["inputs.p", "inputs.q", "inputs.s == 'a'", "inputs.p && inputs.q"]
        self.around: list[str] = []

    def sequence(self) -> dict[str, Any]:
        steps = self.steps(self.rng.choice((1, 2, 3)))
        steps += [self.value() for _ in range(self.rng.randint(1, 3))]
        return {
            "kind": "Run.Sequence",
            "metadata": {"name": "Main"},
            "inputs": INPUTS,
            "steps": steps,
            "result": bracketed(self.number()),
        }

    # Expressions

    def name(self) -> str:
        """A step, one that was made or one of the next."""
        return f"S{self.rng.randint(max(1, self.count - 6), self.count + 2)}"

    def condition(self) -> str:
        rng = self.rng
        if rng.random() < 0.6:
            made = rng.choice((*self.conditions[-8:], *self.conditions[:4], *self.around * 2))
        else:
            name = self.name()
            forms = (f"has(steps.{name}.result)", f"has(steps.{name}.result)",
                     f"has(steps.{name}.skipped)", f"steps.{name}.skipped",
                     f"steps.{name}.result > 1", f"inputs.s == '{rng.choice('abc')}'")  # fmt: skip
            made = rng.choice(forms)
            self.conditions.append(made)
        if rng.random() < 0.25:
            made = f"!({made})"
        if rng.random() < 0.15:
            made = f"({made}) {rng.choice(('&&', '||'))} ({rng.choice(self.conditions)})"
            self.conditions.append(made)
        return made

    def number(self) -> str:
        rng, name = self.rng, self.name()
        read = rng.choice((f"steps.{name}.result", f"steps.{name}.result + 1"))
        if rng.random() < 0.25:
            return read
        return f"{self.condition()} ? {read} : {rng.randint(0, 2)}"

    # Steps

    def steps(self, depth: int) -> list[Any]:
        return [self.step(depth) for _ in range(self.rng.choice((1, 2, 2, 3)))]

    def step(self, depth: int) -> dict[str, Any]:
        if depth == 0 or self.rng.random() < 0.45:
            return self.value()
        forms = (self.branch, self.branch, self.choice, self.loop, self.loop, self.each)
        made = self.rng.choice((*forms, self.together, self.together, self.boundary, self.ended))(
            depth - 1
        )
        if self.rng.random() < 0.2:
            made["when"] = bracketed(self.condition())
        self.count += 1
        return {"name": f"S{self.count}", **made}

    def value(self) -> dict[str, Any]:
        rng = self.rng
        made: dict[str, Any] = {"value": rng.randint(0, 3)}
        if rng.random() < 0.5:
            made = {"value": bracketed(self.number())}
        elif rng.random() < 0.3:
            made = {"invoke": {"kind": "T.Pause"}}
        elif rng.random() < 0.2:
            made = {"throw": {"code": "X", "message": rng.choice("EF")}}
        if rng.random() < 0.5 or "throw" in made:
            made["when"] = bracketed(self.condition())
        self.count += 1
        return {"name": f"S{self.count}", **made}

    def branch(self, depth: int) -> dict[str, Any]:
        made = {"if": bracketed(self.condition()), "then": self.steps(depth)}
        if self.rng.random() < 0.3:
            made["elseif"] = [{"if": bracketed(self.condition()), "then": self.steps(depth)}]
        if self.rng.random() < 0.6:
            made["else"] = self.steps(depth)
        return made

    def ended(self, depth: int) -> dict[str, Any]:
        """What ends the walk under a condition."""
        thrown = [{"throw": {"code": "X", "message": self.rng.choice("EF")}}]
        arms = {"then": thrown}
        if self.rng.random() < 0.5:
            arms["else"] = self.steps(0)
        return {"if": bracketed(self.condition()), **arms}

    def choice(self, depth: int) -> dict[str, Any]:
        cases = {key: self.steps(depth) for key in self.rng.sample("abc", 2)}
        return {"switch": "${{ inputs.s }}", "cases": cases, "default": self.steps(depth)}

    def loop(self, depth: int) -> dict[str, Any]:
        body = self.steps(depth)
        word = self.rng.choice(("until", "until", "while"))
        condition = bracketed(self.condition())
        return {"do": body, word: condition, "maxIterations": self.rng.randint(2, 3)}

    def each(self, depth: int) -> dict[str, Any]:
        outer = self.around
        self.around = [*outer, "item > 1", "index == 0", "item > 1 && inputs.p"]
        made: dict[str, Any] = {"forEach": self.rng.sample([0, 1, 2, 3], 3)}
        made["do"] = self.steps(depth)
        made["result"] = bracketed(self.number())
        self.around = outer
        if self.rng.random() < 0.4:
            made["parallelism"] = 2
        return made

    def together(self, depth: int) -> dict[str, Any]:
        return {"parallel": {name: self.steps(depth) for name in ("left", "right")}}

    def boundary(self, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {"try": self.steps(depth)}
        outer = self.around
        if self.rng.random() < 0.75:
            self.around = [*outer, "error.message == 'E'", "error.message == 'F'"]
            made["catch"] = self.steps(depth)
        if "catch" not in made or self.rng.random() < 0.3:
            self.around = [*outer, "error == null"]
            made["finally"] = self.steps(depth)
        self.around = outer
        return made


def bracketed(expression: str) -> str:
    return "${{ " + expression + " }}"


def without(sequence: dict[str, Any], path: tuple[Any, ...]) -> bool:
    """Put something harmless in the place of what is at a path; false where nothing is left."""
    place: Any = sequence
    for number, key in enumerate(path):
        if not isinstance(place, list) and key in ("when", "if", "while", "until"):
            flags = ("${{ inputs.p }}", "${{ inputs.q }}")
            place[key] = flags[place[key] == flags[0]]
            return True
        if not isinstance(place, list) and key in ("value", "result"):
            place[key] = number % 3
            return True
        if key == "needs" and isinstance(place, dict):
            del place[key]
            return True
        place = place[key]
    return False

"""Any topology of effects, what goes wrong with them, and where its processes are killed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from tests.crash.support.story import RACE

Step = dict[str, Any]
Steps = list[Step]

_KNOWN = ("Put", "Charge", "Wire")
_KINDS = (*_KNOWN, "Send", "Post")


@dataclass
class Topology:
    """Resources, the faults of effects by their names, and those effects that may be had again."""

    resources: list[Step] = field(default_factory=list)
    faults: dict[str, list[str]] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)
    effects: int = 0

    def number(self) -> int:
        """The number of the next effect."""
        self.effects += 1
        return self.effects


@dataclass(frozen=True)
class Place:
    """Where steps stand: what the names of effects begin and end with there, as expressions.

    ``begins`` is what they begin with as text; ``is_guarded``: an unknown outcome would be caught.
    """

    prefix: str = ""
    begins: str = ""
    suffix: str = ""
    depth: int = 0
    is_guarded: bool = False

    def name(self, stem: str) -> str:
        """The name of an effect."""
        return f"{self.prefix}{stem}{self.suffix}"

    def names(self, stem: str) -> list[str]:
        """Those that it has in the rounds of a loop, the first of which is made for certain."""
        rounds = [f"-{number}" for number in range(4)] if self.suffix else [""]
        return [f"{self.begins}{stem}{one}" for one in rounds]


class Drawing:
    """Draws one topology."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self.draw = draw
        self.topology = Topology()

    def one_of(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def main(self) -> Topology:
        steps = self.steps(Place(), 4)
        self.topology.resources.append(self.engine("Main", steps))
        return self.topology

    def engine(self, name: str, steps: Steps, **more: Any) -> Step:
        """The steps as those of a sequence, or as the nodes of a workflow in any order."""
        head = {"metadata": {"name": name}, **more}
        if self.draw(st.booleans()):
            return {"kind": "Run.Sequence", **head, "steps": steps}
        names = [step["name"] for step in steps if "name" in step]
        for step in steps:
            before = names[: names.index(step["name"])] if "name" in step else names
            if before and "name" in step and self.draw(st.booleans()):
                step["needs"] = [self.one_of(*before)]
        workflow = {"kind": "Flow.Workflow", **head, "nodes": self.draw(st.permutations(steps))}
        if self.draw(st.booleans()):
            workflow["parallelism"] = self.one_of(1, 2)
        return workflow

    def routed(self, call: Step) -> Step:
        """The call, or one of a router that makes it."""
        if self.draw(st.booleans()):
            return call
        name = f"Router{self.topology.number()}"
        site = {"invoke": call["invoke"], "inputs": "${{ event }}"}
        match = self.one_of("${{ event.name != '' }}", "${{ event.name == '' }}")
        router = {
            "kind": "Flow.Router",
            "metadata": {"name": name},
            "event": _NAMED,
            "entries": [{"match": match, **site}],
            "fallback": site,
        }
        self.topology.resources.append(router)
        invoke = {"kind": "Flow.Router", "name": name}
        return {**call, "invoke": invoke, "inputs": {"event": call["inputs"]}}

    def steps(self, place: Place, most: int) -> Steps:
        return [self.step(place) for _ in range(self.draw(st.integers(1, most)))]

    def step(self, place: Place) -> Step:
        forms = [self.effect] * 3 + [self.sleep]
        if place.depth < 2:
            forms += [self.branch, self.together, self.guarded, self.nested, self.race]
            if not place.suffix:
                forms += [self.each, self.rounds]
        return self.one_of(*forms)(replace(place, depth=place.depth + 1))

    def effect(self, place: Place) -> Step:
        stem = f"e{self.topology.number()}"
        kind = self.one_of(*(_KNOWN if place.is_guarded else _KINDS))
        step = {"name": stem, **_call(kind, place.name(stem))}
        faults = [] if kind == "Put" else ["lost", "broken"]
        if kind != "Wire" and self.draw(st.booleans()):
            faults = ["lost", "broken", "refused"]
            step["retry"] = {"attempts": 8, "delay": self.one_of(0, 5)}
            if kind == "Post":
                self.topology.repeated.extend(place.names(stem))
        if faults and self.draw(st.booleans()):
            self.topology.faults[place.names(stem)[0]] = [self.one_of(*faults)]
        if self.draw(st.integers(0, 9)) == 0:
            step["idempotencyKey"] = "${{ invocation.run }}-" + place.name(stem)
        if self.draw(st.integers(0, 9)) == 0:
            step["approval"] = "required"
        return step

    def sleep(self, place: Place) -> Step:
        return {"sleep": self.one_of(0, 3, 15)}

    def branch(self, place: Place) -> Step:
        arms = {"then": self.steps(place, 2), "else": self.steps(place, 2)}
        return {"if": self.one_of("${{ true }}", "${{ false }}"), **arms}

    def together(self, place: Place) -> Step:
        names = "abc"[: self.draw(st.integers(2, 3))]
        return {"parallel": {name: self.steps(place, 2) for name in names}}

    def each(self, place: Place) -> Step:
        inside = replace(place, suffix="-${{ index }}")
        items = list(range(self.draw(st.integers(1, 4))))
        body = self.steps(inside, 2)
        return {"forEach": items, "parallelism": self.draw(st.integers(1, 3)), "do": body}

    def rounds(self, place: Place) -> Step:
        name = f"N{self.topology.number()}"
        inside = replace(place, suffix=f"-${{{{ steps.{name}.result }}}}")
        count = {
            "name": name,
            "value": f"${{{{ has(steps.{name}.result) ? steps.{name}.result + 1 : 0 }}}}",
        }
        until = f"${{{{ steps.{name}.result == 1 }}}}"
        return {"do": [count, *self.steps(inside, 2)], "until": until, "maxIterations": 3}

    def guarded(self, place: Place) -> Step:
        step: Step = {"try": self.steps(replace(place, is_guarded=True), 2)}
        if self.draw(st.booleans()):
            step["try"].append({"throw": {"code": "OUT"}})
        step["catch"] = self.steps(place, 2)
        if self.draw(st.booleans()):
            step["finally"] = self.steps(place, 1)
        return step

    def nested(self, place: Place) -> Step:
        number = self.topology.number()
        begins = f"{place.names(f'in{number}')[0]}-"
        within = replace(place, prefix="${{ inputs.name }}-", begins=begins, suffix="")
        inner = self.engine(f"Inner{number}", self.steps(within, 2), inputs=_NAMED)
        if self.draw(st.booleans()):
            inner["concurrency"] = self.one_of({"limit": 1}, {"limit": 2}, _GROUPED)
        invoke = {"kind": inner["kind"], "name": f"Inner{number}"}
        if self.draw(st.integers(0, 2)) == 0:
            inner = _with_body(inner)
            invoke = {"kind": f"Own.Inner{number}"}
        self.topology.resources.append(inner)
        called = {"inputs": {"name": place.name(f"in{number}")}, "invoke": invoke}
        call = self.routed({"name": f"I{number}", **called})
        if self.draw(st.booleans()):
            call["retry"] = {"attempts": 8, "delay": 1}
        return call

    def race(self, place: Place) -> Step:
        """A branch fails at any moment of another, and what comes then is not before that ends."""
        number = self.topology.number()
        kinds = [self.one_of("Put", "Charge", "Send", "Post") for _ in range(2)]
        runs = [
            _call(kind, f"{RACE}{number}-{place.name(str(turn))}")
            for turn, kind in enumerate(kinds)
        ]
        fails = [{"sleep": self.one_of(0, 3, 10, 20)}, {"throw": {"code": "RACE"}}]
        caught = _call("Charge", place.name(f"caught{number}"))
        branches = {"a": runs, "b": fails} if self.draw(st.booleans()) else {"b": fails, "a": runs}
        code = {"name": f"R{number}", "value": "${{ error.code }}"}
        return {"try": [{"parallel": branches}], "catch": [caught, code]}


def _call(kind: str, name: str) -> Step:
    return {"invoke": {"kind": f"Effect.{kind}"}, "inputs": {"name": name}}


def _with_body(topology: Step) -> Step:
    """A kind whose body is the topology."""
    names = ("inputs", "steps", "nodes", "parallelism", "concurrency")
    body = {name: topology[name] for name in names if name in topology}
    engine = topology["kind"].partition(".")[2]
    return {
        "kind": "Kernel.Definition",
        "metadata": {"name": topology["metadata"]["name"], "module": "Own"},
        "capability": "Invocable",
        "body": {**body, **({} if engine == "Sequence" else {"topology": engine})},
    }


_GROUPED = {"limit": 1, "group": "${{ inputs.name }}"}
_NAMED = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


@st.composite
def topologies(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Topology:
    """Any topology that succeeds when nothing goes wrong, and when what may go wrong does."""
    return Drawing(draw).main()


crashes = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 70)), max_size=3)
"""The processes and the points at which they are killed."""

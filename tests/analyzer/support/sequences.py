"""Generated sequences, and what was really there when they ran."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import strategies as st

from kernel import Kernel, loads
from kernel.topology.reader import Reader
from kernel.topology.sequence import read_sequence
from kernel.topology.topology import Topology


def read(steps: list[Any]) -> Topology:
    document = loads("kind: Run.Sequence\nmetadata: { name: Main }\nsteps: []").documents[0]
    reader = Reader(document)
    sequence = read_sequence(reader, {"steps": (("steps",), steps)})
    assert not reader.faults
    return sequence


NAMES = iter(f"S{n}" for n in range(10**9))


def step_lists(depth: int = 3) -> st.SearchStrategy[list[Any]]:
    """Lists of steps with names of their own, some of which fail."""
    leaf = st.sampled_from([{"value": 1}, {"value": 1}, {"throw": {"code": "BAD"}}])
    if depth:
        lists = st.lists(st.deferred(lambda: step_lists(depth - 1)), min_size=3, max_size=3)
        conditions = st.sampled_from(["${{ true }}", "${{ false }}"])
        form = st.one_of(leaf, leaf, st.builds(_form, st.integers(0, 6), lists, conditions))
    else:
        form = leaf
    when = st.sampled_from([None, None, None, "${{ true }}", "${{ false }}"])
    step = st.builds(lambda one, when: {**one, **({"when": when} if when else {})}, form, when)
    return st.lists(step, min_size=1, max_size=3)


def _form(number: int, lists: list[Any], condition: str) -> dict[str, Any]:
    a, b, c = lists
    return [
        {"if": condition, "then": a, "elseif": [{"if": condition, "then": b}], "else": c},
        {"switch": "${{ 1 }}", "cases": {1: a, 2: b}, "default": c},
        {"do": a, "while": condition, "maxIterations": 2},
        {"do": a, "until": condition, "maxIterations": 2},
        {"forEach": [1, 2], "do": a},
        {"try": a, "catch": b, "finally": c},
        {"parallel": {"x": a, "y": b}},
    ][number]


def with_names(steps: Any) -> Any:
    """Every step gets a name, and a value that tells which steps it saw."""
    named_steps = []
    for step in steps:
        name = next(NAMES)
        inner = {
            key: with_names(item)
            for key, item in step.items()
            if key in ("then", "else", "do", "try", "catch", "finally", "default")
        }
        for key in ("cases", "parallel"):
            if key in step:
                inner[key] = {one: with_names(item) for one, item in step[key].items()}
        if "elseif" in step:
            inner["elseif"] = [
                {"if": arm["if"], "then": with_names(arm["then"])} for arm in step["elseif"]
            ]
        if "value" in step:
            inner["value"] = f"${{{{ note('{name}', steps) }}}}"
        named_steps.append({**step, "name": name, **inner})
    return named_steps


def without_notes(steps: Any) -> Any:
    if isinstance(steps, list):
        return [without_notes(one) for one in steps]
    if isinstance(steps, dict):
        return {
            key: 1 if isinstance(item, str) and "note(" in item else without_notes(item)
            for key, item in steps.items()
        }
    return steps


def observed(steps: list[Any]) -> list[tuple[str, dict[str, Any]]]:
    """Run the steps; every value step becomes a call that tells what ``steps`` was."""
    seen: list[tuple[str, dict[str, Any]]] = []

    async def note(inputs: dict[str, Any]) -> int:
        seen.append((inputs["name"], {name: dict(one) for name, one in inputs["steps"].items()}))
        return 1

    manifest = {
        "kind": "Kernel.Definition",
        "metadata": {"name": "Note", "module": "T"},
        "capability": "Invocable",
    }
    main = {"kind": "Run.Sequence", "metadata": {"name": "Main"}, "steps": _with_calls(steps)}
    text = f"{json.dumps(manifest)}\n---\n{json.dumps(main)}"

    async def run() -> None:
        async with Kernel(loads(text), controllers={"T.Note": note}) as kernel:
            await kernel.apply("Run.Sequence/Main")

    asyncio.run(run())
    return seen


def _with_calls(steps: Any) -> Any:
    if isinstance(steps, list):
        return [_with_calls(one) for one in steps]
    if not isinstance(steps, dict):
        return steps
    made = {key: _with_calls(item) for key, item in steps.items()}
    if isinstance(steps.get("value"), str):
        del made["value"]
        made["invoke"] = {"kind": "T.Note"}
        made["inputs"] = {"name": steps["name"], "steps": "${{ steps }}"}
    return made

"""The states of a sequence: held against what really was there when it ran."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.flow import Flow, Ran, flow_of
from kernel import Kernel, loads
from kernel.topology.reader import Reader
from kernel.topology.sequence import Sequence, read_sequence
from kernel.topology.steps import Step, all_steps

SURE, SKIPPED, PERHAPS = Ran.CERTAINLY, Ran.OR_SKIPPED, Ran.PERHAPS


def value(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "value": 1, **more}


def read(steps: list[Any]) -> Sequence:
    document = loads("kind: Run.Sequence\nmetadata: { name: Main }\nsteps: []").documents[0]
    reader = Reader(document)
    sequence = read_sequence(reader, {"steps": (("steps",), steps)})
    assert not reader.faults
    return sequence


def named(sequence: Sequence) -> dict[str, Step]:
    return {step.name: step for step in all_steps(sequence.steps) if step.name is not None}


def flow(*steps: Any) -> tuple[Flow, dict[str, Step]]:
    sequence = read(list(steps))
    return flow_of(sequence), named(sequence)


def test_steps_in_a_row() -> None:
    found, steps = flow(value("A"), value("B", when="${{ true }}"), value("C"))
    assert dict(found.before[steps["A"]]) == {}
    assert dict(found.before[steps["C"]]) == {"A": SURE, "B": SKIPPED}
    assert dict(found.end) == {"A": SURE, "B": SKIPPED, "C": SURE}


def test_a_branch_leaves_certain_what_every_arm_runs() -> None:
    arms = {"if": "${{ true }}", "then": [value("A")], "else": [value("B")]}
    assert dict(flow({"name": "I", **arms})[0].end) == {"A": PERHAPS, "B": PERHAPS, "I": SURE}


def test_a_choice_without_a_default_took_one_of_its_cases() -> None:
    found, _ = flow({"name": "S", "switch": "${{ 1 }}", "cases": {1: [value("A")]}})
    assert dict(found.end) == {"A": SURE, "S": SURE}


@pytest.mark.parametrize(("word", "after"), [("while", PERHAPS), ("until", SURE)])
def test_a_loop(word: str, after: Ran) -> None:
    found, steps = flow({"name": "L", "do": [value("A")], word: "${{ true }}"})
    assert dict(found.before[steps["A"]]) == {"A": PERHAPS}
    assert dict(found.within[steps["L"]]) == {"A": SURE}
    assert found.end["A"] is after


def test_nothing_of_an_each_is_visible_outside() -> None:
    found, steps = flow({"name": "E", "forEach": [1], "do": [value("A"), value("B")]}, value("C"))
    assert dict(found.within[steps["E"]]) == {"A": SURE, "B": SURE}
    assert dict(found.before[steps["C"]]) == {"E": SURE}


def test_branches_at_the_same_time_are_certain_afterwards() -> None:
    found, steps = flow({"parallel": {"a": [value("A")], "b": [value("B"), value("C")]}})
    assert dict(found.before[steps["C"]]) == {"A": PERHAPS, "B": SURE}
    assert dict(found.end) == {"A": SURE, "B": SURE, "C": SURE}


def test_an_error_boundary() -> None:
    found, steps = flow(
        {
            "try": [value("A"), value("B")],
            "catch": [value("C")],
            "finally": [value("D")],
        }
    )
    assert dict(found.before[steps["C"]]) == {"A": PERHAPS, "B": PERHAPS}
    assert dict(found.before[steps["D"]]) == {"A": PERHAPS, "B": PERHAPS, "C": PERHAPS}
    assert dict(found.end) == {"A": PERHAPS, "B": PERHAPS, "C": PERHAPS, "D": SURE}
    found, _ = flow({"try": [value("A")], "finally": [value("D")]})
    assert dict(found.end) == {"A": SURE, "D": SURE}


def test_five_thousand_steps_and_fifty_levels() -> None:
    found, _ = flow(*(value(f"S{n}") for n in range(5_000)))
    assert len(found.end) == 5_000
    inner: dict[str, Any] = value("X")
    for n in range(45):
        inner = {"name": f"L{n}", "do": [inner], "while": "${{ false }}"}
    assert flow(inner)[0].end["X"] is PERHAPS


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


@given(step_lists())
def test_what_was_there_is_what_the_state_says(steps: list[Any]) -> None:
    """Each value step notes what it saw; the state before it must allow exactly that."""
    steps = with_names(steps)
    plain = _without_notes(steps)
    found, by_name = flow(*plain)
    for name, seen in observed(steps):
        state = found.before[by_name[name]]
        for other, entry in seen.items():
            ran = state.get(other)
            assert ran is not None, f"{name} saw {other}, which the state does not name"
            assert ran is not Ran.CERTAINLY or "result" in entry
        for other, ran in state.items():
            assert ran is Ran.PERHAPS or other in seen
            if ran is Ran.CERTAINLY:
                assert "result" in seen[other]


def _without_notes(steps: Any) -> Any:
    if isinstance(steps, list):
        return [_without_notes(one) for one in steps]
    if isinstance(steps, dict):
        return {
            key: 1 if isinstance(item, str) and "note(" in item else _without_notes(item)
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
    import json

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

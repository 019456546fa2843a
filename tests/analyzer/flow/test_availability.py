"""The states of a sequence: held against what really was there when it ran."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from analyzer.flow.availability import Availability, Ran, availability_of
from kernel.topology.forms import Step, all_steps
from kernel.topology.topology import Topology
from tests.analyzer.support.sequences import observed, read, step_lists, with_names, without_notes

SURE, SKIPPED, PERHAPS = Ran.CERTAINLY, Ran.OR_SKIPPED, Ran.PERHAPS


def value(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "value": 1, **more}


def named(sequence: Topology) -> dict[str, Step]:
    return {step.name: step for step in all_steps(sequence.steps) if step.name is not None}


def flow(*steps: Any) -> tuple[Availability, dict[str, Step]]:
    sequence = read(list(steps))
    return availability_of(sequence), named(sequence)


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
    found, steps = flow({"name": "L", "do": [value("A")], word: "${{ inputs.more }}"})
    assert dict(found.before[steps["A"]]) == {"A": PERHAPS}
    assert dict(found.within[steps["L"]]) == {"A": SURE}
    assert found.end["A"] is after


@pytest.mark.parametrize(
    ("condition", "after"),
    [
        ("true", SURE),
        ("!has(steps.A.result) || steps.A.result < 5", SURE),
        ("!(has(steps.A) && has(steps.A.result))", SURE),
        ("inputs.more || !has(steps.A)", SURE),
        ("inputs.more && !has(steps.A)", PERHAPS),
        ("has(steps.A.result) || inputs.more", PERHAPS),
        ("!has(steps.Before)", PERHAPS),
        ("!has(inputs.A)", PERHAPS),
    ],
)
def test_a_loop_whose_condition_is_true_before_any_round(condition: str, after: Ran) -> None:
    loop = {"name": "L", "do": [value("A")], "while": f"${{{{ {condition} }}}}"}
    found, _ = flow(value("Before"), loop)
    assert found.end["A"] is after


def test_nothing_of_an_each_is_visible_outside() -> None:
    found, steps = flow({"name": "E", "forEach": [1], "do": [value("A"), value("B")]}, value("C"))
    assert dict(found.within[steps["E"]]) == {"A": SURE, "B": SURE}
    assert dict(found.before[steps["C"]]) == {"E": SURE}


def test_branches_at_the_same_time_are_certain_afterwards() -> None:
    found, steps = flow({"parallel": {"a": [value("A")], "b": [value("B"), value("C")]}})
    assert dict(found.before[steps["C"]]) == {"A": PERHAPS, "B": SURE}
    assert dict(found.end) == {"A": SURE, "B": SURE, "C": SURE}


def test_branches_in_a_loop_see_the_round_before() -> None:
    branches = {"a": [value("A")], "b": [value("B")]}
    found, steps = flow({"do": [{"parallel": branches}], "while": "${{ true }}"})
    assert dict(found.before[steps["A"]]) == {"A": PERHAPS, "B": PERHAPS}


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


@given(step_lists())
def test_what_was_there_is_what_the_state_says(steps: list[Any]) -> None:
    """Each value step notes what it saw; the state before it must allow exactly that."""
    steps = with_names(steps)
    plain = without_notes(steps)
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

"""``rejected`` says that nothing was done: of a call, of a topology, and of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.journal import Journal
from tests.support.recorded import World, call, in_a_loop, looked, run, sequence

DENIED = call("No", "Charge", ", expect: ['${{ false }}']").strip().removeprefix("- ")
BEFORE = {
    "nothing": ("", "rejected"),
    "a value": ("{ name: V, value: 1 }", "rejected"),
    "a call": ("{ name: A, invoke: { kind: Pay.Charge } }", "failed"),
    "a look": ("{ name: A, invoke: { kind: Pay.Look } }", "failed"),
    "a skipped call": ("{ name: A, when: false, invoke: { kind: Pay.Charge } }", "rejected"),
    "a refused call": (
        f"{{ try: [{DENIED.replace('No', 'Not')}], catch: [{{ value: 1 }}] }}",
        "rejected",
    ),
    "a call that failed": (
        "{ try: [{ name: A, invoke: { kind: Pay.Login } }], catch: [{ value: 1 }] }",
        "failed",
    ),
    "a call within": (
        "{ name: A, invoke: { kind: Run.Sequence, steps: [{ name: B, invoke: { kind: Pay.Look } }],"
        " result: 1 } }",
        "failed",
    ),
    "a topology without calls": (
        "{ name: A, invoke: { kind: Run.Sequence, steps: [{ name: B, value: 1 }], result: 1 } }",
        "rejected",
    ),
    "a round": ("{ forEach: [1], do: [{ name: A, invoke: { kind: Pay.Look } }] }", "failed"),
    "a branch": ("{ parallel: { a: [{ name: A, invoke: { kind: Pay.Look } }] } }", "failed"),
}


def within(before: str) -> str:
    steps = ", ".join(step for step in (before, DENIED) if step)
    return (
        "  - name: T\n    try:\n    - name: In\n"
        f"      invoke: {{ kind: Run.Sequence, steps: [{steps}], result: 1 }}\n"
        "    catch: [{ name: E, value: '${{ [error.code, error.outcome, error.step] }}' }]\n"
        "  - { name: Wait, invoke: { kind: Pay.Charge }, approval: required }\n"
    )


def world() -> World:
    made = World()
    made.broken["Login"] = [RuntimeError("no") for _ in range(3)]
    return made


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("journal", [True, False])
@in_a_loop
async def test_a_topology_is_rejected_only_where_no_call_in_it_was_attempted(
    tmp_path: Path, before: str, journal: bool
) -> None:
    step, outcome = BEFORE[before]
    text = sequence(within(step).rpartition("  - { name: Wait")[0], "result: '${{ steps.T }}'\n")
    ended = await run(world(), text, tmp_path / "journal.db" if journal else None)
    assert ended.error is None, ended.error
    assert ended.result["result"] == ["STATE_DRIFT", outcome, "No"]


@pytest.mark.parametrize("before", BEFORE)
@in_a_loop
async def test_a_run_that_goes_on_finds_the_same(tmp_path: Path, before: str) -> None:
    step, outcome = BEFORE[before]
    path, text = tmp_path / "journal.db", sequence(within(step), "result: '${{ steps.T }}'\n")
    assert (await run(world(), text, path)).outcome == "parked"

    async def approve(journal: Journal) -> None:
        (asked,) = await journal.approvals("pending")
        await journal.decide(asked.approval, "approved", "user:bob")

    await looked(path, approve)
    made = world()
    ended = await run(made, text, path)
    assert ended.result["result"] == ["STATE_DRIFT", outcome, "No"]
    assert [name for name, _, _ in made.calls] == ["Charge"]  # the rest is answered


@pytest.mark.parametrize("before", BEFORE)
@in_a_loop
async def test_a_run_is_rejected_only_where_no_call_in_it_was_attempted(
    tmp_path: Path, before: str
) -> None:
    step, outcome = BEFORE[before]
    steps = "".join(f"  - {one}\n" for one in (step, DENIED) if one)
    ended = await run(world(), sequence(steps), tmp_path / "journal.db")
    assert ended.error is not None
    assert (ended.outcome, ended.error.code) == (outcome, "STATE_DRIFT")

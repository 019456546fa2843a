"""Topologies with a key, an approval or a class, in runs that outlive their process."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel import Failure
from kernel.journal import Journal
from kernel.runtime.cancelling import cancel
from tests.support.recorded import World, call, in_a_loop, looked, run, sequence

INNER = "---\nkind: Run.Sequence\nmetadata: { name: Inner }\nsteps:\n"
LOST = Failure("no answer", outcome="unknown")


def outer(fields: str) -> str:
    """A call of a sequence that charges, then refunds, which somebody has to approve."""
    call_it = f"  - {{ name: In, invoke: {{ kind: Run.Sequence, name: Inner }}{fields} }}\n"
    return sequence(call_it) + INNER + call("A", "Charge") + call("R", "Refund")


def kind(safety: str, check: str, retry: str = "") -> str:
    """A call of a kind that is made in YAML: a charge, and a look at it."""
    return (
        sequence(f"  - {{ name: In, invoke: {{ kind: Pay.Order }}{retry} }}\n")
        + "---\nkind: Kernel.Definition\nmetadata: { name: Order, module: Pay }\n"
        + f"capability: Invocable\nsafety: {safety}\n{check}body:\n  steps:\n  "
        + call("A", "Charge", ", inputs: { n: 1 }")
        + "  "
        + call("B", "Charge", ", inputs: { n: 2 }")
    )


def check(landed: str) -> str:
    return (
        "check:\n  invoke: { kind: Pay.Look }\n  inputs: { key: '${{ invocation.id }}' }\n"
        f"  landed: ${{{{ {landed} }}}}\n  outputs: {{ found: true }}\n"
    )


async def approve_all(journal: Journal) -> None:
    for asked in await journal.approvals("pending"):
        await journal.decide(asked.approval, "approved", "bob")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.mark.parametrize(
    ("fields", "questions"),
    [
        (", idempotencyKey: k", 1),
        (", approval: required", 2),
        (", idempotencyKey: k, approval: required, retry: { attempts: 2 }", 2),
    ],
)
@in_a_loop
async def test_a_topology_goes_on_where_it_was_left(
    path: Path, fields: str, questions: int
) -> None:
    world = World()
    for _ in range(questions):
        assert (await run(world, outer(fields), path)).outcome == "parked"
        assert world.made("Refund") == []
        await looked(path, approve_all)
    assert (await run(world, outer(fields), path)).outcome == "succeeded"
    assert len(world.made("Charge")) == len(world.made("Refund")) == 1


@in_a_loop
async def test_a_kind_that_is_made_in_yaml_waits_for_its_approval(path: Path) -> None:
    world, text = World(), kind("approval-bound", "")
    assert (await run(world, text, path)).outcome == "parked"
    assert world.calls == []
    await looked(path, approve_all)
    assert (await run(world, text, path)).outcome == "succeeded"
    assert len(world.made("Charge")) == 2


@in_a_loop
async def test_the_check_of_a_kind_that_is_made_in_yaml_finds_out(path: Path) -> None:
    world, text = World(), kind("write-once-checkable", check("result.n > 0"))
    world.broken["Charge"] = [LOST]
    ended = await run(world, text, path)
    assert ended.result == {"In": {"found": True}}
    assert world.made("Charge") == [{"n": 1}]
    assert await looked(path, lambda journal: journal.escalations()) == []


@in_a_loop
async def test_what_its_check_does_not_find_is_attempted_again(path: Path) -> None:
    text = kind("write-once-checkable", check("result.n < 0"), ", retry: { attempts: 2 }")
    world = World()
    world.broken["Charge"] = [LOST]
    assert (await run(world, text, path)).outcome == "succeeded"
    assert world.made("Charge") == [{"n": 1}, {"n": 1}, {"n": 2}]
    assert await looked(path, lambda journal: journal.escalations()) == []


@in_a_loop
async def test_what_no_check_finds_out_waits_for_a_person(path: Path) -> None:
    world = World()
    text = kind("irreversible", "", ", retry: { attempts: 3 }")
    world.broken["Charge"] = [LOST]
    for _ in range(2):
        assert (await run(world, text, path)).outcome == "unknown"

    async def landed(journal: Journal) -> None:
        (one,) = await journal.escalations()
        await journal.resolve(one.execution, True, "bob", outputs={})

    await looked(path, landed)
    assert (await run(world, text, path)).outcome == "succeeded"
    assert world.made("Charge") == [{"n": 1}, {"n": 2}]


@in_a_loop
async def test_another_attempt_of_what_is_around_knows_no_more(path: Path) -> None:
    world = World()
    text = kind("irreversible", "").replace(
        "invoke: { kind: Pay.Order }",
        "retry: { attempts: 3 }, invoke: { kind: Run.Sequence, name: Inner }",
    )
    text += INNER + "  - { name: O, invoke: { kind: Pay.Order } }\n"
    world.broken["Charge"] = [LOST]
    assert (await run(world, text, path)).outcome == "unknown"
    assert world.made("Charge") == [{"n": 1}]


@pytest.mark.parametrize("safety", [None, "irreversible"])
@in_a_loop
async def test_a_topology_that_is_cancelled_puts_no_question_to_a_person(
    path: Path, safety: str | None
) -> None:
    called = "invoke: { kind: Pay.Slow }"
    if safety is None:
        given = "inputs: { n: '${{ invocation.attempt }}' }"
        called = f"invoke: {{ kind: Run.Sequence, name: Inner }}, {given}"
    text = sequence(
        "  - name: P\n    parallel:\n"
        f"      a: [ {{ name: In, {called} }} ]\n"
        "      b: [ { name: S, sleep: 50 }, { name: T, throw: { code: OUT } } ]\n"
    )
    steps = "[{ name: W, sleep: 5000 }]"
    text += f"---\nkind: Run.Sequence\nmetadata: {{ name: Inner }}\nsteps: {steps}\n"
    text += "---\nkind: Kernel.Definition\nmetadata: { name: Slow, module: Pay }\n"
    text += f"capability: Invocable\nsafety: irreversible\nbody: {{ steps: {steps} }}\n"
    assert (await run(World(), text, path)).outcome == "failed"
    assert await looked(path, lambda journal: journal.escalations()) == []
    assert await looked(path, lambda journal: journal.unresolved()) == []


@in_a_loop
async def test_a_topology_of_a_run_that_is_given_up_is_cancelled_with_it(path: Path) -> None:
    text = sequence(
        "  - { name: In, invoke: { kind: Run.Sequence, name: Inner }, "
        "inputs: { n: '${{ invocation.attempt }}' } }\n"
    )
    text += INNER + call("A", "Charge") + call("R", "Refund")
    assert (await run(World(), text, path)).outcome == "parked"
    await looked(path, lambda journal: cancel(journal, "r", "bob"))
    assert await looked(path, lambda journal: journal.escalations()) == []
    assert await looked(path, lambda journal: journal.unresolved()) == []


def keyed(steps: str, more: str = "") -> str:
    """A call of a sequence with a key."""
    call_it = "  - { name: In, idempotencyKey: order-7, invoke: { kind: Run.Sequence, name: Inner"
    return sequence(f"{call_it} }}{more} }}\n") + INNER + steps


BROKEN = "  - { name: X, throw: { code: BROKEN } }\n"


@pytest.mark.parametrize(
    ("steps", "charges"),
    [
        (call("A", "Charge"), 1),
        (call("A", "Charge", ", retry: { attempts: 2 }"), 1),
        (call("A", "Look"), 0),
        (call("A", "Charge", ", idempotencyKey: charge-7"), 1),
        ("  - { name: D, do: [ { name: A, invoke: { kind: Pay.Charge } } ], until: true }\n", 1),
    ],
)
@in_a_loop
async def test_a_key_under_which_something_landed_is_not_free_again(
    path: Path, steps: str, charges: int
) -> None:
    world = World()
    for number, run_id in enumerate(("first", "second")):
        ended = await run(world, keyed(steps + BROKEN), path, run_id)
        assert ended.outcome == "failed"
        assert ended.error is not None
        assert ended.error.code == "BROKEN"
        kept = number == 1 and charges == 1
        assert ("with the same key, at steps.In of run first" in ended.error.message) is kept
        assert len(world.made("Charge")) == charges
    looks = len(world.made("Look"))
    assert looks == (0 if charges else 2)


@in_a_loop
async def test_another_attempt_in_the_same_run_is_made_with_the_key(path: Path) -> None:
    world = World()
    world.broken["Login"] = [Failure("again", code="AGAIN")]
    text = keyed(
        call("A", "Charge") + call("B", "Look") + call("C", "Login"),
        ", retry: { attempts: 2, delay: 1 }",
    )
    ended = await run(world, text, path)
    assert ended.outcome == "succeeded", ended.error
    assert (len(world.made("Charge")), len(world.made("Login"))) == (1, 2)

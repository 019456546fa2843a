"""Runs that outlive their process: replay, keys, approvals, drift, secrets, migration."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kernel import Failure, Kernel, RunResult, UsageError, loads
from kernel.errors import Conflict, InvocationError
from kernel.journal import Journal, Lease, NewRun, open_journal
from kernel.runtime.cancelling import cancel
from tests.support.journals import Clock, by_hand
from tests.support.recorded import TOKEN, World, call, in_a_loop, looked, run, sequence


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@in_a_loop
async def test_a_run_is_made_once(path: Path) -> None:
    world = World()
    text = sequence(call("A", "Charge") + call("B", "Look"))
    first = await run(world, text, path)
    again = await run(world, text, path)
    assert (first.outcome, first.result) == (again.outcome, again.result)
    assert len(world.calls) == 2
    with pytest.raises(UsageError, match="other inputs"):
        await run(world, text, path, inputs={"x": 1})
    with pytest.raises(UsageError, match="another manifest"):
        await run(world, text + call("C", "Look"), path)


@in_a_loop
async def test_an_approval_parks_the_run_and_lets_it_go_on(path: Path) -> None:
    world = World()
    text = sequence(call("A", "Charge") + call("B", "Refund", ", inputs: { amount: 5 }"))
    parked = await run(world, text, path, principal="user:ann")
    assert parked.outcome == "parked"
    assert parked.error is not None
    (approval,) = parked.error.data["approvals"]
    assert (await run(world, text, path)).outcome == "parked"
    assert world.made("Refund") == []

    async def approve(journal: Journal) -> None:
        asked = await journal.approval(approval)
        assert asked.requester == "user:ann"
        assert asked.frozen["inputs"] == {"amount": 5}
        await journal.decide(approval, "approved", "user:bob")

    await looked(path, approve)
    ended = await run(world, text, path)
    assert ended.outcome == "succeeded"
    assert world.made("Refund") == [{"amount": 5}]
    assert len(world.made("Charge")) == 1


@in_a_loop
async def test_a_denied_approval_is_an_error_that_catch_sees(path: Path) -> None:
    world = World()
    text = sequence(
        "  - name: T\n    try:\n    - { name: B, invoke: { kind: Pay.Refund } }\n"
        "    catch:\n    - { name: C, value: '${{ error.kind + error.message }}' }\n",
        "result: ${{ steps.C.result }}\n",
    )
    parked = await run(world, text, path)
    assert parked.error is not None

    (approval,) = parked.error.data["approvals"]

    async def deny(journal: Journal) -> None:
        await journal.decide(approval, "denied", "bob", "too much")

    await looked(path, deny)
    ended = await run(world, text, path)
    assert ended.result == "Deniedbob said no: too much"
    assert world.calls == []


@in_a_loop
async def test_other_branches_end_before_the_run_is_parked(path: Path) -> None:
    world = World()
    text = sequence(
        "  - name: P\n    parallel:\n"
        "      a: [ { name: R, invoke: { kind: Pay.Refund } } ]\n"
        "      b: [ { name: S, invoke: { kind: Time.Sleep }, inputs: { ms: 150 } },\n"
        "           { name: Q, invoke: { kind: Pay.Charge } } ]\n"
        "      c: [ { name: R2, invoke: { kind: Pay.Refund } } ]\n"
    )
    parked = await run(world, text, path)
    assert parked.error is not None
    assert len(parked.error.data["approvals"]) == 2
    assert len(world.made("Charge")) == 1


@in_a_loop
async def test_drift_after_the_question_asks_anew(path: Path) -> None:
    world = World()
    text = sequence(
        call("L", "Look")
        + call("B", "Charge", ", approval: required, expect: ['${{ vars.balance > 0 }}']")
    ).replace("secrets:", "vars: { balance: { type: integer } }\nsecrets:", 1)

    async def once(balance: int) -> RunResult:
        kernel = Kernel(
            loads(text),
            controllers=world.controllers(),
            journal=path,
            environ=TOKEN,
            values={"balance": 10},
        )
        async with kernel:
            kernel.scope.bindings["vars"] = {"balance": balance}
            return await kernel.apply("Run.Sequence/Main", run_id="r")

    first = await once(10)
    assert first.error is not None

    async def approve(journal: Journal) -> None:
        for asked in await journal.approvals("pending"):
            await journal.decide(asked.approval, "approved", "bob")

    await looked(path, approve)
    again = await once(7)  # approved for 10, and 7 is there now
    assert again.outcome == "parked"
    assert again.error is not None
    assert again.error.data["approvals"] != first.error.data["approvals"]
    await looked(path, approve)
    assert (await once(7)).outcome == "succeeded"
    assert len(world.made("Charge")) == 1


@in_a_loop
async def test_a_key_is_one_effect(path: Path) -> None:
    world = World()
    key = ", idempotencyKey: 'order-${{ item }}', inputs: { n: '${{ item }}' }"
    text = sequence(
        "  - name: E\n    forEach: ${{ [1, 2, 1, 1, 2] }}\n    parallelism: 5\n    do:\n  "
        + call("C", "Charge", key)
    )
    ended = await run(world, text, path)
    assert ended.outcome == "succeeded"
    assert sorted(one["n"] for one in world.made("Charge")) == [1, 2]
    other = sequence(call("C", "Charge", ", idempotencyKey: order-1, inputs: { n: 3 }"))
    refused = await run(world, other, path, "other")
    assert isinstance(refused.error, Conflict)
    assert len(world.calls) == 2


@in_a_loop
async def test_a_failed_key_is_free_again(path: Path) -> None:
    world = World()
    world.broken["Charge"] = [Failure("no", outcome="failed")]
    text = sequence(call("C", "Charge", ", idempotencyKey: k"))
    assert (await run(world, text, path, "one")).outcome == "failed"
    assert (await run(world, text, path, "two")).outcome == "succeeded"
    assert len(world.made("Charge")) == 2


@in_a_loop
async def test_another_attempt_of_a_topology_makes_no_effect_twice(path: Path) -> None:
    world = World()
    world.broken["Look"] = [Failure("no"), Failure("no")]
    outer = (
        "  - { name: In, invoke: { kind: Run.Sequence, name: Inner }, retry: { attempts: 3 } }\n"
    )
    inner = "---\nkind: Run.Sequence\nmetadata: { name: Inner }\nsteps:\n"
    text = sequence(outer) + inner + call("A", "Charge") + call("B", "Look")
    ended = await run(world, text, path)
    assert ended.outcome == "succeeded"
    assert len(world.made("Charge")) == 1
    assert len(world.made("Look")) == 3


@in_a_loop
async def test_an_unknown_outcome_waits_for_a_person(path: Path) -> None:
    world = World()
    world.broken["Charge"] = [Failure("lost", outcome="unknown")]
    text = sequence(call("A", "Charge") + call("B", "Look"))
    assert (await run(world, text, path)).outcome == "unknown"
    assert (await run(world, text, path)).outcome == "unknown"
    assert len(world.made("Charge")) == 1

    async def landed(journal: Journal) -> None:
        (one,) = await journal.escalations()
        await journal.resolve(one.execution, True, "bob", outputs={"n": 7})

    await looked(path, landed)
    ended = await run(world, text, path)
    assert ended.outcome == "succeeded"
    assert ended.result["A"] == {"n": 7}
    assert len(world.made("Charge")) == 1


@in_a_loop
async def test_nobody_is_asked_what_became_of_an_idempotent_call(path: Path) -> None:
    world = World()
    world.broken["Look"] = [Failure("lost", outcome="unknown")]
    text = sequence(call("A", "Look"))
    for _ in range(2):
        assert (await run(world, text, path)).outcome == "failed"
    assert await looked(path, lambda journal: journal.escalations()) == []


@in_a_loop
async def test_what_has_not_landed_is_attempted_again(path: Path) -> None:
    world = World()
    world.broken["Charge"] = [Failure("lost", outcome="unknown")]
    text = sequence(call("A", "Charge"))
    await run(world, text, path)

    async def not_landed(journal: Journal) -> None:
        (one,) = await journal.escalations()
        await journal.resolve(one.execution, False, "bob")

    await looked(path, not_landed)
    assert (await run(world, text, path)).outcome == "succeeded"
    assert len(world.made("Charge")) == 2
    assert len({key for _, _, key in world.calls}) == 1


@in_a_loop
async def test_no_secret_reaches_the_journal(path: Path) -> None:
    world = World()
    text = sequence(
        call("A", "Charge", ", inputs: { t: '${{ secrets.token }}' }")
        + call("B", "Charge", ", inputs: { t: 'Bearer ${{ secrets.token }}', x: '$${{ 1 }}' }")
        + call("L", "Login")
        + call("R", "Refund"),
        "result: ${{ steps.B.result.t + steps.L.result.session }}\n",
    )
    world.broken["Charge"] = [Failure("refused s3cr3t-token", data="s3cr3t-token")]
    await run(world, text, path, "failing")
    parked = await run(world, text, path)
    assert parked.outcome == "parked"
    kept = b"".join(one.read_bytes() for one in path.parent.iterdir())
    assert b"s3cr3t-token" not in kept
    assert b"session-4711" not in kept

    async def approve(journal: Journal) -> None:
        for asked in await journal.approvals("pending"):
            await journal.decide(asked.approval, "approved", "bob")

    await looked(path, approve)
    ended = await run(world, text, path)
    # A declared secret comes back; one that only a contract calls so is not kept.
    assert ended.error is not None
    assert ended.error.code == "RESULT_NOT_KEPT"
    assert len(world.made("Login")) == 1


@in_a_loop
async def test_a_declared_secret_comes_back_in_a_replay(path: Path) -> None:
    world = World()
    text = sequence(
        call("B", "Charge", ", inputs: { t: 'Bearer ${{ secrets.token }} $${{ }}' }")
        + call("R", "Refund"),
        "result: ${{ steps.B.result.t }}\n",
    )
    await run(world, text, path)

    async def approve(journal: Journal) -> None:
        for asked in await journal.approvals("pending"):
            await journal.decide(asked.approval, "approved", "bob")

    await looked(path, approve)
    ended = await run(world, text, path)
    assert ended.result == "Bearer s3cr3t-token ${{ }}"
    assert "s3cr3t" not in str(ended.shown)


@in_a_loop
async def test_a_run_goes_on_with_a_changed_manifest_whose_finished_part_is_the_same(
    path: Path,
) -> None:
    world = World()
    steps = call("A", "Charge", ", inputs: { n: 1 }") + call("B", "Refund")
    await run(world, sequence(steps), path)
    other = sequence(call("A", "Charge", ", inputs: { n: 2 }") + call("B", "Refund"))
    with pytest.raises(UsageError, match="finished part"):
        await run(world, other, path, migrate=True)
    without = sequence(call("B", "Refund"))
    with pytest.raises(UsageError, match=r"steps\.A is not in it"):
        await run(world, without, path, migrate=True)
    more = sequence(steps + call("C", "Look"))
    with pytest.raises(UsageError, match="another manifest"):
        await run(world, more, path)
    parked = await run(world, more, path, migrate=True)
    assert parked.outcome == "parked"
    assert parked.error is not None

    (approval,) = parked.error.data["approvals"]

    async def approve(journal: Journal) -> None:
        await journal.decide(approval, "approved", "bob")

    await looked(path, approve)
    assert (await run(world, more, path)).outcome == "succeeded"
    assert len(world.made("Charge")) == 1
    assert len(world.made("Look")) == 1


@in_a_loop
async def test_a_parked_run_is_cancelled(path: Path) -> None:
    world = World()
    text = sequence(call("R", "Refund"))
    await run(world, text, path)
    ended = await looked(path, lambda journal: cancel(journal, "r", "bob", "not needed"))
    assert ended.state == "cancelled"
    again = await run(world, text, path)
    assert again.outcome == "cancelled"
    assert again.error is not None
    assert "bob" in again.error.message


@in_a_loop
async def test_a_run_whose_approval_has_expired_is_cancelled(path: Path) -> None:
    await run(World(), sequence(call("R", "Refund")), path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE kernel_approvals SET expires_at = 1")
    ended = await looked(path, lambda journal: cancel(journal, "r", "bob"))
    assert ended.state == "cancelled"
    (approval,) = await looked(path, lambda journal: journal.approvals())
    assert approval.state == "expired"


POLICY = """\
---
kind: Kernel.Policy
metadata: { name: Large }
targets: ["Pay.Charge"]
rules:
  - { when: "${{ principal == 'ann' && inputs.n < 10 }}", effect: allow }
  - { when: "${{ inputs.n >= 10 && inputs.n < 100 }}", effect: require-approval, reason: large }
"""


@pytest.mark.parametrize(
    ("n", "principal", "outcome"),
    [
        (1, "ann", "succeeded"),
        (1, "bob", "rejected"),
        (50, "ann", "parked"),
        (500, "ann", "rejected"),
    ],
)
@in_a_loop
async def test_policies_are_enforced(path: Path, n: int, principal: str, outcome: str) -> None:
    world = World()
    text = sequence(call("A", "Charge", f", inputs: {{ n: {n} }}")) + POLICY
    ended = await run(world, text, path, principal=principal)
    assert ended.outcome == outcome
    assert len(world.calls) == (outcome == "succeeded")
    if outcome == "rejected":
        assert ended.error is not None
        assert ended.error.category == "Denied"


@in_a_loop
async def test_policies_hold_without_a_journal() -> None:
    world = World()
    text = sequence(call("A", "Charge", ", inputs: { n: 500 }")) + POLICY
    kernel = Kernel(loads(text), controllers=world.controllers(), principal="ann", environ=TOKEN)
    async with kernel:
        with pytest.raises(InvocationError, match="was not called"):
            await kernel.invoke("Run.Sequence/Main")
    assert world.calls == []


@in_a_loop
async def test_a_run_in_the_delay_of_a_retry_goes_on_with_the_next_attempt(path: Path) -> None:
    world = World()
    world.broken["Charge"] = [Failure("no", code="AGAIN", outcome="failed")]
    text = sequence(call("A", "Charge", ", retry: { attempts: 2, delay: 400 }"))
    kernel = Kernel(loads(text), controllers=world.controllers(), journal=path, environ=TOKEN)
    await kernel.start()
    task = asyncio.ensure_future(kernel.apply("Run.Sequence/Main", run_id="r"))
    await asyncio.sleep(0.2)
    journal = kernel.runtime.journal
    assert journal is not None
    lease = await journal.take_over(
        await journal.lease("r"), is_dead=True
    )  # as if this process were dead
    assert isinstance(lease, Lease)
    await journal.finish_run(lease, "running")
    ended = await run(world, text, path)
    assert ended.outcome == "succeeded"
    assert (await task).outcome == "failed"  # it was taken over, and concludes nothing
    await kernel.stop()
    assert len(world.made("Charge")) == 2


@in_a_loop
async def test_of_two_that_go_on_with_a_run_one_wins_and_both_are_answered(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel.runtime.open_and_resume.HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr("kernel.runtime.open_and_resume.PATIENCE_SECONDS", 0.5)
    world = World()
    text = sequence(call("B", "Refund") + "  - { name: S, sleep: 200 }\n")
    await run(world, text, path)

    async def approve(journal: Journal) -> None:
        for asked in await journal.approvals("pending"):
            await journal.decide(asked.approval, "approved", "bob")

    await looked(path, approve)
    one, other = await asyncio.gather(run(world, text, path), run(world, text, path))
    assert (one.outcome, one.result) == ("succeeded", {"B": {"n": 1}, "S": None})
    assert (other.outcome, other.result) == (one.outcome, one.result)
    assert len(world.made("Refund")) == 1


@in_a_loop
async def test_a_call_out_of_a_service_is_no_run_to_apply(path: Path) -> None:
    async def served(journal: Journal) -> None:
        await journal.open_run(NewRun("r", "", "", None))

    await looked(path, served)
    with pytest.raises(UsageError, match="out of a service"):
        await run(World(), sequence(call("A", "Charge")), path)


@in_a_loop
async def test_a_key_is_kept_for_a_day_and_then_let_go_of(path: Path) -> None:
    clock, world = Clock(10**18), World()
    text = sequence(call("C", "Charge", ", idempotencyKey: k"))

    async def at(seconds: int, run_id: str) -> int:
        clock.now = 10**18 + seconds * 10**9
        journal = await open_journal(path, clock=clock)
        kernel = Kernel(
            loads(text), controllers=world.controllers(), journal=journal, environ=TOKEN
        )
        async with kernel:
            assert (await kernel.apply(run_id=run_id)).outcome == "succeeded"
        await journal.close()
        return len(world.made("Charge"))

    day = 24 * 3600
    assert await at(0, "first") == 1
    assert await at(day - 1, "second") == 1
    by_hand(str(path), "INSERT INTO kernel_keys SELECT scope, 'old', execution, 5 FROM kernel_keys")
    assert await at(day + 1, "third") == 2
    assert by_hand(str(path), "SELECT idempotency_key FROM kernel_keys") == [("k",)]


@pytest.mark.parametrize("run_id", ["", "a\0b", "a\nb", "x" * 201])
@in_a_loop
async def test_the_id_of_a_run_can_be_typed(path: Path, run_id: str) -> None:
    with pytest.raises(UsageError, match="the id of a run has 1 to 200 characters"):
        await run(World(), sequence(call("A", "Charge")), path, run_id)


@in_a_loop
async def test_a_run_that_parks_in_a_catch_does_not_end_it(path: Path) -> None:
    world = World()
    text = sequence(
        "  - name: G\n    try: [ { throw: { code: NO } } ]\n"
        "    catch: [ { name: R, invoke: { kind: Pay.Refund } } ]\n"
        "    finally: [ { name: F, invoke: { kind: Pay.Refund } } ]\n"
    )
    parked = await asyncio.wait_for(run(world, text, path), 20)
    assert parked.error is not None
    assert len(parked.error.data["approvals"]) == 1


@in_a_loop
@pytest.mark.parametrize("landed", [True, False])
async def test_who_has_the_same_key_asks_nobody_else(path: Path, landed: bool) -> None:
    world = World()
    world.broken["Charge"] = [Failure("lost", outcome="unknown")]
    text = sequence(call("C", "Charge", ", idempotencyKey: k"))
    for run_id in ("first", "second", "second"):
        waiting = await run(world, text, path, run_id)
        assert waiting.outcome == "unknown"
        (lost,) = await looked(path, lambda journal: journal.escalations())
        assert lost.run == "first"
    assert waiting.error is not None
    assert f"`kernel resolve {lost.execution}`" in waiting.error.message

    async def say(journal: Journal) -> None:
        outputs = {"n": 7} if landed else None
        await journal.resolve(lost.execution, landed, "bob", outputs=outputs)

    await looked(path, say)
    ended = await run(world, text, path, "second")
    assert ended.result["C"] == ({"n": 7} if landed else {"n": 2})
    assert (await run(world, text, path, "first")).result == ended.result
    assert len(world.made("Charge")) == (1 if landed else 2)


@in_a_loop
@pytest.mark.parametrize("fields", ["", ", idempotencyKey: k"])
async def test_what_did_not_land_is_made_with_the_inputs_that_it_began_with(
    path: Path, fields: str
) -> None:
    world = World()
    world.broken["Charge"] = [Failure("lost", outcome="unknown")]
    inputs = ", inputs: { at: '${{ string(invocation.time) }}' }"
    text = sequence(call("A", "Charge", inputs + fields))
    assert (await run(world, text, path)).outcome == "unknown"

    async def say(journal: Journal) -> None:
        (lost,) = await journal.escalations()
        await journal.resolve(lost.execution, False, "bob")

    await looked(path, say)
    ended = await run(world, text, path)
    assert ended.outcome == "succeeded", ended.error
    first, second = world.made("Charge")
    assert first == second

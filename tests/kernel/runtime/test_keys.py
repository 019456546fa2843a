"""Idempotency keys: the principal and target that they belong to, and that they stay the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kernel import Kernel, RunResult, UsageError, load, loads
from tests.kernel.runtime.support.interrupted import CHECKED, Sender, gone_on, left, manifest
from tests.support.journals import place
from tests.support.recorded import TOKEN, World, approve_all, call, in_a_loop, looked, run, sequence

TO = """\
kind: Kernel.Definition
metadata: { name: To, module: Pay }
capability: Invocable
safety: irreversible
schema: { type: object, properties: { bank: { type: string } } }
---
"""


class Banks(World):
    """Payments to several banks."""

    def controllers(self) -> Mapping[str, Any]:
        banks = self

        class To:
            def __init__(self, fields: Mapping[str, Any]) -> None:
                self.bank = fields["bank"]

            def invoke(self, inputs: Any) -> Any:
                banks.calls.append(("To", {"bank": self.bank}, ""))
                return self.bank

        return {**super().controllers(), "Pay.To": To}


def to(name: str, target: str) -> str:
    return f"  - {{ name: {name}, invoke: {{ kind: {target} }}, idempotencyKey: order-7 }}\n"


@in_a_loop
async def test_targets_in_place_with_other_fields_are_other_targets(tmp_path: Path) -> None:
    banks = Banks()
    steps = to("A", "Pay.To, bank: a") + to("B", "Pay.To, bank: b") + to("C", "Pay.To, bank: a")
    ended = await run(banks, TO + sequence(steps), tmp_path / "journal.db")
    assert ended.result == {"A": "a", "B": "b", "C": "a"}
    assert banks.made("To") == [{"bank": "a"}, {"bank": "b"}]


@in_a_loop
async def test_targets_of_other_modules_are_other_targets(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        resource = f"kind: Pay.To\nmetadata: {{ name: Api }}\nbank: {name}\n"
        (tmp_path / name / "main.yaml").write_text(
            f"kind: Kernel.Module\nmetadata: {{ name: {name} }}\n---\n{TO}{resource}"
        )
    imports = "kind: Kernel.Module\nmetadata: { name: R }\nimports: { One: ./one, Two: ./two }\n"
    steps = to("A", "One.To, name: One.Api") + to("B", "Two.To, name: Two.Api")
    (tmp_path / "root.yaml").write_text(
        f"{imports}---\nkind: Run.Sequence\nmetadata: {{ name: Main }}\nsteps:\n{steps}"
    )
    banks = Banks()
    kernel = Kernel(
        load(tmp_path / "root.yaml"),
        controllers={"Pay.To": banks.controllers()["Pay.To"]},
        journal=tmp_path / "journal.db",
        environ=TOKEN,
    )
    async with kernel:
        ended = await kernel.apply("Run.Sequence/Main")
    assert ended.result == {"A": "one", "B": "two"}


@in_a_loop
async def test_a_check_asks_for_the_key_that_was_sent(tmp_path: Path) -> None:
    path, asked = tmp_path / "journal.db", []

    class Asked(Sender):
        def controllers(self) -> Mapping[str, Any]:
            async def look(inputs: Any) -> Any:
                asked.append(inputs["key"])
                return {}

            return {**super().controllers(), "Pay.Look": look}

    checked = CHECKED.replace("LANDED", "true").replace(
        "{ kind: Pay.Look }",
        '{ kind: Pay.Look }, inputs: { key: "${{ invocation.idempotencyKey }}" }',
    )
    text = manifest(checked, "idempotencyKey: 'order-${{ vars.balance }}'")
    world = Asked()
    await left(world, text, path)
    assert (await gone_on(world, text, path, 5)).outcome == "succeeded"
    assert set(asked) == {"order-10"}


@pytest.mark.parametrize("key", ["x" * 1025, "漢" * 400, "a\\0b"])
@in_a_loop
async def test_a_key_that_cannot_be_kept_is_refused(tmp_path: Path, key: str) -> None:
    world = World()
    steps = call("A", "Charge", f', idempotencyKey: "{key}"')
    ended = await run(world, sequence(steps), tmp_path / "journal.db")
    assert ended.outcome == "rejected"
    assert ended.error is not None
    assert ended.error.category == "ValidationError"
    assert world.calls == []


@pytest.mark.parametrize("second", ["12345678123456781234567812345678", "{ID}", "urn:uuid:ID"])
@in_a_loop
async def test_an_id_written_otherwise_is_another_run(tmp_path: Path, second: str) -> None:
    world, text = World(), sequence(call("A", "Charge"))
    one = "12345678-1234-5678-1234-567812345678"
    for run_id in (one, second.replace("ID", one)):
        ended = await run(world, text, tmp_path / "journal.db", run_id=run_id)
        assert ended.outcome == "succeeded", ended.error
    assert len(world.made("Charge")) == 2


ORDERS = "inputs: { type: object, properties: { orders: { type: object } } }\n"


@in_a_loop
async def test_a_run_goes_on_with_the_inputs_that_it_began_with(tmp_path: Path) -> None:
    path, world = tmp_path / "journal.db", World()
    first = ", inputs: { who: '${{ inputs.orders.map(one, one)[0] }}' }"
    text = sequence(call("R", "Refund") + call("C", "Charge", first), ORDERS)
    began: dict[str, Any] = {"orders": {"ann": 1, "bob": 2}}
    assert (await run(world, text, path, inputs=began)).outcome == "parked"
    for other in ({"ann": True, "bob": 2}, {"ann": 1}):
        with pytest.raises(UsageError, match="began with other inputs"):
            await run(world, text, path, inputs={"orders": other})
    await looked(path, approve_all)
    ended = await run(world, text, path, inputs={"orders": {"bob": 2, "ann": 1}})
    assert ended.outcome == "succeeded"
    assert world.made("Charge") == [{"who": "ann"}]


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
@pytest.mark.parametrize(("length", "outcome"), [(1_700, "succeeded"), (2_000, "rejected")])
@in_a_loop
async def test_a_path_that_no_index_holds_is_refused(
    store: str, tmp_path: Path, length: int, outcome: str
) -> None:
    with place(store, tmp_path) as address:
        world, text = World(), sequence(call("A" * length, "Charge"))
        ended = await run(world, text, address, run_id="r" * 200)
        assert ended.outcome == outcome
        assert len(world.calls) == (outcome == "succeeded")


@in_a_loop
async def test_who_waits_for_what_nobody_works_on_waits_on(tmp_path: Path) -> None:
    path, world = tmp_path / "journal.db", Sender()
    text = manifest(CHECKED.replace("LANDED", "true"), "idempotencyKey: order-1")
    await left(world, text, path)

    async def second() -> RunResult:
        controllers = {**world.controllers(), "Pay.Send": world.send}
        kernel = Kernel(
            loads(text),
            controllers=controllers,
            journal=path,
            environ=TOKEN,
            values={"balance": 10},
        )
        async with kernel:
            return await kernel.apply("Run.Sequence/Main", run_id="second")

    waits = await second()
    assert waits.error is not None
    assert waits.error.code == "IN_FLIGHT"
    assert "`kernel resume r` goes on with it" in waits.error.message
    found = await looked(path, lambda journal: journal.run("second"))
    assert found.state == "running"
    assert (await gone_on(world, text, path, 10)).outcome == "succeeded"
    assert (await second()).outcome == "succeeded"
    assert len(world.made("Send")) == 1

"""An outcome that was not known is asked for again when its run goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from recorded import DEFINITIONS, World, call, in_a_loop, looked, run

import kernel.invocation.reconcile
from kernel import Failure

ORDER = """\
kind: Kernel.Definition
metadata: { name: Order, module: Pay }
capability: Invocable
safety: CLASS
check:
  invoke: { kind: Pay.Look }
  inputs: { key: "${{ invocation.idempotencyKey }}", n: "${{ inputs.n }}" }
  landed: "${{ LANDED }}"
  outputs: { n: 7 }
---
"""
LOST = Failure("lost", outcome="unknown")
DOWN = Failure("down", code="DOWN")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel.invocation.reconcile, "_FIRST_PAUSE", 0.001)


class Shop(World):
    """The world with orders, whose `check` is down when they are lost."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = {"Order": [LOST], "Look": [DOWN] * 6}

    def controllers(self) -> Any:
        async def order(inputs: Any, call: Any) -> Any:
            self.calls.append(("Order", dict(inputs), call.idempotency_key))
            if self.broken["Order"]:
                raise self.broken["Order"].pop(0)
            return {"n": inputs["n"]}

        return {**super().controllers(), "Pay.Order": order}


def text(landed: str, safety: str = "write-once-checkable", fields: str = "") -> str:
    order = ORDER.replace("LANDED", landed).replace("CLASS", safety)
    steps = call("A", "Order", f", inputs: {{ n: 3 }}{fields}") + call("B", "Charge")
    return f"{DEFINITIONS}{order}kind: Run.Sequence\nmetadata: {{ name: Main }}\nsteps:\n{steps}"


@in_a_loop
@pytest.mark.parametrize("fields", ["", ", idempotencyKey: order-3"])
async def test_what_the_check_finds_landed_by_now_is_not_made_again(
    path: Path, fields: str
) -> None:
    shop, manifest = Shop(), text("result.n > 0", fields=fields)
    assert (await run(shop, manifest, path)).outcome == "unknown"
    ended = await run(shop, manifest, path)
    assert ended.outcome == "succeeded", ended.error
    assert ended.result["A"] == {"n": 7}
    keys = {key for name, _, key in shop.calls if name == "Order"}
    assert shop.made("Look")[-1] == {"key": keys.pop(), "n": 3}
    assert (len(shop.made("Order")), len(shop.made("Charge"))) == (1, 1)
    assert await looked(path, lambda journal: journal.escalations()) == []
    assert await looked(path, lambda journal: journal.verify("r")) is None
    assert (await run(shop, manifest, path)).result == ended.result


@in_a_loop
@pytest.mark.parametrize("fields", ["", ", idempotencyKey: order-3"])
async def test_what_it_finds_not_landed_is_attempted_again(path: Path, fields: str) -> None:
    shop, manifest = Shop(), text("result.n < 0", fields=fields)
    assert (await run(shop, manifest, path)).outcome == "unknown"
    ended = await run(shop, manifest, path)
    assert ended.outcome == "succeeded", ended.error
    assert ended.result["A"] == {"n": 3}
    keys = {key for name, _, key in shop.calls if name == "Order"}
    assert (len(shop.made("Order")), len(keys)) == (2, 1)
    assert await looked(path, lambda journal: journal.unresolved(run="r")) == []
    assert await looked(path, lambda journal: journal.verify("r")) is None


@in_a_loop
async def test_a_check_that_still_fails_leaves_it_to_a_person(path: Path) -> None:
    shop, manifest = Shop(), text("result.n > 0")
    shop.broken["Look"] *= 2
    for made in (6, 7, 8):
        waiting = await run(shop, manifest, path)
        assert (waiting.outcome, len(shop.made("Look"))) == ("unknown", made)
        assert len(await looked(path, lambda journal: journal.escalations())) == 1
    assert (len(shop.made("Order")), shop.made("Charge")) == (1, [])


@in_a_loop
async def test_what_is_irreversible_is_left_to_a_person(path: Path) -> None:
    shop, manifest = Shop(), text("result.n > 0", "irreversible")
    for _ in range(2):
        assert (await run(shop, manifest, path)).outcome == "unknown"
    assert (len(shop.made("Order")), shop.made("Look")) == (1, [])


@in_a_loop
async def test_another_attempt_of_what_was_approved_needs_another_approval(path: Path) -> None:
    shop, manifest = Shop(), text("result.n < 0", "approval-bound")

    async def approve(journal: Any) -> None:
        (asked,) = await journal.approvals("pending")
        await journal.decide(asked.approval, "approved", "bob")

    assert (await run(shop, manifest, path)).outcome == "parked"
    await looked(path, approve)
    assert (await run(shop, manifest, path)).outcome == "unknown"
    assert (await run(shop, manifest, path)).outcome == "parked"
    assert len(shop.made("Order")) == 1
    await looked(path, approve)
    assert (await run(shop, manifest, path)).outcome == "succeeded"
    assert len(shop.made("Order")) == 2

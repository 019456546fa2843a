"""``expect`` is evaluated just before the effect, not at the start of the run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kernel import Kernel, loads
from kernel.invocation.runtime import Answer
from tests.support.recorded import World, call, in_a_loop, run, sequence

ACCOUNT = """\
---
kind: Kernel.Definition
metadata: { name: Account, module: Pay }
capability: Provider
outputs: { type: object, properties: { balance: { type: integer } }, required: [balance] }
---
kind: Pay.Account
metadata: { name: Account }
"""
EXPECT = ', expect: ["${{ resources.Account.balance >= 5 }}"]'
POLICY = """\
---
kind: Kernel.Policy
metadata: { name: All }
targets: ["Pay.*"]
rules: [ { when: true, effect: allow } ]
"""


class Bank(World):
    """Each charge takes 3 from the account; who is asked for an approval says yes."""

    balance = 10
    takes_while_asked = 0
    fault: Exception | None = None

    def controllers(self) -> Mapping[str, Any]:
        bank = self

        class Account:
            async def provide(self) -> dict[str, int]:
                if bank.fault is not None:
                    raise bank.fault
                return {"balance": bank.balance}

        class Charge:
            def invoke(self, inputs: Any) -> Any:
                bank.balance -= 3
                bank.calls.append(("Charge", dict(inputs), ""))
                return {}

        return {**super().controllers(), "Pay.Account": Account, "Pay.Charge": Charge}

    async def ask(self, approval: Any) -> Answer:
        self.balance -= self.takes_while_asked
        self.takes_while_asked = 0
        return Answer(True, "user:ines")


@pytest.mark.parametrize("policy", ["", POLICY])
@in_a_loop
async def test_what_the_run_itself_has_changed_is_seen(tmp_path: Path, policy: str) -> None:
    bank = Bank()
    steps = "".join(call(name, "Charge", EXPECT) for name in "ABC")
    ended = await run(bank, sequence(steps) + ACCOUNT + policy, tmp_path / "journal.db")
    assert ended.error is not None
    assert ended.error.category == "StateDrift"
    assert len(bank.made("Charge")) == 2
    # All else reads what the Provider published when it came up.
    assert bank.balance == 4


@in_a_loop
async def test_without_a_journal_as_well() -> None:
    bank = Bank()
    text = sequence("".join(call(name, "Charge", EXPECT) for name in "ABC")) + ACCOUNT
    environ = {"SHOP_TOKEN": "s3cr3t-token"}
    async with Kernel(loads(text), controllers=bank.controllers(), environ=environ) as kernel:
        ended = await kernel.apply("Run.Sequence/Main")
    assert ended.error is not None
    assert ended.error.category == "StateDrift"


@pytest.mark.parametrize(("takes", "outcome"), [(0, "succeeded"), (7, "rejected")])
@in_a_loop
async def test_what_changes_while_a_person_is_asked_is_seen(
    tmp_path: Path, takes: int, outcome: str
) -> None:
    bank = Bank()
    bank.takes_while_asked = takes
    text = sequence(call("A", "Refund", EXPECT)) + ACCOUNT
    ended = await run(bank, text, tmp_path / "journal.db", ask=bank.ask)
    assert ended.outcome == outcome
    assert len(bank.made("Refund")) == (outcome == "succeeded")


@in_a_loop
async def test_a_balance_that_another_approval_was_for_is_asked_anew(tmp_path: Path) -> None:
    bank = Bank()
    bank.takes_while_asked = 1
    text = sequence(call("A", "Refund", EXPECT)) + ACCOUNT
    asked = []

    async def ask(approval: Any) -> Answer:
        asked.append(approval.frozen["looked_at"])
        return await bank.ask(approval)

    ended = await run(bank, text, tmp_path / "journal.db", ask=ask)
    assert ended.outcome == "succeeded"
    assert asked == [{"resources.Account.balance": 10}, {"resources.Account.balance": 9}]


@in_a_loop
async def test_what_cannot_be_looked_at_is_not_taken_for_granted(tmp_path: Path) -> None:
    bank = Bank()
    text = sequence(call("A", "Charge") + call("B", "Charge", EXPECT)) + ACCOUNT
    kernel = Kernel(
        loads(text),
        controllers=bank.controllers(),
        journal=tmp_path / "journal.db",
        environ={"SHOP_TOKEN": "s3cr3t-token"},
    )
    async with kernel:
        bank.fault = OSError("the bank does not answer to s3cr3t-token")
        ended = await kernel.apply("Run.Sequence/Main")
    assert ended.outcome == "failed"  # A was made
    assert ended.error is not None
    assert ended.error.code == "STATE_DRIFT"
    said = "what it expects of `resources.Account` cannot be looked at: the bank does not answer to"
    assert said in ended.error.message
    assert "s3cr3t" not in ended.error.message
    assert len(bank.made("Charge")) == 1

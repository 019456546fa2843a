"""A kind with a body passes the idempotency key of its call on to the call with the effect."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kernel.errors import Unknown
from tests.support.recorded import DEFINITIONS, World, in_a_loop, run

ORDER = """\
kind: Kernel.Definition
metadata: { name: Order, module: Pay }
capability: Invocable
safety: write-once-checkable
check:
  invoke: { kind: Pay.Look }
  inputs: { key: "${{ invocation.idempotencyKey }}" }
  landed: "${{ result.found }}"
  outputs: done
body:
  steps:
    - name: Post
      invoke: { kind: Pay.Charge }
      idempotencyKey: "${{ invocation.idempotencyKey }}"
  result: done
---
kind: Run.Sequence
metadata: { name: Main }
steps:
  - { name: A, invoke: { kind: Pay.Order }, KEY retry: { attempts: 3, delay: 1 } }
result: "${{ steps.A.result }}"
"""


class Bank(World):
    """A bank that knows the keys of what it was sent, and whose first answer is lost."""

    def controllers(self) -> Mapping[str, Any]:
        sent: list[str] = []

        async def charge(inputs: Any, call: Any) -> Any:
            sent.append(call.idempotency_key)
            self.calls.append(("Charge", {}, call.idempotency_key))
            if len(sent) == 1:
                raise Unknown("no answer")
            return {}

        async def look(inputs: Any) -> Any:
            return {"found": inputs["key"] in sent}

        return {**super().controllers(), "Pay.Charge": charge, "Pay.Look": look}


@pytest.mark.parametrize("key", ["idempotencyKey: order-1,", ""])
@in_a_loop
async def test_what_a_body_has_sent_is_found_by_the_key_of_its_call(
    tmp_path: Path, key: str
) -> None:
    bank = Bank()
    ended = await run(bank, DEFINITIONS + ORDER.replace("KEY", key), tmp_path / "journal.db")
    assert (ended.outcome, ended.result) == ("succeeded", "done")
    assert len(bank.made("Charge")) == 1
    if key:
        assert bank.calls[0][2] == "order-1"

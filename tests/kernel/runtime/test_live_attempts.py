"""An abandoned attempt that is alive may take effect later: until then no check is a proof."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

import kernel.invocation.recovery.reconcile
from kernel import Kernel, RunResult, in_thread, loads
from kernel.journal import open_journal
from tests.support.recorded import DEFINITIONS, TOKEN, in_a_loop

ORDER = """\
kind: Kernel.Definition
metadata: { name: Order, module: Pay }
capability: Invocable
safety: write-once-checkable
check: { invoke: { kind: Pay.Look }, landed: "${{ result.n > 0 }}", outputs: { found: true } }
---
"""
MAIN = "kind: Run.Sequence\nmetadata: { name: Main }\nsteps:\n"
LATE = (
    "  - { name: A, invoke: { kind: Pay.Order }, timeout: 100, retry: { attempts: 3, delay: 1 } }\n"
)
RACE = """\
  - name: G
    try:
      - parallel:
          a: [ { name: A, invoke: { kind: Pay.Order } } ]
          b: [ { sleep: 100 }, { throw: { code: NO } } ]
    catch: [ { name: E, value: "${{ error.code }}" } ]
"""


class Shop:
    """Orders that take so many seconds, whatever becomes of who waits for them."""

    def __init__(self, seconds: float) -> None:
        self.begun, self.made, self.seconds = 0, 0, seconds

    def order(self, inputs: Any) -> Any:
        self.begun += 1
        time.sleep(self.seconds)
        self.made += 1
        return {"n": self.made}

    async def patient(self, inputs: Any) -> Any:
        self.begun += 1
        until = time.monotonic() + self.seconds
        while (left := until - time.monotonic()) > 0:
            try:
                await asyncio.sleep(left)
            except asyncio.CancelledError:
                continue
        self.made += 1
        return {"n": self.made}

    async def in_thread(self, inputs: Any) -> Any:
        return await in_thread(self.order, inputs)

    async def look(self, inputs: Any) -> Any:
        return {"n": self.made}


async def run(path: Path, steps: str, order: Any, look: Any) -> RunResult:
    controllers = {"Pay.Order": order, "Pay.Look": look}
    text = DEFINITIONS + ORDER + MAIN + steps
    async with Kernel(loads(text), controllers=controllers, journal=path, environ=TOKEN) as kernel:
        return await kernel.apply(run_id="r")


@in_a_loop
@pytest.mark.parametrize(
    ("name", "seconds"), [("order", 0.4), ("in_thread", 0.4), ("patient", 1.4)]
)
async def test_no_further_attempt_while_one_is_at_work(
    tmp_path: Path, name: str, seconds: float
) -> None:
    shop = Shop(seconds)
    ended = await run(tmp_path / "j.db", LATE, getattr(shop, name), shop.look)
    assert (ended.outcome, ended.result) == ("succeeded", {"A": {"found": True}})
    assert (shop.begun, shop.made) == (1, 1)


@in_a_loop
async def test_what_is_at_work_for_too_long_is_for_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel.invocation.recovery.reconcile, "_FIRST_PAUSE_SECONDS", 0.001)
    shop = Shop(1.0)
    ended = await run(tmp_path / "j.db", LATE, shop.order, shop.look)
    assert ended.outcome == "unknown"
    assert ended.error is not None
    assert "still at work" in ended.error.message
    assert shop.begun == 1


@in_a_loop
async def test_a_cancelled_call_that_is_at_work_is_for_a_person(tmp_path: Path) -> None:
    shop = Shop(0.5)
    await run(tmp_path / "j.db", RACE, shop.order, shop.look)
    journal = await open_journal(tmp_path / "j.db")
    (lost,) = await journal.escalations("r")
    assert lost.path.endswith("A")
    await journal.close()

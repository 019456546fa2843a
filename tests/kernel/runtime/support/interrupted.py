"""Runs whose process ends while a call is in flight, and what goes on with them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from kernel import Kernel, RunResult, loads
from kernel.journal import Lease
from tests.support.recorded import DEFINITIONS, TOKEN, World

VARS = DEFINITIONS.replace("secrets:", "vars: { balance: { type: integer } }\nsecrets:", 1)
EXPECT = "expect: ['${{ vars.balance > 0 }}']"
SEND = """\
kind: Kernel.Definition
metadata: { name: Send, module: Pay }
capability: Invocable
SAFETY
---
"""

CHECKED = """\
safety: write-once-checkable
check: { invoke: { kind: Pay.Look }, landed: "${{ LANDED }}", outputs: "${{ result }}" }
"""


class Sender(World):
    """A world in which the first call of ``Send`` is made, and never comes back."""

    async def send(self, inputs: Any) -> Any:
        self.calls.append(("Send", inputs, ""))
        if len(self.made("Send")) == 1:
            await asyncio.get_running_loop().create_future()
        return {"n": 0}


def manifest(safety: str, step: str = EXPECT, more: str = "") -> str:
    send = f"  - {{ name: A, invoke: {{ kind: Pay.Send }}, {step} }}\n"
    main = f"kind: Run.Sequence\nmetadata: {{ name: Main }}\nsteps:\n{send}{more}"
    return VARS + SEND.replace("SAFETY\n", safety) + main


async def once(
    world: Sender, text: str, path: Path, balance: int, *, migrate: bool = False
) -> tuple[Kernel, Any]:
    kernel = Kernel(
        loads(text),
        controllers={**world.controllers(), "Pay.Send": world.send},
        journal=path,
        environ=TOKEN,
        values={"balance": 10},
    )
    await kernel.start()
    kernel.scope.bindings["vars"] = {"balance": balance}
    run = kernel.apply("Run.Sequence/Main", run_id="r", migrate=migrate)
    return kernel, asyncio.ensure_future(run)


async def left(world: Sender, text: str, path: Path) -> None:
    """A run whose process ends when the call is made."""
    kernel, task = await once(world, text, path, 10)
    while not world.made("Send"):
        await asyncio.sleep(0.01)
    journal = kernel.runtime.journal
    assert journal is not None
    lease = await journal.take_over(
        await journal.lease("r"), is_dead=True
    )  # as if this process were dead
    assert isinstance(lease, Lease)
    await journal.finish_run(lease, "running")
    task.cancel()
    await asyncio.wait([task])
    await kernel.stop()


async def gone_on(
    world: Sender, text: str, path: Path, balance: int, *, migrate: bool = False
) -> RunResult:
    kernel, task = await once(world, text, path, balance, migrate=migrate)
    try:
        result: RunResult = await task
        return result
    finally:
        await kernel.stop()

"""Manifests and controllers for runs in a journal, and ways to run and look at them."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from kernel import Kernel, RunResult, loads
from kernel.journal import Journal, open_journal

DEFINITIONS = """\
kind: Kernel.Module
metadata: { name: Shop }
secrets: { token: { type: string, env: SHOP_TOKEN } }
---
kind: Kernel.Definition
metadata: { name: Charge, module: Pay }
capability: Invocable
safety: irreversible
errors: { AGAIN: { retryable: true, outcome: failed } }
---
kind: Kernel.Definition
metadata: { name: Look, module: Pay }
capability: Invocable
safety: idempotent
---
kind: Kernel.Definition
metadata: { name: Refund, module: Pay }
capability: Invocable
safety: approval-bound
---
kind: Kernel.Definition
metadata: { name: Login, module: Pay }
capability: Invocable
safety: irreversible
outputs: { type: object, properties: { session: { type: string, x-kernel-secret: true } } }
---
"""


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run_it(**fixtures: Any) -> None:
        asyncio.run(test(**fixtures))

    return run_it


TOKEN = {"SHOP_TOKEN": "s3cr3t-token"}


class World:
    """Controllers that note their calls; ``broken`` ones fail as often as it says."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any, str]] = []
        self.broken: dict[str, list[Exception]] = {}

    def controllers(self) -> Mapping[str, Any]:
        def made(name: str) -> Any:
            async def invoke(inputs: Any, call: Any) -> Any:
                self.calls.append((name, dict(inputs), call.idempotency_key))
                if self.broken.get(name):
                    raise self.broken[name].pop(0)
                session = {"session": "session-4711"} if name == "Login" else {}
                return {"n": len(self.calls), **session, **inputs}

            return invoke

        return {f"Pay.{name}": made(name) for name in ("Charge", "Look", "Refund", "Login")}

    def made(self, name: str) -> list[Any]:
        return [inputs for called, inputs, _ in self.calls if called == name]


def sequence(steps: str, more: str = "") -> str:
    return f"{DEFINITIONS}kind: Run.Sequence\nmetadata: {{ name: Main }}\n{more}steps:\n{steps}"


def call(name: str, kind: str, fields: str = "") -> str:
    return f"  - {{ name: {name}, invoke: {{ kind: Pay.{kind} }}{fields} }}\n"


async def run(
    world: World, text: str, path: Path | str | None, run_id: str = "r", **options: Any
) -> RunResult:
    apply = {key: options.pop(key) for key in ("inputs", "migrate") if key in options}
    kernel = Kernel(
        loads(text), controllers=world.controllers(), journal=path, environ=TOKEN, **options
    )
    async with kernel:
        return await kernel.apply("Run.Sequence/Main", run_id=run_id, **apply)


async def looked(path: Path, scene: Any) -> Any:
    journal = await open_journal(path)
    try:
        return await scene(journal)
    finally:
        await journal.close()


def nothing(inputs: Any) -> dict[str, Any]:
    """A controller that does nothing."""
    return {}


ACCOUNT = """\
---
kind: Kernel.Definition
metadata: { name: Account, module: Pay }
capability: Provider
outputs:
  type: object
  properties: { balance: { type: integer }, days: { type: array, items: { type: string } } }
  required: [balance, days]
---
kind: Pay.Account
metadata: { name: Account }
"""


class Bank(World):
    """A world with an account whose balance another process finds changed."""

    balance = 5
    days = ("1", "2")

    def controllers(self) -> Mapping[str, Any]:
        bank = self

        class Account:
            def provide(self) -> dict[str, Any]:
                return {"balance": bank.balance, "days": list(bank.days)}

        return {**super().controllers(), "Pay.Account": Account}


async def approve_all(journal: Journal) -> None:
    for asked in await journal.approvals("pending"):
        await journal.decide(asked.approval, "approved", "bob")

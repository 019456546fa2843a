"""No two calls of a run have the same path, nor the same execution id, nor the same key."""

from __future__ import annotations

import asyncio
import uuid
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kernel import Kernel, loads
from kernel.invocation.run import Run

MANIFEST = """
kind: Kernel.Definition
metadata: { name: Twice, module: T }
capability: Invocable
schema:
  type: object
  properties:
    target: { x-kernel-ref: Invocable }
    site: { type: object, x-kernel-call: true }
---
kind: Kernel.Definition
metadata: { name: Key, module: T }
capability: Invocable
---
kind: T.Key
metadata: { name: Key }
---
kind: T.Twice
metadata: { name: Twice }
target: { kind: T.Key, name: Key }
site: { invoke: { kind: T.Key, name: Key } }
---
kind: Run.Sequence
metadata: { name: Main }
steps:
  - name: Calls
    invoke: { kind: T.Twice, name: Twice }
    retry: { attempts: 2 }
result: "${{ steps.Calls.result }}"
"""


class Twice:
    attempts = 0
    seen: list[list[str]]

    def __init__(self, fields: dict[str, Any]) -> None:
        self.target, self.site = fields["target"], fields["site"]
        Twice.seen = []

    async def invoke(self, inputs: dict[str, Any], call: Any) -> list[str]:
        keys = [await self.target.invoke(), await self.target.invoke()]
        keys += [await self.site.invoke(), await self.site.invoke()]
        keys += [await call.invoke("T.Key/Key"), await call.invoke("T.Key/Key")]
        Twice.seen.append(keys)
        if call.attempt == 1:
            raise RuntimeError("once more")
        return keys


async def key(inputs: dict[str, Any], call: Any) -> str:
    return str(call.idempotency_key)


def test_each_call_of_a_controller_has_a_key_of_its_own_that_a_retry_repeats() -> None:
    async def main() -> list[str]:
        controllers = {"T.Twice": Twice, "T.Key": key}
        async with Kernel(loads(MANIFEST), controllers=controllers) as kernel:
            found: list[str] = await kernel.invoke("Run.Sequence/Main")
            return found

    keys = asyncio.run(main())
    assert len(set(keys)) == 6
    assert Twice.seen == [keys, keys]


@given(st.uuids(), st.text(st.characters(exclude_categories=("Cs",))))
def test_an_execution_id_is_a_uuid_of_version_5(namespace: uuid.UUID, path: str) -> None:
    run: Any = SimpleNamespace(namespace=namespace)
    assert Run.execution(run, path) == str(uuid.uuid5(namespace, path))

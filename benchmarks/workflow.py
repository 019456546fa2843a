"""A workflow of many nodes against a sequence of as many steps, and ten times the nodes.

Each node calls a Python function with the result of an earlier one, drawn at random. Times are of
the processor, from the text of the manifest to a kernel that is up (start), and to the end of its
run (all). The garbage collector is off: when it looks through all that is there is a matter of
chance.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import time

from benchmarks.report import Row
from kernel import Kernel, loads

NODES = 2_000
DEFINITION = """\
kind: Kernel.Definition
metadata: { name: Next, module: Bench }
capability: Invocable
inputs: { type: object, properties: { n: { type: integer } }, required: [n] }
outputs: { type: integer }
---
"""


async def next_number(inputs: dict[str, int]) -> int:
    return inputs["n"] + 1


def manifest(count: int, kind: str, field: str) -> str:
    """A topology of so many calls; each but the first reads one of the hundred before it."""
    rng = random.Random(1)
    steps: list[dict[str, object]] = [{"name": "S0", "value": 1}]
    for n in range(1, count):
        read = rng.randint(max(0, n - 100), n - 1)
        inputs = {"n": f"${{{{ steps.S{read}.result }}}}"}
        steps.append({"name": f"S{n}", "invoke": {"kind": "Bench.Next"}, "inputs": inputs})
    if kind == "Flow.Workflow":
        rng.shuffle(steps)
    head = {"kind": kind, "metadata": {"name": "Main"}}
    result = f"${{{{ steps.S{count - 1}.result }}}}"
    return DEFINITION + "\n".join(
        [
            *(f"{key}: {json.dumps(value)}" for key, value in head.items()),
            f"{field}:",
            *(f"  - {json.dumps(step)}" for step in steps),
            f"result: {json.dumps(result)}\n",
        ]
    )


def times(text: str) -> tuple[float, float]:
    """Seconds of the processor till the kernel is up, and till its run has ended."""

    async def main() -> tuple[float, float]:
        began = time.process_time()
        controllers = {"Bench.Next": next_number}
        async with Kernel(loads(text), controllers=controllers, environ={}) as kernel:
            up = time.process_time() - began
            ran = await kernel.apply()
            assert ran.error is None, ran.error
        return up, time.process_time() - began

    gc.collect()
    gc.disable()
    try:
        return asyncio.run(main())
    finally:
        gc.enable()


def best(text: str, rounds: int) -> tuple[float, float]:
    """The least of several rounds, of each time by itself."""
    ups, alls = zip(*(times(text) for _ in range(rounds)), strict=True)
    return min(ups), min(alls)


def rows() -> list[Row]:
    """The rows of the table."""
    sequence = manifest(NODES, "Run.Sequence", "steps")
    times(sequence)
    up, all_ = best(manifest(NODES, "Flow.Workflow", "nodes"), 5)
    _, of_steps = best(sequence, 5)
    _, of_more = best(manifest(10 * NODES, "Flow.Workflow", "nodes"), 2)
    shown = f"{all_ / NODES * 1e6:.0f} µs a node"
    return [
        Row("seconds till a workflow of 2,000 nodes is up", up, 1, f"{up * 1000:.0f} ms"),
        Row("a node of a workflow / a step of a sequence", all_ / of_steps, 1.4, shown),
        Row("ten times the nodes of a workflow", of_more / all_, 12, f"{of_more:.2f} s"),
    ]

"""One invocation against the sum of its parts, and 10,000 items through ``forEach``.

The invocation: an asynchronous Python function with input and output schema, three CEL inputs, one
event subscriber, in memory. Its parts, measured by themselves in the same run: the three
expressions, both validations, one await of the function, one event handed to one subscriber.
"""

from __future__ import annotations

import asyncio
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from benchmarks.report import Row, best
from kernel import EvaluationContext, Event, Kernel, cel, loads
from kernel.cel import compile_template
from kernel.invocation.run import Run
from kernel.schema import compile_schema
from kernel.topology.callsite import CallSite, Target

MANIFEST = """
kind: Kernel.Definition
metadata: { name: Charge, module: Bench }
capability: Invocable
inputs:
  type: object
  properties: { customer: { type: string }, amount: { type: integer }, note: { type: string } }
  required: [customer, amount, note]
outputs:
  type: object
  properties: { id: { type: string }, paid: { type: boolean } }
  required: [id, paid]
---
kind: Bench.Charge
metadata: { name: Card }
"""

INPUTS = {
    "customer": "${{ inputs.customer.id }}",
    "amount": "${{ inputs.order.total }}",
    "note": "${{ inputs.order.rush ? 'rush' : 'normal' }}",
}
BINDINGS = {
    "vars": {},
    "inputs": {"customer": {"id": "c-1"}, "order": {"total": 12, "rush": False}},
}
ANSWER = {"id": "p-1", "paid": True}


async def charge(inputs: dict[str, Any]) -> dict[str, Any]:
    return ANSWER


async def timed(work: Callable[[], Any], rounds: int) -> float:
    """Microseconds for one call of an asynchronous function: the best of five turns."""

    async def turn() -> float:
        began = time.perf_counter()
        for _ in range(rounds):
            await work()
        return (time.perf_counter() - began) / rounds * 1e6

    return min([await turn() for _ in range(5)])


async def measure(rounds: int = 20_000) -> dict[str, float]:
    """Microseconds of the invocation and of its parts, and bytes kept by a million of them."""
    seen: list[Event] = []

    def subscriber(event: Event) -> None:
        seen.clear()
        seen.append(event)

    kernel = Kernel(loads(MANIFEST), controllers={"Bench.Charge": charge})
    kernel.subscribe(subscriber)
    async with kernel:
        run = Run(kernel.runtime)
        context = EvaluationContext(run, kernel.scope, dict(BINDINGS))
        site = CallSite(Target("Bench.Charge", "Card"), ("x",), inputs=compile_template(INPUTS))
        whole = await timed(lambda: context.invoke(site), rounds)
        tracemalloc.start()
        await timed(lambda: context.invoke(site), 1_000)
        before, _ = tracemalloc.get_traced_memory()
        await timed(lambda: context.invoke(site), 5_000)
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return {"whole": whole, "parts": await _parts(rounds), "kept": float(after - before)}


async def _parts(rounds: int) -> float:
    programs = [cel.compile(text[4:-3]) for text in INPUTS.values()]
    definition = loads(MANIFEST).root.definitions["Bench.Charge"]
    inputs, outputs = compile_schema(definition.inputs), compile_schema(definition.outputs)
    values = {"customer": "c-1", "amount": 12, "note": "normal"}
    a, b, c = programs
    seen: list[Any] = []

    def subscriber(event: Any) -> None:
        seen.clear()
        seen.append(event)

    expressions = best(
        lambda: (a.evaluate(BINDINGS), b.evaluate(BINDINGS), c.evaluate(BINDINGS)), rounds
    )
    validations = best(lambda: (inputs.conform(values), outputs.conform(ANSWER)), rounds)
    event = best(lambda: subscriber(("Bench.Charge.Card.Invoked", ANSWER)), rounds)
    return expressions + validations + event + await timed(lambda: charge(values), rounds)


async def each(items: int = 10_000, concurrency: int = 100) -> tuple[float, int]:
    """Seconds for a ``forEach`` over so many items, and the most tasks that were alive."""
    manifest = loads(
        MANIFEST
        + f"""---
kind: Run.Sequence
metadata: {{ name: Main }}
steps:
  - name: Each
    forEach: "${{{{ inputs.items }}}}"
    parallelism: {concurrency}
    do:
      - invoke: {{ kind: Bench.Charge, name: Card }}
        inputs: {{ customer: c, amount: "${{{{ item }}}}", note: n }}
result: "${{{{ size(steps.Each.result) }}}}"
"""
    )
    most = 0

    async def counting(inputs: dict[str, Any]) -> dict[str, Any]:
        nonlocal most
        most = max(most, len(asyncio.all_tasks()))
        return ANSWER

    async with Kernel(manifest, controllers={"Bench.Charge": charge}) as kernel:
        began = time.perf_counter()
        await kernel.invoke("Run.Sequence/Main", {"items": list(range(items))})
        seconds = time.perf_counter() - began
    async with Kernel(manifest, controllers={"Bench.Charge": counting}) as kernel:
        await kernel.invoke("Run.Sequence/Main", {"items": list(range(items // 10))})
    return seconds, most


def rows() -> list[Row]:
    """The rows of the table."""
    found = asyncio.run(measure())
    seconds, most = asyncio.run(each())
    return [
        Row(
            "one invocation / the sum of its parts",
            found["whole"] / found["parts"],
            3.0,
            f"{found['whole']:.2f} µs / {found['parts']:.2f} µs",
        ),
        Row(
            "kept by 25,000 invocations / 1 MB",
            found["kept"] / 1e6,
            0.1,
            f"{found['kept']:.0f} bytes",
        ),
        Row(
            "tasks for 10,000 items, 100 at a time / 100",
            most / 100,
            1.1,
            f"{most} tasks, {seconds:.2f} s",
        ),
    ]


if __name__ == "__main__":
    from benchmarks.report import show

    show(rows())

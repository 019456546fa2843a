"""A check is linear in the manifest, in steps and in memory, whatever the manifest is made of."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from analyzer import check_text
from analyzer.report import as_text

HEAD = "kind: Run.Sequence\nmetadata: { name: Main }\nsteps:\n"
DEFINITION = """\
kind: Kernel.Definition
metadata: {{ name: Order{0}, module: Shop, description: Places an order }}
capability: Invocable
safety: idempotent
inputs:
  type: object
  properties:
    customer: {{ type: string, description: who orders }}
    lines: {{ type: array, items: {{ type: object, properties: {{ sku: {{ type: string }} }} }} }}
  required: [customer]
outputs: {{ type: object, properties: {{ id: {{ type: string }} }}, required: [id] }}
"""
CALL = f"{DEFINITION.format(0)}---\n{HEAD}  - invoke: {{ kind: Shop.Order0 }}\n    inputs:\n"


def steps(line: str, head: str = HEAD) -> Callable[[int], str]:
    """Manifests of so many steps, or other lines, with their numbers in them."""
    return lambda count: head + "".join(line.replace("#", str(n)) for n in range(count))


def value(of: Callable[[int], str]) -> Callable[[int], str]:
    """Manifests with one scalar."""
    return lambda count: f'{HEAD}  - name: A\n    value: "{of(count)}"\n'


def documents(document: str) -> Callable[[int], str]:
    return lambda count: "---\n".join(document.replace("#", str(n)) for n in range(count))


def definitions(count: int) -> str:
    return "---\n".join(map(DEFINITION.format, range(count)))


def nested(inner: str) -> str:
    return "[" * 40 + inner + "]" * 40


FLOW = "kind: Flow.Workflow\nmetadata: { name: Main }\nnodes:\n  - { name: S0, value: 1 }\n"
NODE = "  - {{ name: S{1}, value: '${{{{ steps.S{0}.result + 1 }}}}' }}\n"
NOPE = "  - { name: S#, value: '${{ nope# + 1 }}' }\n"

MADE: dict[str, tuple[Callable[[int], str], int]] = {
    "definitions": (definitions, 30),
    "one long text": (value(lambda count: "x" * count * 100), 4),
    "one long expression": (value(lambda n: f"${{{{ {' || '.join(['false'] * n)} }}}}"), 280),
    "many expressions in a text": (value(lambda n: " ".join(["${{ nope }}"] * n)), 350),
    "a long list in CEL": (value(lambda n: f"${{{{ [{', '.join(['nope'] * n)}] }}}}"), 80),
    "findings of fields": (steps("  - { name: S#, vlaue: # }\n"), 250),
    "findings in expressions": (steps(NOPE), 160),
    "findings that comments suppress": (
        steps(f"  # kernel: ignore[K302] because\n{NOPE}"),
        20,
    ),
    "documents with a finding each": (
        documents("kind: Run.Sequence\nmetadata: { name: S# }\nstesp: []\n"),
        200,
    ),
    "steps that read the one before": (
        steps(
            "  - { name: T#, value: '${{ steps.S.result + # }}' }\n",
            HEAD + "  - { name: S, value: 1 }\n",
        ),
        110,
    ),
    "nodes that read the one before": (
        lambda count: FLOW + "".join(map(NODE.format, range(count), range(1, count + 1))),
        200,
    ),
    "calls with mistakes": (
        steps(
            "  - { invoke: { kind: Shop.Order0 }, inputs: { coustomer: a, lines: # } }\n",
            f"{DEFINITION.format(0)}---\n{HEAD}",
        ),
        220,
    ),
    "a long list of inputs": (
        steps(
            "        - { sku: 1, more: '${{ # }}' }\n",
            f"{CALL}      customer: a\n      lines:\n",
        ),
        140,
    ),
    "many inputs": (steps("      k#: '${{ # }}'\n", f"{CALL}      customer: a\n"), 40),
    "deep values": (steps(f"  - {{ name: S#, value: {nested('#')} }}\n"), 110),
    "aliases": (
        steps(
            "  - { name: S#, value: *a }\n",
            f"{HEAD}  - {{ name: A, value: &a {{ b: [1, 2] }} }}\n",
        ),
        120,
    ),
}
"""What manifests are made of; the bytes of memory for each byte of the manifest, at most."""


def checked(text: str) -> str:
    return as_text(check_text(text, "main.yaml"))


@pytest.mark.parametrize("name", MADE)
def test_memory_is_a_multiple_of_the_text(name: str) -> None:
    made, limit = MADE[name]
    checked(made(2))  # what is imported is not counted
    least, most = made(200), made(400)
    for attempt in (1, 2, 3):
        added = (peak(most) - peak(least)) / (len(most) - len(least))
        if added < limit or attempt == 3:  # else garbage may not have been collected yet
            break
    assert added < limit


def peak(text: str) -> int:
    """The most bytes that a check has at a time."""
    gc.collect()
    tracemalloc.start()
    try:
        checked(text)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def lines_run(work: Callable[[], Any]) -> int:
    """How many lines of Python are executed, each round of a comprehension once."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.long
@pytest.mark.parametrize("name", MADE)
def test_the_steps_of_a_check_are_linear(name: str) -> None:
    """Twice the manifest adds twice the steps; it would be four times if they were quadratic."""
    made, _ = MADE[name]
    checked(made(2))
    small, middle, large = (lines_run(lambda n=n: checked(made(n))) for n in (150, 300, 600))
    assert large - middle <= 2.5 * (middle - small)

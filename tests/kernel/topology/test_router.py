"""`Flow.Router`: the first entry that matches makes its call."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kernel import InvocationError, Kernel, loads

KINDS = """
kind: Kernel.Definition
metadata: { name: Say, module: T }
capability: Invocable
inputs: { type: object, properties: { what: { type: string } }, required: [what] }
outputs: { type: string }
---
"""
ROUTER = (
    KINDS
    + """
kind: Flow.Router
metadata: { name: Main }
event:
  type: object
  properties:
    kind: { type: string }
    n: { type: integer, default: 3 }
    again: { $ref: "#/$defs/Again" }
  required: [kind]
  $defs: { Again: { type: array, items: { $ref: "#/$defs/Again" } } }
entries:
  - match: "${{ event.kind == 'a' }}"
    invoke: { kind: T.Say }
    inputs: { what: "first ${{ event.kind }}" }
  - match: "${{ event.kind in ['a', 'b'] && event.n > 2 }}"
    description: never for `a`
    invoke: { kind: T.Say }
    inputs: { what: "second ${{ event.n }}" }
    retry: { attempts: 2 }
  - match: "${{ event.kind == 'skip' }}"
    when: "${{ event.n > 5 }}"
    invoke: { kind: T.Say }
    inputs: { what: never }
"""
)
FALLBACK = """
fallback:
  invoke: { kind: T.Say }
  inputs: { what: "else ${{ event.kind }}" }
"""


def routed(text: str, event: Any, target: str = "Flow.Router/Main") -> Any:
    def say(inputs: Any) -> str:
        return str(inputs["what"])

    async def main() -> Any:
        async with Kernel(loads(text), controllers={"T.Say": say}) as kernel:
            return await kernel.invoke(target, event)

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("event", "gives"),
    [
        ({"kind": "a"}, "first a"),
        ({"kind": "b"}, "second 3"),
        ({"kind": "b", "n": 1}, "else b"),
        ({"kind": "skip"}, None),
        ({"kind": "c"}, "else c"),
    ],
)
def test_the_first_entry_that_matches_makes_its_call(event: Any, gives: Any) -> None:
    assert routed(ROUTER + FALLBACK, {"event": event}) == gives


def test_without_a_match_and_a_fallback_it_fails() -> None:
    with pytest.raises(InvocationError) as caught:
        routed(ROUTER, {"event": {"kind": "c"}})
    assert caught.value.code == "NO_MATCH"
    assert "none of the 3 entries matches" in str(caught.value)


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({}, "event"),
        ({"event": {"kind": 1}}, "event.kind"),
        ({"event": {"kind": "a", "again": [[1]]}}, "event.again"),
        ({"event": {"kind": "a"}, "more": 1}, "more"),
    ],
)
def test_an_event_is_held_to_its_schema(inputs: Any, problem: str) -> None:
    with pytest.raises(InvocationError) as caught:
        routed(ROUTER, inputs)
    assert caught.value.code == "VALIDATION_ERROR"
    assert problem in str(caught.value)


def test_any_event_without_a_schema() -> None:
    text = (
        KINDS
        + """
kind: Flow.Router
metadata: { name: Main }
entries:
  - { match: "${{ event == 7 }}", invoke: { kind: T.Say }, inputs: { what: seven } }
result: "${{ string(event) }}"
"""
    )
    assert routed(text, {"event": 7}) == "7"


def test_a_router_is_the_body_of_a_kind() -> None:
    text = (
        KINDS
        + """
kind: Kernel.Definition
metadata: { name: Pick, module: T }
capability: Invocable
schema: { type: object, properties: { word: { type: string } }, required: [word] }
body:
  topology: Router
  event: { type: object, properties: { kind: { type: string } }, required: [kind] }
  entries:
    - match: "${{ event.kind == self.word }}"
      invoke: { kind: T.Say }
      inputs: { what: "${{ self.word }} and ${{ inputs.event.kind }}" }
---
kind: T.Pick
metadata: { name: Main }
word: x
"""
    )
    assert routed(text, {"event": {"kind": "x"}}, "T.Pick/Main") == "x and x"
    with pytest.raises(InvocationError):
        routed(text, {"event": {"kind": 3}}, "T.Pick/Main")

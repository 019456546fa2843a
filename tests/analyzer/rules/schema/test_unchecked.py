"""K108: sources of data of which nothing is known, and something of which is read."""

from __future__ import annotations

import pytest

from analyzer import check_text

ASK = """\
kind: Kernel.Definition
metadata: { name: Ask, module: T }
capability: Invocable
safety: idempotent
---
kind: Run.Sequence
metadata: { name: Main }
inputs:
  type: object
  properties: { any: {}, list: { type: array }, map: { type: object }, text: { type: string } }
  required: [any, list, map, text]
steps:
  - { name: A, invoke: { kind: T.Ask } }
"""

ANY, LIST, MAP = "`any` of the input", "`list[]` of the input", "`map` of the input"
RESULT = "the result of `T.Ask`"


def told(steps: str, result: str) -> list[str]:
    found = check_text(f'{ASK}{steps}result: "${{{{ {result} }}}}"\n').findings
    return [one.message for one in found if one.name == "unchecked-data"]


@pytest.mark.parametrize(
    ("result", "what"),
    [
        ("inputs.any + 1", [ANY]),
        ("inputs.any.x + inputs.any.y", [ANY]),
        ("inputs['any'].x", [ANY]),
        ("inputs.list[0].x", [LIST]),
        ("inputs.list[size(inputs.text)].x", [LIST]),
        ("inputs.list.filter(one, one.ok).map(one, 1)", [LIST]),
        ("inputs.list.map(one, cel.bind(two, one, two.x))", [LIST]),
        ("inputs.map.x", [MAP]),
        ("steps.A.result > 1", [RESULT]),
        ("has(steps.A.result.x) ? steps.A.result.x : 0", [RESULT]),
        ("[inputs.any, steps.A.result]", []),
        ("{'a': inputs.any}", []),
        ("inputs.any == null ? 1 : 2", []),
        ("has(inputs.any.x)", []),
        ("type(inputs.any) == int ? inputs.any + 1 : 0", []),
        ("inputs.map", []),
        ("size(inputs.map)", []),
        ("inputs.list.map(one, one)", []),
        ("inputs.text + 'a'", []),
    ],
)
def test_what_is_read_without_a_schema(result: str, what: list[str]) -> None:
    found = told("", result)
    assert len(found) == len(what)
    assert all(
        one.startswith(f"nothing says what {name}") for one, name in zip(found, what, strict=True)
    )


@pytest.mark.parametrize(
    ("steps", "what"),
    [
        ('  - { name: B, value: "${{ steps.A.result }}" }\n', []),
        ('  - { name: B, when: "${{ inputs.any }}", value: 1 }\n', [ANY]),
        ('  - { name: B, forEach: "${{ inputs.any }}", do: [{ value: 1 }] }\n', [ANY]),
        ('  - forEach: "${{ inputs.list }}"\n    do: [{ value: "${{ item.x }}" }]\n', [LIST]),
        ('  - { invoke: { kind: T.Ask }, inputs: { a: "${{ inputs.any }}" } }\n', []),
        ('  - { invoke: { kind: Log.Print }, inputs: { message: "${{ inputs.any }}" } }\n', []),
        ('  - { invoke: { kind: T.Ask }, inputs: { a: "${{ inputs.any.x }}" } }\n', [ANY]),
    ],
)
def test_what_is_expected_without_a_schema(steps: str, what: list[str]) -> None:
    found = told(steps, "1")
    assert len(found) == len(what)
    assert all(
        one.startswith(f"nothing says what {name}") for one, name in zip(found, what, strict=True)
    )


def test_what_is_read_behind_a_step_that_passes_it_on() -> None:
    step = '  - { name: B, value: "${{ steps.A.result }}" }\n'
    assert [one[: len(RESULT) + 18] for one in told(step, "steps.B.result.x")] == [
        f"nothing says what {RESULT}"
    ]


def test_what_is_called_in_place_is_told_where_its_input_comes_from() -> None:
    step = """\
  - invoke: { kind: Run.Sequence, steps: [], result: "${{ inputs.x.y }}" }
    inputs: { x: 1 }
"""
    assert told(step, "1") == []

"""What follows from a mistake is silent: a misspelt name in a guard, a field, a kind."""

from __future__ import annotations

import pytest

from tests.analyzer.support.untried import found_in

MANIFEST = """\
kind: Kernel.Definition
metadata: {{ name: Send, module: Mail }}
capability: Invocable
inputs:
  type: object
  properties: {{ to: {{ type: string }}, text: {{ type: string }} }}
  required: [to, text]
  additionalProperties: false
outputs: {{ type: object, properties: {{ id: {{ type: string }} }}, required: [id], additionalProperties: false }}
safety: idempotent
---
kind: Mail.Send
metadata: {{ name: Default }}
---
kind: Run.Sequence
metadata: {{ name: Main }}
inputs:
  type: object
  properties:
    o: {{ type: string }}
    n: {{ type: [string, "null"] }}
    l: {{ type: array, items: {{ type: string }} }}
    u:
      oneOf:
        - {{ type: object, properties: {{ t: {{ const: a }}, a: {{ type: string }} }}, required: [t, a], additionalProperties: false }}
        - {{ type: object, properties: {{ t: {{ const: b }}, b: {{ type: string }} }}, required: [t, b], additionalProperties: false }}
  required: [n, l, u]
  additionalProperties: false
outputs: {{ type: string }}
steps:
  - {{ name: Opt, when: "${{{{ has(inputs.o) }}}}", value: x }}
{steps}
"""  # noqa: E501

CASES = {
    "a variable in a guard": (
        "K302",
        """\
  - { name: A, value: "${{ has(inpts.o) ? inputs.o : '' }}" }
result: "${{ steps.A.result }}"
""",
    ),
    "a variable in a chain": (
        "K302",
        """\
  - { name: A, value: "${{ inpts.n != null && inputs.n.size() > 1 ? inputs.n : '' }}" }
result: "${{ steps.A.result }}"
""",
    ),
    "a variable in a when": (
        "K302",
        """\
  - { name: A, when: "${{ has(inpts.o) }}", value: "${{ inputs.o }}" }
result: "${{ has(steps.A.result) ? steps.A.result : '' }}"
""",
    ),
    "a variable in a switch": (
        "K302",
        """\
  - name: A
    switch: "${{ inpts.u.t }}"
    cases:
      a: [{ name: B, value: "${{ inputs.u.a }}" }]
      b: [{ name: C, value: "${{ inputs.u.b }}" }]
result: "${{ has(steps.B.result) ? steps.B.result : has(steps.C.result) ? steps.C.result : '' }}"
""",
    ),
    "a step in a guard": (
        "K401",
        """\
  - { name: A, value: "${{ has(steps.Oppt.result) ? inputs.o : '' }}" }
  - { name: B, when: "${{ !steps.Opt.skipped }}", value: "${{ inputs.o }}" }
result: "${{ has(steps.B.result) ? steps.A.result : '' }}"
""",
    ),
    "a literal in a guard": (
        "K406",
        """\
  - { name: A, value: "${{ inputs.u.t == 'aa' ? inputs.u.a : inputs.u.b }}" }
result: "${{ steps.A.result }}"
""",
    ),
    "the type of a condition": (
        "K402",
        """\
  - { name: A, when: "${{ 1 }}", value: x }
  - { name: B, when: "${{ !steps.A.skipped }}", value: "${{ steps.A.result }}" }
result: "${{ has(steps.B.result) ? steps.B.result : '' }}"
""",
    ),
    "an operator in a condition": (
        "K305",
        """\
  - { name: A, when: "${{ size(inputs.l) > '1' }}", value: x }
  - { name: B, when: "${{ size(inputs.l) > 1 }}", value: "${{ steps.A.result }}" }
result: "${{ has(steps.B.result) ? steps.B.result : '' }}"
""",
    ),
    "the field when": (
        "K003",
        """\
  - { name: A, whn: "${{ has(inputs.o) }}", value: "${{ inputs.o }}" }
result: "${{ steps.A.result }}"
""",
    ),
    "the field result": (
        "K003",
        """\
  - { name: A, value: 1 }
reslt: "${{ string(steps.A.result) }}"
""",
    ),
    "the field then": (
        "K003",
        """\
  - name: A
    if: "${{ has(inputs.o) }}"
    thn: [{ name: B, value: "${{ inputs.o }}" }]
result: "${{ has(steps.B.result) ? steps.B.result : '' }}"
""",
    ),
    "the field while": (
        "K003",
        """\
  - name: A
    whle: "${{ false }}"
    do: [{ name: B, value: "x" }]
result: "${{ has(steps.B.result) ? steps.B.result : '' }}"
""",
    ),
    "the field forEach": (
        "K003",
        """\
  - name: A
    forach: "${{ inputs.l }}"
    do: [{ name: B, value: "${{ item }}" }]
    result: "${{ steps.B.result }}"
result: "${{ string(size(steps.A.result)) }}"
""",
    ),
    "a kind": (
        "K004",
        """\
  - { name: A, invoke: { kind: Mail.Snd }, inputs: { to: a, text: b } }
result: "${{ steps.A.result.id }}"
""",
    ),
    "an input": (
        "K205",
        """\
  - { name: A, invoke: { kind: Mail.Send, name: Default }, inputs: { to: a, txt: b } }
result: "${{ steps.A.result.id }}"
""",
    ),
}


@pytest.mark.parametrize("capability", ["Provider", "Service", "Sink"])
def test_a_changed_capability_is_one_finding(capability: str) -> None:
    steps = """\
  - { name: A, invoke: { kind: Mail.Send }, inputs: { to: a, text: b } }
  - { name: B, invoke: { kind: Mail.Send, name: Default }, inputs: { to: a, text: b } }
result: "${{ steps.A.result.id + steps.B.result.id }}"
"""
    text = MANIFEST.format(steps=steps).replace("Invocable", capability)
    errors = [one.code for one in found_in(text) if one.weight == "error"]
    assert errors in (["K209"], ["K007"])


@pytest.mark.parametrize("name", CASES)
def test_one_mistake_is_one_finding(name: str) -> None:
    code, steps = CASES[name]
    found = found_in(MANIFEST.format(steps=steps))
    errors = [(one.code, one.message) for one in found if one.weight == "error"]
    assert [one for one, _ in errors] == [code], errors


def test_an_expression_in_a_value_that_is_refused_is_not_told() -> None:
    """`do` of a transaction is one call, not a list of calls."""
    text = """\
kind: Sql.Connection
metadata: { name: Db }
url: "sqlite:///x.db"
---
kind: Sql.Exec
metadata: { name: Add }
connection: { kind: Sql.Connection, name: Db }
sql: insert into t values (:id)
---
kind: Sql.Transaction
metadata: { name: Both }
connection: { kind: Sql.Connection, name: Db }
do:
  - invoke: { kind: Sql.Exec, name: Add }
    inputs: { bindings: { id: "${{ inputs.id }}" } }
"""
    assert [one.code for one in found_in(text) if one.weight == "error"] == ["K007"]


def test_what_does_not_follow_is_told() -> None:
    """The guard of another value is misspelt, and a name beside it is unknown."""
    steps = """\
  - { name: A, whn: "${{ has(inputs.o) }}", value: "${{ inputs.m }}" }
  - { name: B, value: "${{ has(inputs.o) ? inputs.n.size() : 0 }}" }
result: "${{ steps.A.result }}"
"""
    found = {one.code for one in found_in(MANIFEST.format(steps=steps))}
    assert {"K003", "K401"} <= found

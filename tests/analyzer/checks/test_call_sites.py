"""The fields of call sites, wherever they stand: what each takes, and which variables it sees."""

from __future__ import annotations

import pytest

from analyzer import check_text
from analyzer.report import Finding

SEND = """\
kind: Kernel.Definition
metadata: { name: Send, module: Shop }
capability: Invocable
safety: idempotent
inputs: { type: object }
outputs: { type: object, properties: { ok: { type: boolean } }, required: [ok] }
controller: { python: "shop:Send" }
---
"""

PROPERTIES = """\
    number: { type: integer }
    text: { type: string }
    flag: { type: boolean }
    perhaps: { type: [boolean, "null"] }
    asked: { enum: [required] }
    either: { enum: [required, never] }
    empty: { enum: ["", a] }
    record: { type: object }
"""
NAMES = "[number, text, flag, perhaps, asked, either, empty, record]"


def step(fields: str, kind: str = "Shop.Send", definitions: str = SEND) -> str:
    return f"""\
{definitions}kind: Run.Sequence
metadata: {{ name: Main }}
inputs:
  type: object
  required: {NAMES}
  properties:
{PROPERTIES}steps:
  - name: Before
    when: "${{{{ inputs.flag }}}}"
    value: "${{{{ inputs.number > 3 }}}}"
  - name: Sent
    invoke: {{ kind: {kind} }}
    {fields}
  - name: After
    value: true
result: "${{{{ [has(steps.Before.result), steps.Sent.result, steps.After.result] }}}}"
"""


def found(text: str) -> list[Finding]:
    """What is found, but that nothing says what some data is."""
    return [one for one in check_text(text).findings if one.name != "unchecked-data"]


def codes(text: str) -> list[str]:
    return [one.code for one in found(text)]


def of(expression: str) -> str:
    return f'"${{{{ {expression} }}}}"'


@pytest.mark.parametrize(
    "value",
    [
        "required",
        "true",
        "false",
        of("inputs.flag"),
        of("inputs.number > 5"),
        of("inputs.asked"),
        of("'required'"),
        of("inputs.flag ? 'required' : false"),
        of("has(steps.Before.result) && steps.Before.result"),
        of("inputs.perhaps != null && inputs.perhaps"),
        of("inputs.record.anything"),
        of("invocation.attempt > 1"),
    ],
)
def test_what_an_approval_may_be(value: str) -> None:
    assert not {one.code for one in found(step(f"approval: {value}"))} - {"K407"}


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("inputs.number", "K402"),
        ("inputs.text", "K402"),
        ("inputs.either", "K402"),
        ("inputs.flag ? 'required' : 'never'", "K402"),
        ("inputs.record", "K402"),
        ("null", "K402"),
        ("inputs.perhaps", "K502"),
        ("inputs.nope", "K407"),
        ("nope", "K302"),
        ("error.code == 'E'", "K505"),
        ("item", "K306"),
        ("steps.Before.result", "K503"),
        ("steps.After.result", "K504"),
        ("inputs.number > 'a'", "K305"),
        ("size(inputs.text) >= 0", "K601"),
    ],
)
def test_what_an_approval_may_not_be(expression: str, code: str) -> None:
    (one,) = found(step(f"approval: {of(expression)}"))
    assert (one.code, one.path[-1]) == (code, "approval")


def test_texts_beside_each_other_are_no_approval() -> None:
    beside = '"${{ inputs.text }}${{ inputs.text }}"'
    assert codes(step(f"approval: {beside}")) == ["K402"]


def test_the_sentence_says_what_an_approval_takes() -> None:
    (one,) = found(step(f"approval: {of('inputs.either')}"))
    message = "`approval` is `required` or a bool, and this is 'never'|'required'"
    assert one.message == message


def test_what_is_known_around_holds_for_an_approval() -> None:
    for guard in "has(steps.Before.result)", "inputs.flag":
        text = step(f"when: {of(guard)}\n    approval: {of('steps.Before.result')}")
        assert codes(text.replace("steps.Sent.result,", "has(steps.Sent.result),")) == []


IN_PLACE = """\
kind: Run.Sequence
metadata: { name: Main }
steps:
  - invoke:
      kind: Run.Sequence
      inputs: { type: object, required: [n], properties: { n: { type: integer } } }
      steps:
        - invoke: { kind: Shop.Send }
          approval: "${{ inputs.n WRONG }}"
    inputs: { n: 1 }
"""
TARGET = """\
kind: Kernel.Module
metadata: { name: M }
vars: { n: { type: integer, default: 1 } }
targets:
  - invoke: { kind: Shop.Send }
    approval: "${{ vars.n WRONG }}"
"""
ROUTE = """\
kind: Http.Server
metadata: { name: Web }
port: 0
---
kind: Http.Api
metadata: { name: Api }
server: { kind: Http.Server, name: Web }
routes:
  - request:
      method: POST
      path: /
      body: { type: object, required: [n], properties: { n: { type: integer } } }
    invoke: { kind: Shop.Send }
    approval: "${{ request.body.n WRONG }}"
"""
CHECK = """\
kind: Kernel.Definition
metadata: { name: Pay, module: Shop }
capability: Invocable
safety: write-once-checkable
inputs: { type: object, required: [n], properties: { n: { type: integer } } }
controller: { python: "shop:Pay" }
check:
  invoke: { kind: Shop.Send }
  approval: "${{ inputs.n WRONG }}"
  landed: "${{ result.ok }}"
"""
BODY = """\
kind: Kernel.Definition
metadata: { name: Pay, module: Shop }
capability: Invocable
schema: { type: object, required: [n], properties: { n: { type: integer } } }
body:
  steps:
    - invoke: { kind: Shop.Send }
      approval: "${{ self.n WRONG }}"
"""


@pytest.mark.parametrize("place", [IN_PLACE, TARGET, ROUTE, CHECK, BODY])
def test_an_approval_wherever_a_call_stands(place: str) -> None:
    def said(wrong: str) -> list[str]:
        return codes(SEND + place.replace(" WRONG", wrong))

    assert said(" > 5") == []
    assert said("") == ["K402"]
    assert said(" > nope") == ["K302"]


def test_an_error_that_an_approval_asks_for() -> None:
    steps = """\
kind: Run.Sequence
metadata: { name: Main }
steps:
  - try:
      - throw: { code: LATE }
    catch:
      - invoke: { kind: Shop.Send }
        approval: "${{ error.code == 'CODE' }}"
"""
    assert codes(SEND + steps.replace("CODE", "LATE")) == []
    assert codes(SEND + steps.replace("CODE", "LAET")) == ["K705"]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("order", []),
        ('"order-${{ inputs.number }}"', []),
        (of("inputs.text"), []),
        (of("inputs.flag ? inputs.text : ''"), []),
        ('""', ["K402"]),
        (of("''"), ["K402"]),
        (of("inputs.empty"), ["K402"]),
        (of("inputs.flag ? 'a' : ''"), ["K402"]),
        (of("inputs.number"), ["K402"]),
        ("5", ["K402"]),
    ],
)
def test_an_idempotency_key_is_not_empty(value: str, wanted: list[str]) -> None:
    assert codes(step(f"idempotencyKey: {value}")) == wanted


ANY = SEND.replace("inputs: { type: object }\n", "")


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("{ a: 1 }", []),
        (of("inputs.record"), []),
        (of("inputs"), []),
        (of("inputs.record.anything"), []),
        (of("inputs.flag ? {'a': 1} : {}"), []),
        (of("inputs.text"), ["K206"]),
        (of("inputs.number"), ["K206"]),
        (of("null"), ["K206"]),
        (of("{1: 2, '1': 3}"), ["K206"]),
        ("{ a: " + of("optional.of(1)") + " }", ["K206"]),
        ("{ a: " + of("timestamp('2026-01-01T00:00:00Z')") + " }", []),
        ("a text", ["K206"]),
        ('"a ${{ inputs.text }}"', ["K006"]),
    ],
)
def test_the_inputs_of_what_takes_anything_are_a_map_of_json(value: str, wanted: list[str]) -> None:
    assert codes(step(f"inputs: {value}", definitions=ANY)) == wanted

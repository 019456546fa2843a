"""Calls of what declares little of its inputs, looked at with what each call gives."""

from __future__ import annotations

import asyncio
import time

import pytest

from analyzer import check_text
from analyzer.report import Finding
from kernel import Kernel, RunResult, loads

CALL = (6, 5)
"""The place of the inputs of the call."""


def calling(inputs: str, steps: str, declared: str = "") -> str:
    """A sequence that calls another one."""
    return f"""\
kind: Run.Sequence
metadata: {{ name: Main }}
steps:
  - name: A
    invoke: {{ kind: Run.Sequence, name: Inner }}
    inputs: {inputs}
result: "${{{{ steps.A.result }}}}"
---
kind: Run.Sequence
metadata: {{ name: Inner }}
{declared}steps: [{steps}]
"""


def value(expression: str, name: str = "V") -> str:
    return f'{{ name: {name}, value: "${{{{ {expression} }}}}" }}'


def alarms(text: str) -> list[Finding]:
    """What is found, but that nobody uses what is made here."""
    found = check_text(text).findings
    return [one for one in found if one.weight != "info" and one.name != "unused"]


def applied(text: str) -> RunResult:
    async def main() -> RunResult:
        async with Kernel(loads(text), environ={}) as kernel:
            return await kernel.apply(target="Run.Sequence/Main")

    return asyncio.run(main())


EACH = '{ forEach: "${{ inputs.items }}", do: [{ name: V, value: "${{ item.name }}" }] }'
IF_FULL = """{ if: "${{ inputs.mode == 'full' }}", then: [{ value: "${{ inputs.x }}" }] }"""
PRINT = "invoke: { kind: Log.Print }"
HI = "inputs: { message: hi }"
OF_O = "inputs: { type: object, properties: { o: { type: object } }, required: [o] }\n"
OF_L = "inputs: { type: object, properties: { l: { type: array } }, required: [l] }\n"

WRONG = [
    ("K204", "{ y: 1 }", value("inputs.x"), ""),
    ("K204", "{ y: 1 }", value("inputs['x']"), "inputs: true\n"),
    ("K204", "{ y: 1 }", value("[1].map(i, i + inputs.x)"), "inputs: { type: object }\n"),
    ("K204", "{ y: 1 }", "{ try: [{ throw: {code: X} }], catch: [" + value("inputs.x") + "] }", ""),
    ("K204", "{ mode: full }", value("inputs.mode == 'full' ? inputs.x : 0"), ""),
    ("K204", "{ y: 1 }", f'{{ {PRINT}, {HI}, expect: ["${{{{ inputs.x }}}}"] }}', ""),
    ("K501", "{ y: 1 }", f"{value('inputs')}, {value('steps.V.result.x', 'W')}", ""),
    ("K501", "{ items: [{ name: a }, {}] }", EACH, ""),
    ("K501", "{ o: { a: 1 } }", value("inputs.o.b"), OF_O),
    ("K501", "{ l: [{ a: 1 }] }", value("inputs.l.map(o, o.b)"), OF_L),
    ("K402", "{ items: 3 }", EACH, ""),
    ("K402", "{ go: 'yes' }", '{ when: "${{ inputs.go }}", value: 1 }', ""),
    ("K405", "{ go: 'yes' }", '{ switch: "${{ inputs.go }}", cases: { a: [] } }', ""),
    ("K305", "{ x: text }", value("inputs.x + 1"), ""),
    ("K401", "{ x: null }", value("inputs.x.y"), ""),
    ("K507", "{ l: [] }", value("inputs.l[0]"), ""),
    ("K603", "{ n: 0 }", value("1 / inputs.n"), ""),
    ("K206", "{ n: 1 }", f'{{ {PRINT}, inputs: {{ message: "${{{{ inputs.n }}}}" }} }}', ""),
    ("K206", "{ n: 1 }", f'{{ {PRINT}, inputs: "${{{{ inputs }}}}" }}', ""),
    ("K208", "{ n: 1 }", "", 'outputs: { type: string }\nresult: "${{ inputs.n }}"\n'),
]  # fmt: skip


@pytest.mark.parametrize(("code", "inputs", "steps", "declared"), WRONG)
def test_what_a_call_gives_does_not_do(code: str, inputs: str, steps: str, declared: str) -> None:
    text = calling(inputs, steps, declared)
    (found,) = alarms(text)
    assert found.span is not None
    assert (found.code, found.span.line, found.span.column) == (code, *CALL)
    assert found.related
    assert applied(text).outcome != "succeeded"


RIGHT = [
    ("{ x: 1 }", value("inputs.x"), ""),
    ("{ }", value("has(inputs.x) ? inputs.x : 0"), ""),
    ("{ }", value("inputs.?x.?y.orValue(1)"), ""),
    ("{ }", '{ name: V, when: "${{ \'x\' in inputs }}", value: "${{ inputs.x }}" }', ""),
    ("{ o: { } }", value("has(inputs.o.b) && inputs.o.b > 1"), OF_O),
    ("{ mode: short }", value("inputs.mode == 'full' ? inputs.x : 0"), ""),
    ("{ mode: short }", IF_FULL, ""),
    ("{ x: 1 }", value("type(inputs.x) == string ? inputs.x + 'a' : 'b'"), ""),
    ("{ x: 1 }", value("inputs.x == 'a'"), ""),
    ("{ x: 1 }", value("inputs.all(k, inputs[k] > 0) && size(inputs) == 1"), ""),
    ("{ go: 'yes' }", '{ switch: "${{ inputs.go }}", cases: { 1: [], a: [] }, default: [] }', ""),
    ("{ message: a }", f'{{ {PRINT}, inputs: "${{{{ inputs }}}}" }}', ""),
    ("\"${{ {'t': timestamp('2020-01-01T00:00:00Z')} }}\"", value("timestamp(inputs.t)"), ""),
    ("{ n: 3 }", "{ do: [" + value("inputs") + '], until: "${{ index >= inputs.n }}" }', ""),
]  # fmt: skip


@pytest.mark.parametrize(("inputs", "steps", "declared"), RIGHT)
def test_what_a_call_gives_does(inputs: str, steps: str, declared: str) -> None:
    text = calling(inputs, steps, declared)
    assert alarms(text) == []
    assert applied(text).outcome == "succeeded"


def test_the_only_target_of_a_module_may_be_given_more_when_it_is_started() -> None:
    module = """\
kind: Kernel.Module
metadata: { name: App }
targets: [{ invoke: { kind: Run.Sequence, name: Inner } }]
"""
    _, _, inner = calling("{ }", value("inputs.x")).partition("---\n")
    assert alarms(f"{module}---\n{inner}") == []


def test_a_name_that_is_near_is_offered() -> None:
    (found,) = alarms(calling("{ custmer: 1 }", value("inputs.customer")))
    assert "is it `custmer`?" in found.message


def test_calls_in_a_circle_come_to_an_end() -> None:
    inner = "invoke: { kind: Run.Sequence, name: Inner }"
    again = f'{{ when: "${{{{ inputs.n > 0 }}}}", {inner}, inputs: {{ n: 1 }} }}'
    assert {found.code for found in alarms(calling("{ n: 3 }", again))} == {"K203"}


def test_it_takes_time_in_the_size_of_the_manifest() -> None:
    """Each topology calls the next one twice, and passes on what it was given."""
    count = 40
    one = """\
kind: Run.Sequence
metadata: {{ name: S{number} }}
steps:
  - {{ invoke: {{ kind: Run.Sequence, name: S{next} }}, inputs: "${{{{ inputs }}}}" }}
  - invoke: {{ kind: Run.Sequence, name: S{next} }}
    inputs: {{ x: "${{{{ inputs.x }}}}", n: {number} }}
"""
    documents = [one.format(number=number, next=number + 1) for number in range(count)]
    last = f"kind: Run.Sequence\nmetadata: {{ name: S{count} }}\nsteps: [{value('inputs.x')}]\n"
    begin = time.perf_counter()
    alarms("---\n".join([*documents, last]))
    assert time.perf_counter() - begin < 10

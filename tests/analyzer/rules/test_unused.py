"""K901: what nothing uses is told, and what something may use is not."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import check, check_text


def unused(text: str) -> list[str]:
    """The texts that are pointed at, in reading order."""
    text = dedent(text)
    lines = text.split("\n")
    spans = [one.span for one in check_text(text, "x.yaml").findings if one.code == "K901"]
    return [lines[at.line - 1][at.column - 1 : at.end_column - 1] for at in spans if at]


def sequence(*steps: str, result: str | None = "ok") -> str:
    """A sequence of steps in flow style."""
    written = "".join(f"  - {{ {step} }}\n" for step in steps)
    end = "" if result is None else f"result: {result}\n"
    return f"kind: Run.Sequence\nmetadata: {{ name: Main }}\nsteps:\n{written}{end}"


def test_a_value_that_nobody_reads() -> None:
    assert unused(sequence("name: A, value: 1")) == ["A"]
    assert unused(sequence("name: A, value: 1", result='"${{ steps.A.result }}"')) == []
    assert unused(sequence("name: A, value: 1", result="\"${{ steps['A'].result }}\"")) == []
    assert unused(sequence("value: 7")) == ["7"]


def test_without_a_result_named_steps_are_the_answer() -> None:
    assert unused(sequence("name: A, value: 1", "value: 7", result=None)) == ["7"]
    inner = "name: If, if: '${{ 1 < 2 }}', then: [{ name: A, value: 1 }, { name: B, value: 2 }]"
    assert unused(sequence(inner, result=None)) == []
    each = "name: E, forEach: [1], do: [{ name: A, value: 1 }, { name: B, value: 2 }]"
    assert unused(sequence(each, result=None)) == ["A"]


@pytest.mark.parametrize(
    "reader",
    [
        "when: '${{ steps.A.result > 0 }}', throw: { code: E }",
        "if: '${{ steps.A.result > 0 }}', then: []",
        "if: '${{ 1 > 2 }}', then: [], elseif: [{ if: '${{ steps.A.result > 0 }}', then: [] }]",
        "switch: '${{ steps.A.result }}', cases: { 1: [] }, default: []",
        "while: '${{ steps.A.result > 3 }}', do: []",
        "until: '${{ steps.A.result > 3 }}', do: []",
        "forEach: ['${{ steps.A.result }}'], do: []",
        "forEach: [1], do: [], result: '${{ steps.A.result }}'",
        "throw: { code: E, message: '${{ steps.A.result }}' }",
        "invoke: { kind: Log.Print }, inputs: { message: '${{ steps.A.result }}' }",
        "invoke: { kind: Time.Sleep }, inputs: { ms: 1 }, idempotencyKey: '${{ steps.A.result }}'",
        "invoke: { kind: Time.Sleep }, inputs: { ms: 1 }, expect: ['${{ steps.A.result > 0 }}']",
        "invoke: { kind: Time.Sleep }, inputs: { ms: 1 },"
        " retry: { attempts: 2, when: '${{ steps.A.result > 0 }}' }",
        "throw: { code: E, message: '${{ string(steps) }}' }",
        "throw: { code: E, message: '${{ steps.B.result }}' }",
    ],
)
def test_every_field_may_read_it(reader: str) -> None:
    assert unused(sequence("name: A, value: 1", reader)) == []


@pytest.mark.parametrize(
    "form",
    [
        "if: '${{ 1 < 2 }}', then: [{ value: 5 }], else: [{ value: 6 }]",
        "switch: '${{ size(string(1)) }}', cases: { 1: [{ value: 5 }] }, default: [{ value: 6 }]",
        "while: '${{ 1 > 2 }}', maxIterations: 3, do: [{ value: 5 }]",
        "forEach: [1], do: [{ value: 5 }]",
        "parallel: { a: [{ value: 5 }], b: [{ value: 6 }] }",
        "try: [{ value: 5 }], catch: [{ value: 6 }]",
    ],
)
def test_the_last_step_of_a_form_gives_its_result(form: str) -> None:
    assert unused(sequence(f"name: F, {form}", result='"${{ steps.F.result }}"')) == []
    assert unused(sequence(form)) == [], "whoever reads it sees what comes of it"
    before = form.replace("[{ value: 5 }", "[{ value: 4 }, { value: 5 }")
    expected = [] if form.startswith("try") else ["4"]
    assert unused(sequence(f"name: F, {before}", result='"${{ steps.F.result }}"')) == expected


def test_a_named_last_step_that_nobody_reads() -> None:
    form = "if: '${{ 1 < 2 }}', then: [{ name: A, value: 5 }]"
    assert unused(sequence(form)) == ["A"]
    assert unused(sequence(f"name: F, {form}", result='"${{ steps.F.result }}"')) == []


MODULE = """
kind: Kernel.Module
metadata: { name: Shop }
vars: { host: { type: string, default: a }, port: { type: integer, default: 1 } }
secrets: { token: { type: string, env: SHOP_TOKEN } }
---
"""


def reading(*exprs: str) -> str:
    values = ", ".join(f'"${{{{ size(string({one})) }}}}"' for one in exprs)
    return MODULE + sequence("name: A, value: 1", result=f'["${{{{ steps.A.result }}}}", {values}]')


NAMES = {"host": "vars.host", "port": "vars.port", "token": "secrets.token"}


@given(st.lists(st.sampled_from(sorted(NAMES)), unique=True, min_size=1))
def test_variables_that_nobody_reads(read: list[str]) -> None:
    assert unused(reading(*(NAMES[one] for one in read))) == [
        one for one in NAMES if one not in read
    ]


@pytest.mark.parametrize(
    ("expr", "left"),
    [
        ("vars", ["token"]),
        ("vars['host'] + 'a'", ["port", "token"]),
        ("vars.hots", ["token"]),
        ("vers.host", ["port", "token"]),
        ("host", ["port", "token"]),
        ("inputs.host", ["host", "port", "token"]),
        ("[1].map(host, host)", ["host", "port", "token"]),
    ],
)
def test_what_may_be_meant_is_no_second_mistake(expr: str, left: list[str]) -> None:
    assert unused(reading(expr)) == left


def test_variables_in_fields_and_in_definitions() -> None:
    fields = """
    kind: Http.Request
    metadata: { name: Api }
    baseUrl: "https://${{ vars.host }}:${{ vars.port }}"
    headers: { A: "${{ secrets.token }}" }
    """
    assert unused(MODULE + dedent(fields)) == []
    body = """
    kind: Kernel.Definition
    metadata: { name: Notice, module: Shop }
    capability: Invocable
    body:
      steps: [{ name: A, value: "${{ vars.host + string(vars.port) }}" }]
      result: "${{ size(secrets.token) + size(steps.A.result) }}"
    """
    assert unused(MODULE + dedent(body)) == []


CHARGE = """
kind: Kernel.Definition
metadata: { name: Charge, module: Shop }
capability: Invocable
outputs: { type: string }
---
"""


def test_definitions_that_nothing_uses() -> None:
    main = sequence("name: A, value: 1", result=None)
    assert unused(CHARGE + main) == ["Charge"]
    assert unused(CHARGE.removesuffix("---\n")) == [], "a library is for others"
    assert unused(CHARGE + sequence("invoke: { kind: Shop.Charge }")) == []
    assert unused(CHARGE + "kind: Shop.Charge\nmetadata: { name: C }\n---\n" + main) == []
    by_controller = (
        "invoke: { kind: Python.Function, function: 'a:b' }, inputs: { t: Shop.Charge/C }"
    )
    assert unused(CHARGE + sequence(by_controller)) == []
    by_schema = main + "outputs: { type: object, properties: { A: { $ref: 'Charge#/outputs' } } }\n"
    assert unused(CHARGE + by_schema) == []


def test_what_is_imported_is_looked_at_by_itself(tmp_path: Path) -> None:
    (tmp_path / "billing.yaml").write_text(
        MODULE.replace("Shop", "Billing") + CHARGE.replace("Shop", "Billing").removesuffix("---\n")
    )
    main = tmp_path / "main.yaml"
    main.write_text(
        "kind: Kernel.Module\nmetadata: { name: Main }\nimports: { Billing: ./billing.yaml }\n"
        "---\n" + sequence("invoke: { kind: Billing.Charge }")
    )
    found = [one for one in check(main).findings if one.code == "K901"]
    assert [one.message for one in found] == [
        "nothing reads the variable `host`",
        "nothing reads the variable `port`",
        "nothing reads the secret `token`",
    ]
    assert all(one.span and one.span.file.endswith("billing.yaml") for one in found)


def test_beside_a_fault_nothing_is_said() -> None:
    assert unused(sequence("name: A, value: 1", "if: '${{ 1 < 2 }}', thne: []")) == []
    assert unused(MODULE + sequence("throw: { code: '${{ vars. }}' }")) == []


def test_what_is_exported_is_used_by_others() -> None:
    text = """\
kind: Kernel.Module
metadata: { name: M }
EXPORTS
targets: [{ invoke: { kind: Run.Sequence, name: Main } }]
---
kind: Kernel.Definition
metadata: { name: Kept }
capability: Invocable
---
kind: Run.Sequence
metadata: { name: Main }
steps: []
"""
    assert unused(text.replace("EXPORTS", "exports: [Main]")) == ["Kept"]
    assert unused(text.replace("EXPORTS", "exports: [Main, Kept]")) == []

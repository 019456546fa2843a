"""What the forms of steps say of themselves, held against the YAML that they were read from."""

from __future__ import annotations

from typing import Any, get_args

import yaml

from kernel.errors import Path
from kernel.manifest import loads
from kernel.topology.forms import Form, Part, Step, all_steps, templates, visible_steps
from kernel.topology.reader import Reader
from kernel.topology.steps import FORMS, read_steps
from kernel.topology.walk import RUN

EVERY_FORM = """
- invoke: { kind: A.B, name: C }
  when: ${{ true }}
  inputs: { n: 1 }
  idempotencyKey: ${{ 'k' }}
  retry: { attempts: 2, when: "${{ error.code == 'X' }}" }
  expect: ["${{ true }}"]
  approval: ${{ true }}
- { value: 1 }
- if: ${{ true }}
  then: [{ value: 2 }]
  elseif: [{ if: "${{ false }}", then: [{ value: 3 }] }]
  else: [{ value: 4 }]
- switch: ${{ 1 }}
  cases: { 1: [{ value: 5 }], "two": [{ value: 6 }] }
  default: [{ value: 7 }]
- { while: "${{ false }}", do: [{ value: 8 }] }
- { until: "${{ true }}", do: [{ value: 9 }] }
- { forEach: "${{ [1] }}", do: [{ value: 10 }], result: "${{ item }}" }
- parallel: { A: [{ value: 11 }], B: [{ value: 12 }] }
- { try: [{ value: 13 }], catch: [{ value: 14 }], finally: [{ value: 15 }] }
- throw: { code: X }
- sleep: 1
- { waitFor: a.b, timeout: 5 }
"""


def read(text: str) -> tuple[Step, ...]:
    document = loads("kind: Run.Sequence\nmetadata: { name: Main }\nsteps: []").documents[0]
    reader = Reader(document)
    steps = read_steps(reader, yaml.safe_load(text), ())
    assert not reader.faults
    return steps


def at(data: Any, path: Path) -> Any:
    for key in path:
        data = data[key]
    return data


def the_parts(text: str) -> dict[str, Part]:
    (step,) = read(text)
    return {part.role: part for part in step.parts}


def test_every_part_and_every_template_stands_where_it_says() -> None:
    data = yaml.safe_load(EVERY_FORM)
    words = {key for step in data for key in step}
    assert FORMS.keys() <= words
    for step in all_steps(read(EVERY_FORM)):
        written = at(data, step.path)
        for part in step.parts:
            assert [one.path for one in part.steps] == [
                (*step.path, *part.path, number) for number in range(len(at(written, part.path)))
            ]
        for field in templates(step):
            assert at(written, field.path) is not None


def test_all_steps_and_all_fields_with_cel_are_told() -> None:
    steps = read(EVERY_FORM)
    values = [step for step in all_steps(steps) if hasattr(step.form, "value")]
    assert len(values) == 15
    told = {"/".join(map(str, field.path)) for step in steps for field in templates(step)}
    assert told == {
        *("when", "inputs", "idempotencyKey", "retry/when", "expect/0", "approval", "value"),
        *("if", "elseif/0/if", "switch", "while", "until", "forEach", "result", "throw"),
        *("sleep", "waitFor", "timeout"),
    }


def test_an_if_has_an_else_and_a_switch_a_default_where_it_is_written() -> None:
    assert the_parts("- { if: '${{ true }}', then: [] }").keys() == {"then", "else"}
    assert the_parts("- { switch: 1, cases: { 1: [] } }").keys() == {"case"}


def test_what_is_certain_and_what_is_caught() -> None:
    tried = the_parts("- { try: [], finally: [] }")
    assert tried["try"].is_certain
    assert not tried["try"].is_caught
    assert tried["finally"].is_certain
    assert tried["finally"].is_ending
    caught = the_parts("- { try: [], catch: [] }")
    assert caught["try"].is_caught
    assert not caught["try"].is_certain
    assert not caught["catch"].is_certain
    assert the_parts("- { until: '${{ true }}', do: [] }")["do"].is_certain
    assert not the_parts("- { while: '${{ true }}', do: [] }")["do"].is_certain


def test_the_variables_that_parts_and_fields_bring() -> None:
    (step,) = read("- { forEach: '${{ [1] }}', do: [], result: '${{ item }}' }")
    (body,) = step.parts
    assert body.brings == ("item", "index")
    assert body.is_isolated
    assert not body.gives_result
    assert {field.path: field.brings for field in templates(step)} == {
        ("forEach",): (),
        ("result",): ("item", "index"),
    }
    assert the_parts("- { try: [], catch: [] }")["catch"].brings == ("error",)


def test_what_decides_for_a_part_is_a_field_of_the_step() -> None:
    for step in read(EVERY_FORM):
        fields = {field.path: field for field in templates(step)}
        for part in step.parts:
            assert part.condition is None or fields[part.condition.path] is part.condition


def test_with_what_outcome_a_loop_goes_on() -> None:
    found = {field.path: field.goes_on for step in read(EVERY_FORM) for field in templates(step)}
    assert {path: outcome for path, outcome in found.items() if outcome is not None} == {
        ("while",): True,
        ("until",): False,
    }


def test_the_steps_of_items_are_not_visible_outside() -> None:
    steps = read(EVERY_FORM)
    hidden = set(all_steps(steps)) - set(visible_steps(steps))
    assert [step.path[1:] for step in hidden] == [("do", 0)]


def test_every_form_has_what_runs_it() -> None:
    assert RUN.keys() == set(get_args(Form))

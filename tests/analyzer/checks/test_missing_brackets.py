"""K009: texts that read as expressions; one mistake is one finding, and the fix mends it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzer import check_text
from analyzer.findings.trials import edited
from analyzer.report import Finding
from kernel.cel import walk
from kernel.cel.tree import Ident, Select
from kernel.manifest import inspect
from tests.analyzer.support.mutations import Mutation, entries, expressions
from tests.analyzer.support.untried import found_at
from tests.analyzer.test_completeness import copied, sampled, subjects
from tests.support.properties import some

HEAD = """\
kind: Kernel.Definition
metadata: { name: Send, module: Mail }
capability: Invocable
safety: idempotent
schema:
  type: object
  properties:
    sender: { type: string, x-kernel-eval: load }
    port: { type: integer, x-kernel-eval: load }
    note: { type: string }
    after:
      x-kernel-eval: call
      x-kernel-context:
        properties:
          reply: { type: object, properties: { ok: { type: boolean } }, required: [ok] }
inputs:
  type: object
  properties:
    to: { type: string }
    count: { type: integer }
    mode: { enum: [inputs.text, fast] }
    mail: { type: string, format: email }
    filters: { type: array, items: { type: string, format: cel } }
    path: { type: string, pattern: "^[a-z.]+$" }
    either:
      oneOf:
        - { type: object, properties: { a: { type: integer } }, required: [a] }
        - { type: object, properties: { b: { type: integer } }, required: [b] }
outputs:
  type: object
  properties: { id: { type: string }, total: { type: integer } }
  required: [id, total]
errors: { LOST: { retryable: true } }
---
kind: Kernel.Module
metadata: { name: Shop }
vars: { host: { type: string, default: a }, port: { type: integer, default: 1 } }
---
"""
MAIN = """\
kind: Run.Sequence
metadata: { name: Main }
inputs:
  type: object
  required: [text, n, flag, list, kind, record, maybe]
  properties:
    text: { type: string }
    n: { type: integer }
    flag: { type: boolean }
    list: { type: array, items: { type: string } }
    kind: { enum: [a, b] }
    record: { type: object }
    maybe: { type: [string, "null"] }
    optional: { type: string }
steps:
  - name: A
    invoke: { kind: Mail.Send, sender: "${{ vars.host }}", port: "${{ vars.port }}" }
"""
CALL = "invoke: { kind: Mail.Send }"


def step(text: str) -> str:
    return f"{HEAD}{MAIN}  - {text}\n"


def found(text: str) -> list[Finding]:
    report = check_text(text, "main.yaml")
    return [one for one in report.findings if one.weight != "info" and one.name != "unused"]


def mended(text: str) -> str:
    """The text with all fixes of its findings."""
    fixes = [one.fix for one in check_text(text, "main.yaml").findings if one.fix is not None]
    return edited(text, fixes)[0]


SAID = {
    "an input": f"{{ {CALL}, inputs: {{ to: inputs.text }} }}",
    "a double-quoted text": f'{{ {CALL}, inputs: {{ to: "inputs.text" }} }}',
    "a single-quoted text": f"{{ {CALL}, inputs: {{ to: 'inputs[''text'']' }} }}",
    "double quotes inside": f"{{ {CALL}, inputs: {{ to: 'inputs[\"text\"]' }} }}",
    "a block": f"{{name: X, value: 1}}\n  - {CALL}\n    inputs:\n      to: |\n        inputs.text",
    "inside lists and maps": "{ value: { a: [1, { b: inputs.text }] } }",
    "an operator": "{ value: steps.A.result.total + 1 }",
    "a function": "{ value: size(inputs.list) }",
    "a macro": "{ value: 'inputs.list.map(x, x + inputs.text)' }",
    "a key": f"{{ {CALL}, idempotencyKey: inputs.text }}",
    "a message of an approval": f"{{ {CALL}, approval: {{ message: inputs.text }} }}",
    "what is thrown": "{ throw: { code: inputs.kind, message: A } }",
    "an error": "{ try: [{ throw: { code: A } }], catch: [{ value: error.message }] }",
    "the result of each round": "{ forEach: '${{ inputs.list }}', do: [{ name: I, value: 1 }], "
    "result: steps.I.result }",
    "a field at load": "{ invoke: { kind: Mail.Send, sender: vars.host } }",
    "a field at a call": "{ invoke: { kind: Mail.Send, after: reply.ok } }",
    "what reads itself": "{ do: [{ name: C, value: 'has(steps.C.result) ? steps.C.result + 1 : 1' "
    "}], until: '${{ index > 1 }}' }",
    "a text of a known format": f"{{ {CALL}, inputs: {{ mail: inputs.text }} }}",
    "what may be absent": "{ value: inputs.optional }",
    "what may be null": "{ value: inputs.maybe + 'x' }",
}


@pytest.mark.parametrize("case", SAID)
def test_a_text_that_reads_as_an_expression_is_one_finding(case: str) -> None:
    text = step(SAID[case])
    assert [one.name for one in found(text)] == ["missing-brackets"]
    if case.startswith("what may be"):
        assert mended(text) == text  # another finding would come of it
    else:
        assert "${{" in mended(text)
        assert [one for one in found(mended(text)) if one.name == "missing-brackets"] == []


HINTED = {
    "an int": (f"{{ {CALL}, inputs: {{ count: inputs.n }} }}", "input-type"),
    "a pattern": (f"{{ {CALL}, inputs: {{ path: inputs.n0 }} }}", "input-constraint"),
    "a condition": (f"{{ {CALL}, when: '!inputs.flag' }}", "slot-type"),
    "an arm": (f"{{ if: inputs.flag, then: [{{ {CALL} }}] }}", "slot-type"),
    "a retry": (f"{{ {CALL}, retry: {{ attempts: 2, when: error.code == 'A' }} }}", "slot-type"),
    "an expectation": (f"{{ {CALL}, expect: [inputs.flag] }}", "slot-type"),
    "a list": (f"{{ forEach: inputs.list, do: [{{ {CALL} }}] }}", "slot-type"),
    "a key of cases": (
        "{ switch: inputs.kind, cases: { a: [{ value: 1 }], b: [{ value: 2 }] } }",
        "non-exhaustive-switch",
    ),
    "a constant switch": (
        "{ switch: inputs.text, cases: { a: [{ value: 1 }] }, default: [{ value: 2 }] }",
        "constant-condition",
    ),
    "milliseconds": ("{ sleep: inputs.n }", "wrong-value"),
}


@pytest.mark.parametrize("case", HINTED)
def test_what_is_wrong_by_another_rule_carries_the_hint(case: str) -> None:
    what, name = HINTED[case]
    (one,) = found(step(what))
    assert one.name == name
    if case == "a pattern":
        assert one.help is None  # there is no such input
        return
    assert "brackets" in (one.help or "")
    if case not in ("milliseconds", "a retry"):
        assert found(mended(step(what))) == []


MEANT = {
    "a word": "{ value: inputs }",
    "half of it": "{ value: item. }",
    "a sentence": "{ value: a message about inputs.text }",
    "an address": "{ value: https://shop.io/inputs.text }",
    "a file": "{ try: [{ throw: { code: A } }], catch: [{ value: error.log }] }",
    "no such input": "{ value: inputs.other }",
    "no such step": "{ value: steps.B.result }",
    "nothing of that name": "{ value: item.name }",
    "no such function": "{ value: siz(inputs.text) }",
    "a text in quotes": "{ value: \"'inputs.text'\" }",
    "one of a few": f"{{ {CALL}, inputs: {{ mode: inputs.text }} }}",
    "of a form": f"{{ {CALL}, inputs: {{ path: inputs.text }} }}",
    "of a language": f"{{ {CALL}, inputs: {{ filters: [inputs.text] }} }}",
    "not of the type": f"{{ {CALL}, inputs: {{ to: inputs.record }} }}",
    "a field without CEL": "{ invoke: { kind: Mail.Send, note: vars.host } }",
    "an escape": "{ value: '$${{ inputs.text }}' }",
    "a pattern of events": "{ waitFor: Mail.Send.Invoked }",
}


@pytest.mark.parametrize("case", MEANT)
def test_a_text_that_is_meant_is_none(case: str) -> None:
    assert found(step(MEANT[case])) == []


def test_a_wrong_text_whose_expression_is_wrong_as_well_gets_no_hint() -> None:
    (one,) = found(step(f"{{ {CALL}, inputs: {{ count: inputs.text }} }}"))
    assert (one.name, one.help, one.fix) == ("input-type", None, None)


def test_inputs_without_a_schema_are_not_guessed_at() -> None:
    text = "kind: Run.Sequence\nmetadata: { name: Main }\nsteps: [{ value: inputs.text }]\n"
    assert found(text) == []


def test_what_is_read_without_brackets_is_used() -> None:
    text = step("{ name: T, value: '${{ inputs.text }}' }") + "result: steps.T.result\n"
    named = [one.message for one in check_text(text).findings if "`T`" in one.message]
    assert named == []


def without_brackets(target: Path) -> Iterator[Mutation]:
    """The expressions of a manifest that select a declared field, with their brackets dropped."""
    manifest, _ = inspect(target)
    for document in manifest.documents:
        for entry in entries(document):
            for place in expressions(entry):
                selects = [one for one in walk(place.root) if isinstance(one, Select)]
                names = [one.operand.name for one in selects if isinstance(one.operand, Ident)]
                if place.whole and "steps" in names and entry.node.style not in ("|", ">"):
                    end = place.places[len(place.value)]
                    edit = (place.places[0], end, place.source(place.root))
                    yield entry.made("drop the brackets", str(place.value), edit)


def test_brackets_that_are_dropped_are_found_and_mended(tmp_path: Path) -> None:
    """Once, with the fix."""
    tried = hinted = 0
    for count, subject in enumerate(some(subjects())):
        target = copied(subject, tmp_path / str(count))
        mutations = [*without_brackets(target)]
        for mutation in sampled(mutations, 2) if mutations else []:
            text = mutation.file.read_text("utf-8")
            mutation.file.write_text(mutation.applied(text), "utf-8")
            told = [one for one in found_at(target) if one.weight != "info"]
            mutation.file.write_text(text, "utf-8")
            fixes = [one.fix for one in told if "in brackets" in (one.help or "")]
            assert told, str(mutation)
            assert len(fixes) <= 1, (str(mutation), told)
            tried += 1
            hinted += [fix is not None and "${{ " in fix.text for fix in fixes] == [True]
    assert tried >= 10
    assert hinted >= tried * 0.95


def test_many_texts_are_tried_at_once() -> None:
    texts = "".join(f"\n      - inputs.{name}" for name in ["text", "other", "n"] * 50)
    text = step(f"name: Many\n    value:{texts}") + 'result: "${{ steps.Many.result }}"\n'
    told = found(text)
    assert len(told) == 100
    assert {one.name for one in told} == {"missing-brackets"}
    assert mended(text).count("${{ inputs.") == 100


def test_each_of_several_texts_is_judged_by_itself() -> None:
    inputs = "{ to: inputs.text, count: inputs.n, mode: inputs.text, mail: inputs.record }"
    told = found(step(f"{{ {CALL}, inputs: {inputs} }}"))
    assert [one.name for one in told] == ["missing-brackets", "input-type"]


def test_a_text_in_one_of_several_shapes() -> None:
    told = found(step(f"{{ {CALL}, inputs: {{ to: inputs.text, either: {{ a: inputs.n }} }} }}"))
    assert sorted(one.name for one in told) == ["input-type", "missing-brackets"]
    assert all("brackets" in (one.help or "") for one in told)

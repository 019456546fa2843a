"""K107: contracts that became narrower."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.lowering.compatibility import Difference, newly_given, newly_refused
from analyzer.report import Finding
from analyzer.rules.breaking_changes import breaking_changes
from kernel.manifest import loads
from tests.analyzer.support.schemas import VALUES, conformed, related, schemas, values
from tests.support.properties import examples

INT, TEXT = {"type": "integer"}, {"type": "string"}


def obj(*required: str, closed: bool = False, **properties: Any) -> dict[str, Any]:
    made = {"type": "object", "properties": properties, "required": list(required)}
    return {**made, "additionalProperties": False} if closed else made


@given(st.data(), related())
@examples(50)
def test_without_a_difference_old_inputs_are_taken(
    data: st.DataObject, pair: tuple[Any, Any]
) -> None:
    old, new = pair
    if newly_refused(old, new):
        return
    for value in data.draw(st.lists(values(old) | VALUES, max_size=6)):
        if conformed(old, value):
            assert conformed(new, value), value


@given(st.data(), related())
@examples(50)
def test_without_a_difference_new_outputs_are_old_ones(
    data: st.DataObject, pair: tuple[Any, Any]
) -> None:
    old, new = pair
    if newly_given(old, new):
        return
    for value in data.draw(st.lists(values(new) | VALUES, max_size=6)):
        for delivered in conformed(new, value):
            assert conformed(old, delivered), delivered


def test_what_a_constant_holds_inside_is_compared() -> None:
    assert newly_refused({"const": {"a": [None, False]}}, {"const": {}})
    assert newly_refused({"enum": [{"a": [None, False]}]}, {"anyOf": [{"const": {}}, {"const": 1}]})


@given(schemas())
@examples(30)
def test_a_schema_is_compatible_with_itself(schema: Any) -> None:
    noted = {"title": "noted", **schema}
    assert not newly_refused(schema, noted)
    assert not newly_given(schema, noted)


@given(schemas().filter(lambda schema: "$ref" not in str(schema)))
@examples(30)
def test_a_new_optional_field_is_no_certain_difference(schema: Any) -> None:
    old, new = obj(a=schema), obj(a=schema, another={"type": "string"})
    assert not [one for one in newly_refused(old, new) if not one.added and one.path[:1] != ("a",)]
    assert not [one for one in newly_refused(old, new) if one.certain and not one.added]
    assert not [one for one in newly_given(old, new) if one.certain]


def certain(found: list[Difference]) -> list[str]:
    assert all(one.certain for one in found)
    return [one.shown for one in found if not one.added]


@pytest.mark.parametrize(
    ("old", "new", "taken", "returned"),
    [
        (obj(a=INT), obj("a", a=INT), ["a: missing"], []),
        (obj("a", a=INT), obj(a=INT), [], ["a: missing"]),
        (obj(a=INT), obj("b", a=INT, b=INT), ["b: missing"], []),
        (obj(a=INT), obj("b", a=INT, b={**INT, "default": 1}), [], []),
        (obj(a=INT), obj(a=INT, b=TEXT), [], []),
        (obj(a=INT, closed=True), obj(a=INT, b=INT, closed=True), [], ["b: 0"]),
        (obj(a=INT), obj(a=INT, closed=True), ["other: null"], []),
        (obj(a=INT, closed=True), obj(a=INT), [], ["other: null"]),
        (obj(a=INT, b=INT, closed=True), obj(a=INT, closed=True), ["b: 0"], []),
        (obj(a=INT, b=INT), obj(a=INT), [], ["b: null"]),
        (obj("b", a=INT, b=INT), obj(a=INT), [], ["b: missing"]),
        (obj("a", a={**INT, "default": 1}), obj("a", a=INT), ["a: missing"], []),
        (obj(a={**INT, "default": 1}), obj(a=INT), [], ["a: missing"]),
        (obj(a={"enum": ["x", "y"]}), obj(a={"enum": ["x"]}), ['a: "y"'], []),
        (obj(a={"enum": ["x"]}), obj(a={"enum": ["x", "y"]}), [], ['a: "y"']),
        (obj(a=INT), obj(a={**INT, "minimum": 1}), ["a: 0"], []),
        (obj(a=INT), obj(a={"type": "number"}), [], ["a: 0.5"]),
        (obj(a={"type": "number"}), obj(a=INT), ["a: 0.5"], ["a: an int"]),
        (
            obj(a={"type": ["number", "null"]}),
            obj(a={"type": "number", "minimum": 1}),
            ["a: null"],
            [],
        ),
        (obj(a={"type": "number"}), obj(a={"type": "number", "enum": [1, 2.5]}), ["a: 0.0"], []),
        (obj(a=INT), obj(a={"type": ["integer", "null"]}), [], ["a: null"]),
        (obj(a=INT), obj(a=TEXT), ["a: 0"], ['a: ""']),
        (obj(a={}), obj(a=TEXT), ["a: null"], []),
        (obj(a=TEXT), obj(a={}), [], ["a: null"]),
        (obj(a=INT), obj(a={**INT, "multipleOf": 5}), ["a: 1"], []),
        (
            obj(a={"type": "array", "items": obj("id", id=TEXT)}),
            obj(a={"type": "array", "items": obj("id", "n", id=INT, n=INT)}),
            ['a[0].id: ""', "a[0].n: missing"],
            ["a[0].id: 0"],
        ),
        (obj(a={"not": {"const": 1}}), obj(a={"not": {"const": 2}}), ["a: 2"], ["a: 1"]),
        ({"$ref": "#/$defs/a", "$defs": {"a": TEXT}}, TEXT, [], []),
    ],
)
def test_differences(old: Any, new: Any, taken: list[str], returned: list[str]) -> None:
    assert certain(newly_refused(old, new)) == taken
    assert certain(newly_given(old, new)) == returned


@pytest.mark.parametrize(
    "unchanged",
    [
        {"type": "integer", "multipleOf": 5},
        {"type": "array", "uniqueItems": True, "items": TEXT},
        {"not": {"const": 1}},
        {"if": {"type": "string"}, "then": {"minLength": 2}},
        {"anyOf": [{**obj(a={"not": {"const": 1}})}, {"type": "null"}]},
        {"type": "array", "contains": INT, "minContains": 2},
        {**obj(a=INT), "dependentRequired": {"a": ["b"]}},
        {"$ref": "#/$defs/odd"},
    ],
)
def test_what_types_cannot_say_is_no_matter_where_it_is_unchanged(unchanged: Any) -> None:
    defs = {"odd": {"not": {"multipleOf": 2}}}
    old, new = obj(a=unchanged), obj(a=unchanged, b=TEXT)
    assert not certain(
        newly_refused({**old, "$defs": defs}, {**new, "$defs": {**defs, "more": {}}})
    )
    assert not newly_given({**old, "$defs": defs}, {**new, "$defs": {**defs, "more": {}}})


def test_what_cannot_be_proven_is_a_doubt() -> None:
    old, new = {**TEXT, "pattern": "^[a-f]+$"}, {**TEXT, "pattern": "^[a-f]*$"}
    assert [one.certain for one in newly_refused(old, new)] == [False]


OLD = """\
kind: Kernel.Module
metadata: { name: Payments }
vars:
  endpoint: { type: string, env: ENDPOINT, default: local }
  limit: { type: integer, default: 9 }
  region: { enum: [eu, us], default: eu }
secrets:
  token: { type: string, env: TOKEN }
  old: { type: string }
---
kind: Kernel.Definition
metadata: { name: Charge }
capability: Invocable
schema: { type: object, properties: { account: { type: string }, plan: { enum: [a, b] } } }
inputs:
  type: object
  properties: { amount: { type: integer }, currency: { enum: [EUR, USD] } }
  required: [amount]
outputs: { type: object, properties: { id: { type: string } }, required: [id] }
errors:
  DECLINED: { data: { type: object, properties: { why: { type: string } }, required: [why] } }
safety: idempotent
---
kind: Kernel.Definition
metadata: { name: Refund }
capability: Invocable
---
kind: Kernel.Definition
metadata: { name: Watch }
capability: Runnable
---
kind: Payments.Charge
metadata: { name: Main }
account: main
---
kind: Payments.Charge
metadata: { name: Other }
---
kind: Run.Sequence
metadata: { name: Import }
inputs: { type: object, properties: { day: { type: string } } }
outputs: { type: object, properties: { count: { type: integer } }, required: [count] }
steps: []
result: { count: 0 }
"""

NEW = """\
kind: Kernel.Module
metadata: { name: Payments }
vars:
  endpoint: { type: string, env: PAYMENTS_ENDPOINT, default: local }
  limit: { type: integer }
  region: { enum: [eu], default: eu }
  currency: { type: string }
  size: { type: integer, default: 1 }
secrets:
  token: { type: string, env: TOKEN, minLength: 8 }
---
kind: Kernel.Definition
metadata: { name: Charge }
capability: Invocable
schema: { type: object, properties: { plan: { enum: [a, b] } }, required: [plan] }
inputs:
  type: object
  properties: { amount: { type: integer, minimum: 1 }, currency: { enum: [EUR] }, key: { type: string }, note: {} }
  required: [amount, key]
outputs: { type: object, properties: { id: { type: [string, "null"] } }, required: [id] }
errors:
  DECLINED: { data: { type: object, properties: { why: { type: string } } } }
  LATE: { retryable: true }
safety: irreversible
---
kind: Kernel.Definition
metadata: { name: Refunds }
capability: Invocable
---
kind: Kernel.Definition
metadata: { name: Watch }
capability: Service
---
kind: Payments.Refunds
metadata: { name: Main }
---
kind: Run.Sequence
metadata: { name: Import }
inputs: { type: object, properties: { day: { type: string } }, required: [day] }
steps: []
result: { count: 0 }
"""  # noqa: E501  # as people write them


def changes(old: str, new: str) -> list[Finding]:
    return list(breaking_changes(loads(old, "old.yaml"), loads(new, "new.yaml")))


def test_all_changes_of_a_manifest() -> None:
    found = changes(OLD, NEW)
    lines = NEW.splitlines()
    told = []
    for one in found:
        span = one.span
        assert (one.code, one.weight) == ("K107", "error")
        assert span
        assert span.file == "new.yaml"
        assert all(note.span.file == "old.yaml" for note in one.related)
        told.append((one.message, lines[span.line - 1][span.column - 1 : span.end_column - 1]))
    assert sorted(told) == sorted(
        [
            (
                'Payments.Charge refuses the fields with account: "", which it took before',
                "{ type: object, properties: { plan: { enum: [a, b] } }, required: [plan] }",
            ),
            ("Payments.Charge needs `plan` among the fields now", "plan"),
            (
                "Payments.Charge refuses the inputs with amount: 0, which it took before",
                "{ type: integer, minimum: 1 }",
            ),
            (
                'Payments.Charge refuses the inputs with currency: "USD", which it took before',
                "{ enum: [EUR] }",
            ),
            ("Payments.Charge needs `key` among the inputs now", "key"),
            (
                "Payments.Charge may return id: null now, which it did not before",
                '{ type: [string, "null"] }',
            ),
            (
                "the error DECLINED of Payments.Charge may carry nothing at `why` now",
                "{ type: string }",
            ),
            ("Payments.Charge was idempotent and may be irreversible now", "irreversible"),
            ("the kind Payments.Refund is gone", "Refunds"),
            ("Payments.Watch was a Runnable and is a Service", "Service"),
            (
                "`Main` was of the kind Payments.Charge and is of Payments.Refunds",
                "Payments.Refunds",
            ),
            ("the resource `Other` is gone", "Payments"),
            ("`Import` needs `day` among the inputs now", "day"),
            ("`Import` no longer says what it may return", "Import"),
            ("the variable `endpoint` is not read from ENDPOINT any more", "endpoint"),
            ("the variable `limit` must be given now", "limit"),
            (
                'the variable `region` refuses the values with "us", which it took before',
                "{ enum: [eu], default: eu }",
            ),
            ("the variable `currency` is new and must be given", "currency"),
            (
                'the secret `token` refuses the values with "", which it took before',
                "{ type: string, env: TOKEN, minLength: 8 }",
            ),
            ("the secret `old` is gone", "Payments"),
        ]
    )


def test_nothing_changed() -> None:
    assert changes(OLD, OLD) == []
    assert changes(NEW, NEW) == []


WIDER = [
    ("required: [amount]", "required: []"),
    ("enum: [EUR, USD]", "enum: [EUR, USD, GBP]"),
    ("region: {", "zone: { default: a }\n  region: {"),
    ("  limit: { type: integer", "  limit: { type: [integer, string]"),
    ("outputs: { type: object,", "outputs: { minProperties: 1, type: object,"),
    ("account: { type: string }", "account: { type: string }, tier: { type: integer }"),
    ("  DECLINED:", "  LATE: {}\n  DECLINED:"),
    ("  token: { type: string, env: TOKEN }", "  token: { type: string, env: TOKEN, default: a }"),
]


@pytest.mark.parametrize(("before", "after"), WIDER)
def test_what_only_grew(before: str, after: str) -> None:
    assert before in OLD
    assert changes(OLD, OLD.replace(before, after, 1)) == []


def test_a_module_named_after_its_file_keeps_its_kinds() -> None:
    text = "kind: Kernel.Definition\nmetadata: { name: Charge }\ncapability: Invocable\n"
    assert changes(text, text) == []


def test_a_place_in_a_manifest_without_a_module() -> None:
    text = "kind: Kernel.Definition\nmetadata: {{ name: {} }}\ncapability: Invocable\n"
    (gone,) = changes(text.format("Charge"), text.format("Transfer"))
    assert gone.span
    assert (gone.span.file, gone.span.line, gone.help) == ("new.yaml", 1, None)
    (renamed,) = changes(text.format("Charge"), text.format("Charges"))
    assert renamed.span
    assert (renamed.span.line, renamed.help) == (2, "did you mean 'Charges'?")


def test_what_is_not_exported_or_read_from_a_file_any_more() -> None:
    text = (
        "kind: Kernel.Module\nmetadata: {{ name: M }}\n{}"
        "---\nkind: Run.Sequence\nmetadata: {{ name: A }}\nsteps: []\n"
        "---\nkind: Run.Sequence\nmetadata: {{ name: B }}\nsteps: []\n"
    )

    def said(old: str, new: str) -> list[str]:
        found = breaking_changes(loads(text.format(old)), loads(text.format(new)))
        return [one.message for one in found]

    assert said("", "exports: [A]\n") == ["`B` is not exported any more"]
    assert said("exports: [A, B]\n", "exports: [B]\n") == ["`A` is not exported any more"]
    assert said("exports: [A]\n", "exports: [A, B]\n") == []
    assert said("exports: [A]\n", "") == []
    file = "vars: {{ v: {{ type: string, file: {} }} }}\n"
    assert said(file.format("a"), file.format("b")) == [
        "the variable `v` is not read from a any more"
    ]

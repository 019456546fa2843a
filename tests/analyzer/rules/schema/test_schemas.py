"""K101 to K106: the schemas that a module declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import check_text
from analyzer.lowering.lower import Lowering, untyped
from analyzer.report import Finding
from analyzer.rules.schema.defaults import refused_defaults
from analyzer.rules.schema.finite import endless
from analyzer.rules.schema.parts import Mistake, parts_of
from analyzer.rules.schema.plain import is_plain
from analyzer.rules.schema.satisfiable import unsatisfiable
from analyzer.rules.schema.schemas import schema_findings
from kernel.errors import Path
from kernel.manifest import inspect_text
from kernel.schema import check_schema
from kernel.schema.bundle import bundle, pointer
from kernel.schema.engine import validator_at
from kernel.schema.normalise import compile_plan
from tests.analyzer.support.schemas import VALUES, schemas, values
from tests.support.properties import examples


def found_in(schema: Any) -> list[Mistake]:
    lowering = Lowering(bundle(schema), "")
    parts = parts_of(schema, lowering.root)
    return [*unsatisfiable(lowering, parts), *endless(lowering, parts)]


def obj(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def some(items: Any) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": items}


def places_of(schema: Any) -> set[Path]:
    return {path for path, _ in parts_of(schema, bundle(schema)).values()}


def node_of(schema: Any, path: Path) -> Path:
    """The innermost schema around a place."""
    nodes = places_of(schema)
    return next(path[:end] for end in range(len(path), -1, -1) if path[:end] in nodes)


def takes(bundled: Any, place: str, value: Any) -> bool:
    plan = compile_plan(bundled, place)
    return bool(validator_at(bundled, place).is_valid(plan(value) if plan else value))


@given(st.data(), schemas())
@examples(300)
def test_what_is_found_takes_no_value(data: st.DataObject, schema: Any) -> None:
    bundled = bundle(schema)
    for found in found_in(schema):
        path = node_of(schema, found.path)
        node = schema
        for step in path:
            node = node[step]
        here = {**node, "$defs": schema.get("$defs", {})} if isinstance(node, dict) else node
        for value in data.draw(st.lists(values(here) | VALUES, min_size=1, max_size=6)):
            assert not takes(bundled, pointer(path), value), found


@given(schemas())
@examples(300)
def test_nothing_is_wrong_with_what_is_plain(schema: Any) -> None:
    if is_plain(schema):
        assert not untyped(schema)
        assert not found_in(schema)
        assert not check_schema(schema) or "default" in str(schema)


FIVE = {"type": "integer", "default": 5}


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        (
            {**obj(a=FIVE), "allOf": [obj(a={"maximum": 3})]},
            ("properties", "a", "default"),
        ),
        (
            {"allOf": [obj(a={"enum": [1, 2]}), obj(b={}, a=FIVE)]},
            ("allOf", 1, "properties", "a", "default"),
        ),
        (
            {**obj(a=FIVE), "$ref": "#/$defs/small", "$defs": {"small": obj(a={"maximum": 3})}},
            ("properties", "a", "default"),
        ),
        (
            {"allOf": [{"allOf": [obj(a=FIVE), obj(a={"maximum": 3})]}]},
            ("allOf", 0, "allOf", 0, "properties", "a", "default"),
        ),
        ({**obj(a=FIVE), "allOf": [obj(a={"maximum": 5})]}, None),
        ({**obj(a=FIVE), "allOf": [obj(a=False)]}, None),
        ({**obj(a=FIVE), "anyOf": [obj(a={"maximum": 3}), {}]}, None),
        ({**obj(a=FIVE), "allOf": [obj(b={"maximum": 3})]}, None),
    ],
)
def test_a_default_that_something_else_refuses(schema: Any, path: Path | None) -> None:
    lowering = Lowering(bundle(schema), "")
    found = list(refused_defaults(lowering, parts_of(schema, lowering.root)))
    assert [one.path for one in found] == ([] if path is None else [path])
    if path is not None:
        assert not takes(lowering.root, "", {})
        assert takes(lowering.root, "", {"a": 1})


LEAF = st.sampled_from(
    [{"type": "integer"}, {"type": "string", "enum": ["a"]}, {"minimum": 1}, {"maxLength": 0}]
)


@given(
    st.recursive(
        LEAF,
        lambda inner: (
            st.builds(lambda one: {"type": "array", "items": one, "minItems": 1}, inner)
            | st.builds(lambda one: {**obj("a", a=one), "additionalProperties": False}, inner)
        ),
    )
)
def test_most_schemas_are_plain(schema: Any) -> None:
    assert is_plain(schema)


NODE = {"$defs": {"node": obj("next", next={"$ref": "#/$defs/node"})}}


@pytest.mark.parametrize(
    ("schema", "path", "message"),
    [
        (
            {"type": "integer", "minimum": 5, "maximum": 3},
            ("maximum",),
            "no number is at least 5 and at most 3",
        ),
        (
            {"type": "number", "exclusiveMinimum": 5, "maximum": 5},
            ("maximum",),
            "no number is over 5 and at most 5",
        ),
        ({"type": "integer", "exclusiveMinimum": 5, "exclusiveMaximum": 6}, (), "no value fits"),
        (
            {"type": "string", "minLength": 3, "maxLength": 2},
            ("maxLength",),
            "no text has at least 3 and at most 2 characters",
        ),
        (
            {"type": "array", "minItems": 3, "maxItems": 2},
            ("maxItems",),
            "no list has at least 3 and at most 2 items",
        ),
        (
            {"type": "object", "minProperties": 3, "maxProperties": 2},
            ("minProperties",),
            "at least 3 fields must be there, and at most 2 may",
        ),
        ({**obj("a", "b"), "maxProperties": 1}, ("required",), "at least 2 fields must be there"),
        (
            {**obj(a={}), "minProperties": 2, "additionalProperties": False},
            ("minProperties",),
            "at least 2 fields must be there, and at most 1 may",
        ),
        ({"type": "string", "enum": [1, 2]}, ("enum",), "of another type than string"),
        ({"type": "string", "const": 1}, ("const",), "it is of another type than string"),
        ({"const": 3, "enum": [1, 2]}, ("const",), "it is against the rest of the schema"),
        ({"enum": []}, ("enum",), "an empty `enum`"),
        ({"enum": ["a"], "minLength": 2}, ("enum",), "against the rest"),
        ({"not": {}}, (), "no value fits"),
        (False, (), "no value fits"),
        (
            {**obj("b", a={}), "additionalProperties": False},
            ("required", 0),
            "`b` is required, but no other fields than the declared are allowed",
        ),
        (
            {**obj("a", "x", a={}), "additionalProperties": False, "patternProperties": {"^y": {}}},
            ("required", 1),
            "`x` is required",
        ),
        (obj("a", a=False), ("required", 0), "`a` is required, but its schema lets no value"),
        (obj("a", a={"not": {}}), ("required", 0), "`a` is required, but its schema lets no value"),
        (
            {**obj("a", a={"$ref": "#/$defs/never"}), "$defs": {"never": False}},
            ("required", 0),
            "`a` is required",
        ),
        (
            obj(a=obj("b", b={"type": "integer", "minimum": 5, "maximum": 3})),
            ("properties", "a", "properties", "b", "maximum"),
            "no number",
        ),
        (
            {**obj("a", a={"$ref": "#/$defs/bad"}), "$defs": {"bad": {"type": "null", "const": 1}}},
            ("$defs", "bad", "const"),
            "another type",
        ),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, (), "no value fits"),
        ({"anyOf": [{"type": "string", "enum": [1]}, {}]}, ("anyOf", 0, "enum"), "another type"),
        ({"anyOf": [False, {"not": {}}]}, (), "no value fits"),
        ({"type": "array", "minItems": 1, "items": False}, (), "no value fits"),
        (
            {"type": "array", "items": {"type": "boolean", "const": "yes"}},
            ("items", "const"),
            "another type than boolean",
        ),
        ({"type": "integer", "minimum": 1, "maximum": 4, "multipleOf": 5}, (), "no value fits"),
        (obj("next", next={"$ref": "#"}), ("properties", "next", "$ref"), "`next` is demanded"),
        (
            {"$ref": "#/$defs/node", **NODE},
            ("$defs", "node", "properties", "next", "$ref"),
            "`next` is demanded",
        ),
        (NODE, ("$defs", "node", "properties", "next", "$ref"), "`next` is demanded"),
        ({"type": "array", "minItems": 1, "items": {"$ref": "#"}}, ("items", "$ref"), "`[0]`"),
        (
            {
                **obj(a={"$ref": "#/$defs/a"}),
                "$defs": {
                    "a": obj("b", b={"$ref": "#/$defs/b"}),
                    "b": obj("list", list=some({"$ref": "#/$defs/a"})),
                },
            },
            ("$defs", "b", "properties", "list", "items", "$ref"),
            "`b.list[0]` is demanded",
        ),
        (
            obj("a", a={"anyOf": [{"$ref": "#"}, some({"$ref": "#"})]}),
            ("properties", "a", "anyOf", 0, "$ref"),
            "`a` is demanded",
        ),
        (
            {"allOf": [obj(a={"$ref": "#"}), {"required": ["a"]}]},
            ("allOf", 0, "properties", "a", "$ref"),
            "without an end",
        ),
    ],
)  # fmt: skip
def test_found(schema: Any, path: Path, message: str) -> None:
    """One finding for one mistake, at its innermost place."""
    assert not is_plain(schema)
    assert [(one.path, message in one.message.text) for one in found_in(schema)] == [(path, True)]


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        obj(a=False, b={"not": {}}),
        {**obj(), "additionalProperties": False},
        {"type": "array", "items": False},
        {"type": "integer", "minimum": 3, "maximum": 3},
        {"type": ["string", "null"], "enum": ["a", None]},
        {"enum": ["a", 1]},
        {"type": "string", "minLength": 2, "pattern": "^a"},
        {**obj("x_a"), "additionalProperties": False, "patternProperties": {"^x_": {}}},
        {"allOf": [obj("a", a={"type": "string"}), obj(b=False)]},
        {"if": {"const": 1}, "then": False},
        {"not": {"type": "string", "const": 1}},
        {**obj(a={"$ref": "#/$defs/never"}), "$defs": {"never": False}},
        obj(next={"$ref": "#"}),
        obj("next", next={"anyOf": [{"$ref": "#"}, {"type": "null"}]}),
        obj("next", next={"$ref": "#", "default": {"next": None}}),
        {"type": "array", "items": {"$ref": "#"}},
        obj("children", children={"type": "array", "items": {"$ref": "#"}}),
        obj("children", children={"type": "object", "additionalProperties": {"$ref": "#"}}),
        {"oneOf": [{"type": "string"}, {"type": "array", "minItems": 1, "items": {"$ref": "#"}}]},
    ],
)
def test_silent(schema: Any) -> None:
    assert found_in(schema) == []


def test_a_long_chain_of_references_is_looked_through() -> None:
    defs = {f"d{n}": obj("a", a={"$ref": f"#/$defs/d{n + 1}"}) for n in range(400)}
    defs["d400"] = obj("a", a={"$ref": "#/$defs/d0"})
    assert [one.path for one in found_in({"$defs": defs})] == [
        ("$defs", "d400", "properties", "a", "$ref")
    ]


def test_a_circle_that_many_fields_lead_to_is_told_once() -> None:
    fields = {f"p{number}": {"$ref": "#/$defs/node"} for number in range(3_000)}
    assert [one.path for one in found_in({**obj(**fields), **NODE})] == [
        ("$defs", "node", "properties", "next", "$ref")
    ]


def findings(text: str) -> Iterator[Finding]:
    manifest, _ = inspect_text(text, "example.yaml")
    for module in manifest.modules.values():
        yield from schema_findings(module)


MANIFEST = """\
kind: Kernel.Module
metadata: { name: Orders }
vars:
  limit: { type: integer, minimum: 5, maximum: 3 }
secrets:
  token: { type: string, const: 1, default: 2 }
---
kind: Kernel.Definition
metadata: { name: Charge }
capability: Invocable
schema: { type: object, properties: { plan: { const: a, enum: [b] } } }
inputs: &never
  type: object
  required: [amount]
  additionalProperties: false
outputs:
  type: object
  properties:
    rows: { type: array, uniqueItems: true, items: { not: { not: { const: 1 } } } }
    odd: { if: { multipleOf: 2 }, then: { multipleOf: 3 }, else: { not: { const: 1 } } }
    again: { $ref: "Charge#/inputs" }
errors:
  LATE: { data: { type: integer, enum: [a], default: 4 } }
  GONE: { data: { type: nothing } }
  LOST: { data: { $ref: "Refund#/outputs" } }
  NONE: { description: without data }
---
kind: Run.Sequence
metadata: { name: Import }
inputs: { type: object, properties: { next: { $ref: "#" } }, required: [next] }
outputs: { type: string, maxLength: 1, minLength: 2 }
steps: []
"""


def test_all_schemas_of_a_module() -> None:
    found = list(findings(MANIFEST))
    assert [(one.code, ".".join(map(str, one.path))) for one in found] == [
        ("K103", "schema.properties.plan.const"),
        ("K103", "inputs.required.0"),
        ("K106", "outputs.properties.rows.uniqueItems"),
        ("K106", "outputs.properties.rows.items.not"),
        ("K106", "outputs.properties.odd.if"),
        ("K105", "errors.LATE.data.default"),
        ("K103", "errors.LATE.data.enum"),
        ("K101", "errors.GONE.data.type"),
        ("K102", "errors.LOST.data.$ref"),
        ("K103", "vars.limit.maximum"),
        ("K103", "secrets.token.const"),
        ("K104", "inputs.properties.next.$ref"),
        ("K103", "outputs.maxLength"),
    ]
    lines = MANIFEST.splitlines()
    spans = [one.span for one in found if one.span]
    shown = [lines[s.line - 1][s.column - 1 : s.end_column - 1] for s in spans]
    assert shown[:3] == ["a", "amount", "true"]
    assert shown[-2:] == ['"#"', "1"]


def test_a_schema_in_several_places_is_told_once() -> None:
    text = """\
kind: Kernel.Definition
metadata: { name: Charge }
capability: Invocable
inputs: &never { type: string, const: 1 }
outputs: *never
"""
    assert [one.path for one in findings(text)] == [("inputs", "const")]


def test_wrong_schemas_are_left_to_loading() -> None:
    text = """\
kind: Kernel.Definition
metadata: { name: Charge }
capability: Invocable
inputs: { type: object, properties: 5 }
outputs: { type: object, required: [a], minimum: many, properties: { a: false } }
schema: { $ref: "Gone#/inputs" }
"""
    assert [(one.code, one.path) for one in findings(text)] == [
        ("K103", ("outputs", "required", 0))
    ]


IN_PLACE = """\
kind: Run.Sequence
metadata: { name: Import }
steps:
  - name: Inner
    invoke:
      kind: Run.Sequence
      inputs: { type: object, properties: { day: { type: string, enum: [1] } } }
      steps:
        - { name: Total, value: 3 }
"""


def test_a_resource_in_place_of_a_reference() -> None:
    (found,) = check_text(IN_PLACE).findings
    assert found.span
    assert (found.code, found.span.line, found.span.column) == ("K103", 7, 72)
    assert found.path[-4:] == ("inputs", "properties", "day", "enum")


@pytest.mark.parametrize(
    ("schema", "codes"),
    [
        ("true", []),
        ("{ type: 5 }", ["K101"]),
        ("{ required: account }", ["K101"]),
        ("{ $ref: 'Gone#/schema' }", ["K102"]),
    ],
)
def test_resources_of_a_kind_with_a_wrong_schema_are_left_alone(
    schema: str, codes: list[str]
) -> None:
    text = f"""\
kind: Kernel.Definition
metadata: {{ name: Charge, module: Payments }}
capability: Invocable
schema: {schema}
---
kind: Payments.Charge
metadata: {{ name: Main }}
account: main
"""
    assert [one.code for one in check_text(text).findings] == codes


@pytest.mark.parametrize(
    ("schema", "meant"),
    [
        ("{ type: object, requird: [a], properties: { a: { type: string } } }", "required"),
        ("{ type: object, additionalPropertes: false }", "additionalProperties"),
        ("{ type: object, properties: { a: { type: integer, mininum: 1 } } }", "minimum"),
        ("{ type: array, item: { type: string } }", "items"),
        ("{ type: object, properties: { requird: { type: string } } }", None),
        ("{ type: string, example: a, x-note: b, nullable: true }", None),
    ],
)
def test_a_keyword_that_is_near_to_one(schema: str, meant: str | None) -> None:
    text = f"kind: Kernel.Definition\nmetadata: {{ name: D, module: M }}\noutputs: {schema}\n"
    text += "capability: Invocable\nsafety: idempotent\ncontroller: { python: 'm:c' }\n"
    told = [one for one in check_text(text).findings if one.code == "K101"]
    assert [(one.weight, one.fix and one.fix.text) for one in told] == (
        [] if meant is None else [("warning", meant)]
    )
    quiet = text.replace("outputs:", "# kernel: ignore[K101] a word of ours\noutputs:")
    assert not [one for one in check_text(quiet).findings if one.code == "K101"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("String", "string"), ("strng", "string"), ("bool", "boolean"), ("int", "integer")],
)
def test_a_type_that_is_near_to_one(written: str, meant: str) -> None:
    (fault,) = check_schema({"properties": {"a": {"type": written}}})
    assert fault.problem.message.endswith(f"; did you mean {meant!r}?")


def test_a_schema_with_several_faults_tells_all_of_them() -> None:
    text = """\
kind: Run.Sequence
metadata: { name: Main }
inputs:
  type: object
  properties:
    a: { type: strnig, pattern: "(", minLength: -1 }
    b: { $ref: "#/$defs/none" }
    c: { type: integer, default: many }
    d: { type: integer, minimum: 5, maximum: 3 }
    e: { const: 1, type: string }
    f: { type: string, minLenght: 3 }
    g: { $ref: "#/$defs/round" }
    h: { type: object, required: name, properties: { i: { type: list } } }
  $defs:
    round: { $ref: "#/$defs/round" }
    endless: { type: object, properties: { x: { $ref: "#/$defs/endless" } }, required: [x] }
steps: []
result: 1
"""
    found = {one.span.line for one in check_text(text).findings if one.span is not None}
    assert found >= {6, 7, 8, 9, 10, 11, 13, 15, 16}
    assert len([one for one in check_text(text).findings if one.span and one.span.line == 6]) == 3

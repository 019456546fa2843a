"""Lowering: the type holds what ``conform`` delivers, and what it holds fits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.lowering.lower import lower, untyped
from analyzer.types import (
    DYN,
    INT,
    NEVER,
    NULL,
    STRING,
    Double,
    Field,
    Int,
    List,
    Map,
    Record,
    Ref,
    Refined,
    String,
    Type,
    Union,
    resolved,
    union,
)
from analyzer.types.acceptance import accepts
from kernel.schema import NO_SCHEMAS, Contract, InvalidSchema, Schemas, compile_schema
from tests.analyzer.support.schemas import VALUES, conformed, schemas, values
from tests.support.properties import examples


@given(st.data(), schemas())
@examples(125)
def test_what_conform_delivers_is_of_the_type(data: st.DataObject, schema: Any) -> None:
    type_ = lower(schema)
    for value in data.draw(st.lists(values(schema) | VALUES, max_size=6)):
        for delivered in conformed(schema, value):
            assert type_.contains(delivered), (str(type_), delivered)


@given(st.data(), schemas())
@examples(125)
def test_what_a_type_accepts_conforms(data: st.DataObject, schema: Any) -> None:
    type_ = lower(schema)
    for value in data.draw(st.lists(values(schema) | VALUES, max_size=6)):
        assert accepts(type_, value) == bool(conformed(schema, value)), str(type_)


@given(st.data(), schemas())
@examples(75)
def test_what_a_type_holds_is_valid(data: st.DataObject, schema: Any) -> None:
    type_ = lower(schema)
    for value in data.draw(st.lists(values(schema) | VALUES, max_size=6)):
        if type_.contains(value):
            assert compile_schema(schema).is_valid(value), (str(type_), value)


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


TWO = union([Int(2, 2), Double(2.0, 2.0)])


@pytest.mark.parametrize(
    ("schema", "type_"),
    [
        ({}, DYN),
        (True, DYN),
        (False, NEVER),
        ({"type": "integer", "minimum": 1}, Int(1)),
        ({"type": "integer", "exclusiveMaximum": 1.5}, Int(most=1)),
        ({"type": "number", "exclusiveMinimum": 0}, Double(5e-324)),
        ({"const": 2}, TWO),
        ({"enum": [2.0], "type": "integer"}, Int(2, 2)),
        ({"enum": ["a", "b", None]}, union([String(frozenset("ab")), NULL])),
        ({"type": ["string", "null"]}, union([NULL, STRING])),
        (
            {"type": "string", "format": "date-time", "minLength": 1},
            String(None, "date-time", None, 1),
        ),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 2}, List(INT, 0, 2)),
        ({"type": "array", "items": False}, List(NEVER, 0, 0)),
        ({"type": "object"}, Record((), DYN)),
        ({"type": "object", "additionalProperties": False}, Record()),
        ({"type": "object", "additionalProperties": {"type": "null"}}, Map(NULL)),
        (obj(a={"type": "null"}), Record((("a", Field(NULL, required=False)),))),
        (
            obj(a={"type": "integer", "default": 1}),
            Record((("a", Field(INT, default=True)),)),
        ),
        ({"allOf": [{"type": "integer", "minimum": 0}, {"maximum": 9}]}, Int(0, 9)),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, union([INT, STRING])),
        ({"oneOf": [{"type": "null"}, {"type": "string"}]}, union([NULL, STRING])),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}, NULL),
        ({"type": "integer", "minimum": 2, "maximum": 1}, NEVER),
        ({"allOf": [{"type": "string"}, {"type": "null"}]}, NEVER),
        ({**obj(a={"const": 2}), "required": ["b"]}, NEVER),
    ],
)
def test_what_types_say_exactly(schema: Any, type_: Type) -> None:
    assert lower(schema) == type_


@pytest.mark.parametrize(
    ("schema", "why", "good", "bad"),
    [
        ({"type": "integer", "multipleOf": 2}, "multipleOf", 2, 3),
        ({"type": "string", "not": {"const": "x"}}, "not", "a", "x"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems", [1, 2], [1, 1]),
        ({"type": "array", "contains": {"const": 1}}, "contains", [2, 1], [2]),
        ({"type": "array", "prefixItems": [{"type": "null"}]}, "prefixItems", [None, 1], [1]),
        ({"type": "object", "minProperties": 1}, "minProperties", {"a": 1}, {}),
        (
            {"type": "object", "propertyNames": {"maxLength": 1}},
            "propertyNames",
            {"a": 1},
            {"aa": 1},
        ),
        (
            {"type": "object", "patternProperties": {"^a": {"type": "null"}}},
            "patternProperties",
            {"ab": None, "b": 1},
            {"ab": 1},
        ),
        (
            {"type": "object", "if": {"required": ["a"]}, "then": {"required": ["b"]}},
            "if",
            {"a": 1, "b": 1},
            {"a": 1},
        ),
        (
            {"type": "object", "dependentRequired": {"a": ["b"]}},
            "dependentRequired",
            {"b": 1},
            {"a": 1},
        ),
        (
            {"oneOf": [{"type": "integer"}, {"type": "integer", "minimum": 0}]},
            "oneOf",
            -1,
            1,
        ),
        ({"allOf": [{"pattern": "^a"}, {"pattern": "b$"}], "type": "string"}, "pattern", "ab", "a"),
    ],
)
def test_what_types_cannot_say_is_asked(schema: Any, why: str, good: Any, bad: Any) -> None:
    type_ = lower(schema)
    assert isinstance(type_, Refined)
    assert type_.why == why
    assert type_.contains(good)
    assert not type_.contains(bad)
    assert resolved(type_).contains(bad) or why == "prefixItems"


def test_a_discriminator_tells_the_branches_apart() -> None:
    def branch(kind: str) -> dict[str, Any]:
        return {**obj(kind={"const": kind}, x={"type": "integer"}), "required": ["kind"]}

    type_ = lower({"oneOf": [branch("a"), branch("b")]})
    assert isinstance(type_, Union)
    assert all(isinstance(member, Record) for member in type_.members)


def test_references_may_lead_in_a_circle() -> None:
    schema = obj(next={"$ref": "#"}, value={"type": "integer"})
    type_ = lower(schema, name="Node")
    assert isinstance(type_, Record)
    inner = type_.get("next")
    assert inner is not None
    assert isinstance(inner.type, Ref)
    assert str(inner.type) == "Node"
    assert resolved(inner.type) == type_
    assert type_.contains({"next": {"next": {"value": 1}}})
    assert not type_.contains({"next": {"next": {"value": "1"}}})


def test_equal_schemas_give_equal_types_and_others_do_not() -> None:
    def tree(leaf: str) -> dict[str, Any]:
        return obj(next={"$ref": "#"}, leaf={"type": leaf})

    assert lower(tree("string")) == lower(tree("string"))
    assert lower(tree("string")) != lower(tree("null"))
    assert lower({"not": {"const": 1}}) != lower({"not": {"const": 2}})


def test_references_lead_to_other_definitions() -> None:
    charge = Contract("Charge", {"inputs": obj(id={"type": "string"})}, NO_SCHEMAS)
    schemas = Schemas({"Charge": charge}.get)
    type_ = lower({"type": "array", "items": {"$ref": "Charge#/inputs"}}, schemas)
    assert type_.contains([{"id": "x"}])
    assert not type_.contains([{"id": 1}])
    with pytest.raises(InvalidSchema):
        lower({"$ref": "Refund#/inputs"}, schemas)


def test_what_is_no_schema_is_refused() -> None:
    for schema in ({"type": 5}, {"properties": []}, {"pattern": "("}, {"$ref": "#"}, "x", None):
        with pytest.raises(InvalidSchema):
            lower(schema)


def test_secrets_and_silence_are_marked() -> None:
    token = {"type": "string", "x-kernel-secret": True}
    schema = {
        **obj(
            plain={"type": "string"},
            token=token,
            listed={"type": "array", "items": token},
            referred={"$ref": "#/$defs/token"},
        ),
        "$defs": {"token": token},
    }
    type_ = lower(schema)
    assert isinstance(type_, Record)
    assert [field.secret for _, field in type_.fields] == [False, True, True, True]
    assert all(field.lenient for _, field in type_.fields)
    told = lower({**schema, "required": []})
    assert isinstance(told, Record)
    assert not any(field.lenient for _, field in told.fields)


def test_a_default_that_another_schema_refuses_makes_nothing_optional() -> None:
    schema = {"allOf": [obj(a={"default": 1}), obj(b={})], "type": "object"}
    type_ = lower(schema)
    assert not accepts(type_, {})
    assert not conformed(schema, {})


def test_untyped_lists_the_places() -> None:
    schema = obj(a={"not": {"const": 1}}, b={"type": "array", "uniqueItems": False})
    assert [(one.path, bool(one.why)) for one in untyped(schema)] == [
        (("properties", "a", "not"), True)
    ]
    assert untyped(True) == ()


@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf"])
def test_many_alternatives_are_bounded(keyword: str) -> None:
    pair = [{"required": ["a"]}, {"required": ["b"]}]
    schema: Any = {"type": "object", "allOf": [{keyword: pair}] * 60}
    type_ = lower(schema)
    assert type_.contains({"a": 1, "b": 1}) == bool(conformed(schema, {"a": 1, "b": 1}))
    assert not type_.contains({})
    assert not type_.contains(1)


def test_alternatives_at_every_depth_are_bounded() -> None:
    schema: Any = {"type": "integer"}
    other: Any = {"type": "string"}
    for _ in range(12):
        schema = {
            "properties": {"p": schema},
            "anyOf": [{"properties": {"p": schema}}, {"properties": {"p": other}}],
        }
        other = {"properties": {"p": other}}
        if len(str(schema)) > 20_000:
            break
    assert lower(schema).contains({})


def test_deep_schemas_are_lowered_when_needed() -> None:
    schema: Any = {"type": "integer"}
    value: Any = 1
    for _ in range(95):
        schema, value = {"type": "array", "items": schema}, [value]
    assert lower(schema).contains(value)
    assert not lower(schema).contains([value])


def test_large_enums_are_known_as_ranges() -> None:
    type_ = lower({"type": "integer", "enum": list(range(0, 200, 2))})
    assert resolved(type_) == Int(0, 198)
    assert type_.contains(4)
    assert not type_.contains(5)

"""Defaults and numbers: what a value becomes."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.schema import SchemaError, compile_schema


def conform(schema: Any, value: Any) -> Any:
    return compile_schema(schema).conform(value)


def test_numbers_are_what_the_schema_says() -> None:
    schema = {
        "properties": {
            "n": {"type": "number"},
            "i": {"type": "integer"},
            "both": {"type": ["integer", "number"]},
        }
    }
    found = conform(schema, {"n": 1, "i": 2.0, "both": 3.0, "other": 4.0})
    assert repr(found) == "{'n': 1.0, 'i': 2, 'both': 3.0, 'other': 4.0}"


def test_the_same_object_comes_back_where_nothing_changes() -> None:
    schema = {"properties": {"n": {"type": "number"}, "s": {"default": "x"}}}
    given = {"n": 1.5, "s": "y", "deep": {"a": [1]}}
    assert conform(schema, given) is given


def test_the_given_value_is_never_changed_and_what_is_unchanged_is_shared() -> None:
    schema = {"properties": {"a": {"properties": {"n": {"type": "number"}}}, "b": {}}}
    given = {"a": {"n": 1}, "b": {"x": 1}}
    found = conform(schema, given)
    assert found == {"a": {"n": 1.0}, "b": {"x": 1}}
    assert type(given["a"]["n"]) is int
    assert found["b"] is given["b"]


@pytest.mark.parametrize(
    ("schema", "given", "wanted"),
    [
        ({"properties": {"a": {"default": 1}}}, {}, {"a": 1}),
        ({"properties": {"a": {"default": 1}}, "required": ["a"]}, {}, {"a": 1}),
        ({"properties": {"a": {"default": None}}}, {"a": 2}, {"a": 2}),
        ({"properties": {"a": {"type": "number", "default": 1}}}, {}, {"a": 1.0}),
        (
            {"properties": {"a": {"default": {}, "properties": {"b": {"default": 2}}}}},
            {},
            {"a": {"b": 2}},
        ),
        ({"items": {"type": "number"}}, [1, 2.5], [1.0, 2.5]),
        ({"prefixItems": [{"type": "number"}], "items": {"type": "integer"}}, [1, 2.0], [1.0, 2]),
        (
            {"additionalProperties": {"type": "number"}, "properties": {"a": {}}},
            {"a": 1, "b": 1},
            {"a": 1, "b": 1.0},
        ),
        ({"patternProperties": {"^n": {"type": "number"}}}, {"n1": 1, "x": 1}, {"n1": 1.0, "x": 1}),
        (
            {"patternProperties": {"^n": {}}, "additionalProperties": {"type": "number"}},
            {"n1": 1, "x": 1},
            {"n1": 1, "x": 1.0},
        ),
        ({"allOf": [{"properties": {"a": {"default": 1}}}, {"required": ["a"]}]}, {}, {"a": 1}),
        ({"anyOf": [{"type": "null"}, {"type": "number"}]}, 1, 1.0),
        ({"type": ["number", "null"]}, 1, 1.0),
        (
            {
                "oneOf": [
                    {"properties": {"k": {"const": "a"}, "v": {"type": "number"}}},
                    {"properties": {"k": {"const": "b"}, "v": {"type": "integer"}}},
                ]
            },
            {"k": "b", "v": 1.0},
            {"k": "b", "v": 1},
        ),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "number"}}}, 1, 1.0),
        (
            {"properties": {"v": {"type": "number"}, "next": {"$ref": "#"}}},
            {"v": 1, "next": {"v": 2, "next": {"v": 3}}},
            {"v": 1.0, "next": {"v": 2.0, "next": {"v": 3.0}}},
        ),
        ({"type": "number"}, 2**60 + 1, float(2**60)),
        (
            {"$anchor": "me", "properties": {"a": {"$ref": "#me"}, "n": {"type": "number"}}},
            {"a": {"n": 1}},
            {"a": {"n": 1.0}},
        ),
    ],
)
def test_defaults_and_numbers_are_followed(schema: Any, given: Any, wanted: Any) -> None:
    assert repr(conform(schema, given)) == repr(wanted)


def test_a_default_is_a_new_object_each_time() -> None:
    schema = compile_schema({"properties": {"a": {"default": []}}})
    first = schema.conform({})
    first["a"].append(1)
    assert schema.conform({}) == {"a": []}


def test_tuples_are_lists() -> None:
    found = conform({"items": {"items": {"type": "number"}}}, ((1, 2), (3,)))
    assert repr(found) == "[[1.0, 2.0], [3.0]]"


def test_integers_are_those_of_64_bits() -> None:
    assert conform({"type": "integer"}, 2**63 - 1) == 2**63 - 1
    for value in (2**63, -(2**63) - 1, 1e300):
        with pytest.raises(SchemaError, match="must be at"):
            conform({"type": "integer"}, value)


def test_a_schema_is_true_or_false_too() -> None:
    assert conform(True, [1]) == [1]
    with pytest.raises(SchemaError):
        conform(False, 1)


def test_the_default_of_a_branch_that_it_spoils_is_refused_as_it_is_without_a_choice() -> None:
    branch = {
        "type": "object",
        "properties": {"a": {"type": "null", "default": None}},
        "dependentRequired": {"a": ["b"]},
    }
    for schema in (branch, {"anyOf": [branch]}, {"oneOf": [{"type": "string"}, branch]}):
        with pytest.raises(SchemaError):
            compile_schema(schema).conform({})
        assert compile_schema(schema).conform({"b": 1}) == {"a": None, "b": 1}

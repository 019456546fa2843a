"""Schemas that are none, and bad defaults."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.schema import InvalidSchema, check_schema, compile_schema
from kernel.schema.keywords import Traits, traits


def deep(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "code", "path"),
    [
        ({"type": "strin"}, "K101", ("type",)),
        ({"properties": {"a": {"minimum": "1"}}}, "K101", ("properties", "a", "minimum")),
        ({"properties": {"a": 3}}, "K101", ("properties", "a")),
        ({"required": "a"}, "K101", ("required",)),
        (3, "K101", ()),
        ({"pattern": "("}, "K101", ("pattern",)),
        ({"pattern": "(?=a)b"}, "K101", ("pattern",)),
        ({"pattern": "(a{1000}){1000}"}, "K101", ("pattern",)),
        ({"patternProperties": {"[": {}}}, "K101", ("patternProperties", "[")),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "K101", ("$schema",)),
        ({"x-kernel-secrt": True}, "K101", ("x-kernel-secrt",)),
        ({"x-kernel-eval": "later"}, "K101", ("x-kernel-eval",)),
        ({"enum": [{1: 2}]}, "K101", ("enum", 0)),
        (deep(150), "K101", None),
        ({"$ref": "#/nope"}, "K102", ("$ref",)),
        ({"type": "integer", "default": "x"}, "K105", ("default",)),
        (
            {"properties": {"a": {"items": {"type": "null"}, "default": [1]}}},
            "K105",
            ("properties", "a", "default", 0),
        ),
    ],
)
def test_faults_of_schemas_have_a_place(schema: Any, code: str, path: Any) -> None:
    faults = check_schema(schema)
    assert faults
    assert {fault.code for fault in faults} == {code}
    assert path is None or faults[0].problem.path == path


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"default": 1, "type": "number"},
        {
            "properties": {
                "a": {"default": {}, "properties": {"b": {"default": 1}}, "required": ["b"]}
            }
        },
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "$comment": "fine"},
        {"properties": {"$ref": {"type": "string"}, "default": {"type": "string"}}},
        {"enum": [{"$ref": "#/nope"}], "const": {"$ref": 3}},
        {"x-kernel-context": {"result": {}}, "x-kernel-ref": "Invocable", "x-kernel-call": True},
    ],
)
def test_sound_schemas_have_none(schema: Any) -> None:
    assert check_schema(schema) == []


def test_a_schema_without_a_bottom_is_refused() -> None:
    (fault,) = check_schema(deep(50_000))
    assert (fault.code, fault.problem.path) == ("K101", ())


def test_compiling_what_is_no_schema_fails_with_a_path() -> None:
    with pytest.raises(InvalidSchema) as caught:
        compile_schema({"properties": {"a": {"type": "strin"}}}).conform(1)
    assert caught.value.problems[0].path == ("properties", "a", "type")


def test_traits_are_read_from_the_node() -> None:
    assert traits({"type": "string"}) == Traits()
    assert traits({"x-kernel-secret": True, "x-kernel-role": "steps"}) == Traits(
        secret=True, role="steps"
    )


def test_an_unknown_type_is_told_with_the_known_ones() -> None:
    (fault,) = check_schema({"properties": {"a": {"type": "strin"}}})
    assert 'must be one of "array", "boolean"' in fault.problem.message


def test_the_faults_of_a_schema_are_told_together() -> None:
    schema = {
        "properties": {
            "a": {"type": "strnig", "default": 3},
            "b": {"$ref": "#/$defs/none"},
            "c": {"type": "string", "pattern": "("},
            "d": {"type": "integer", "default": "many"},
            "e": 3,
            "f": {"required": "x", "items": {"x-kernel-nope": 1}},
            "g": {"allOf": [{"type": 5}, {"$ref": "gone"}], "patternProperties": {"[": {}}},
            "h": {"type": "number", "default": "h"},
        },
        "$defs": {"x": {"$anchor": "x"}, "y": {"$anchor": "x"}},
    }
    found = [(fault.code, fault.problem.path) for fault in check_schema(schema)]
    wanted = [
        ("K101", ("properties", "a", "type")),
        ("K101", ("properties", "e")),
        ("K101", ("properties", "f", "required")),
        ("K101", ("properties", "g", "allOf", 0, "type")),
        ("K101", ("properties", "c", "pattern")),
        ("K101", ("properties", "f", "items", "x-kernel-nope")),
        ("K101", ("properties", "g", "patternProperties", "[")),
        ("K101", ("$defs", "y", "$anchor")),
        ("K102", ("properties", "b", "$ref")),
        ("K102", ("properties", "g", "allOf", 1, "$ref")),
        ("K105", ("properties", "d", "default")),
        ("K105", ("properties", "h", "default")),
    ]
    assert sorted(found, key=repr) == sorted(wanted, key=repr)

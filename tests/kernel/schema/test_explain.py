"""Problems are told in plain words, the most telling first, without secrets."""

from __future__ import annotations

import time
from typing import Any

import pytest

from kernel.schema import SchemaError, compile_schema

SHAPES = {
    "oneOf": [
        {
            "type": "object",
            "properties": {"kind": {"const": "circle"}, "r": {"type": "number"}},
            "required": ["kind", "r"],
        },
        {
            "type": "object",
            "properties": {"kind": {"const": "square"}, "side": {"type": "number"}},
            "required": ["kind", "side"],
        },
    ]
}


def first(schema: Any, value: Any) -> str:
    return str(compile_schema(schema).problems(value)[0])


@pytest.mark.parametrize(
    ("schema", "value", "wanted"),
    [
        ({"type": "string"}, 3, "must be a string; this is an integer, 3"),
        ({"type": ["integer", "null"]}, "x", 'must be null or an integer; this is a string, "x"'),
        ({"enum": ["a", "b"]}, "c", 'must be one of "a", "b"; this is a string, "c"'),
        ({"const": 1}, True, "must be 1; this is a boolean, true"),
        ({"minimum": 1}, 0, "must be at least 1; this is an integer, 0"),
        ({"minLength": 2}, "é", 'must have at least 2 characters; this is a string, "é"'),
        ({"pattern": "^a"}, "b", "must match the pattern '^a'; this is a string, \"b\""),
        ({"required": ["id"]}, {}, "the property 'id' is missing"),
        (
            {"properties": {"a": {"items": {"type": "null"}}}},
            {"a": [None, 1]},
            "a[1]: must be null; this is an integer, 1",
        ),
        (
            {"properties": {"a": {}}, "additionalProperties": False},
            {"b": 1},
            "not allowed here: 'b'",
        ),
        ({"uniqueItems": True}, [1, 1], "the items must differ from each other"),
        ({"oneOf": [{}, {}]}, 1, "fits more than one of the choices; this is an integer, 1"),
        ({"maxItems": 1}, [1, 2], "must have at most 1 items; this is an array"),
        ({"type": "string"}, None, "must be a string; this is null"),
    ],
)
def test_messages(schema: Any, value: Any, wanted: str) -> None:
    assert first(schema, value) == wanted


def test_the_nearest_branch_of_a_choice_is_named() -> None:
    assert first(SHAPES, {"kind": "square", "side": "x"}) == (
        'side: must be a number; this is a string, "x"'
    )
    assert first(SHAPES, {"kind": "circle"}) == "the property 'r' is missing"
    choice = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    assert first(choice, ["a", 1]) == "[1]: must be a string; this is an integer, 1"


def test_what_is_wrong_near_the_root_comes_first() -> None:
    schema = {"properties": {"a": {"properties": {"b": {"type": "string"}}}}, "required": ["c"]}
    assert [p.path for p in compile_schema(schema).problems({"a": {"b": 1}})] == [(), ("a", "b")]


def test_at_most_ten_problems_are_told() -> None:
    assert len(compile_schema({"items": {"type": "string"}}).problems(list(range(5000)))) == 10


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"pin": {"x-kernel-secret": True, "type": "string", "pattern": "^[a-z]+$"}}},
        {"properties": {"pin": {"x-kernel-secret": True, "enum": ["a"]}}},
        {
            "properties": {"pin": {"$ref": "#/$defs/p"}},
            "$defs": {"p": {"x-kernel-secret": True, "const": "a"}},
        },
        {"additionalProperties": {"x-kernel-secret": True, "maxLength": 3}},
        {
            "anyOf": [
                {"properties": {"pin": {"x-kernel-secret": True}}, "required": ["x"]},
                {"properties": {"pin": {"type": "null"}}},
            ]
        },
        {"x-kernel-secret": True, "properties": {"pin": {"type": "null"}}},
    ],
)
def test_a_secret_is_in_no_message(schema: Any) -> None:
    with pytest.raises(SchemaError) as caught:
        compile_schema(schema).conform({"pin": "hunter2-4711"})
    assert "hunter2" not in str(caught.value)


def test_patterns_cannot_hang_neither_the_verdict_nor_its_explanation() -> None:
    schema = compile_schema({"pattern": "^(a+)+$", "patternProperties": {"(x+x+)+y": {}}})
    start = time.process_time()
    assert schema.problems("a" * 50_000 + "!")
    assert schema.is_valid({"x" * 50_000: 1})
    assert time.process_time() - start < 2


def test_a_key_that_looks_like_a_number_is_a_key() -> None:
    schema = {"additionalProperties": {"items": {"type": "string"}}}
    (problem,) = compile_schema(schema).problems({"429": ["a", 1]})
    assert problem.path == ("429", 1)

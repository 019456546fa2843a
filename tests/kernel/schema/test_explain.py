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
        (
            {"uniqueItems": True},
            [1, 1],
            "the items must differ from each other; [0] and [1] are equal",
        ),
        ({"oneOf": [{}, {}]}, 1, "fits more than one of the choices; this is an integer, 1"),
        ({"maxItems": 1}, [1, 2], "must have at most 1 items; this is an array"),
        ({"type": "string"}, None, "must be a string; this is null"),
        ({"contains": {"const": "a"}}, [], 'must have at least 1 items that are "a"; there are 0'),
        (
            {"contains": {"type": "string"}, "minContains": 2, "maxContains": 3},
            ["a", 1],
            "must have at least 2 items that fit `contains`; there are 1",
        ),
        (
            {"contains": {"const": "a"}, "minContains": 2, "maxContains": 3},
            ["a"] * 4,
            'must have at most 3 items that are "a"; there are 4',
        ),
        (
            {"$ref": "#/$defs/b%20c", "$defs": {"b c": {"contains": {}, "maxContains": 1}}},
            [1, 2],
            "must have at most 1 items that fit `contains`; there are 2",
        ),
        (
            {"propertyNames": {"pattern": "^a"}},
            {"abc": 1, "bcd": 1},
            "the name of the property 'bcd' must match the pattern '^a'",
        ),
        (
            {"propertyNames": {"oneOf": [{"const": "a"}, {"const": "b"}]}},
            {"c": 1},
            'the name of the property \'c\' must be one of "a", "b"',
        ),
        ({"oneOf": [{"const": 1}, {"const": 2}]}, 3, "must be one of 1, 2; this is an integer, 3"),
        (
            {"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}]},
            "c",
            'must be one of "a", "b" or null; this is a string, "c"',
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            3,
            "must be a string or null; this is an integer, 3",
        ),
        (
            SHAPES,
            {"kind": "cone", "r": 1},
            'kind: must be one of "circle", "square"; this is a string, "cone"',
        ),
        (
            {"anyOf": [*SHAPES["oneOf"], {"type": "null"}]},
            {"kind": "cone", "side": 1},
            'kind: must be one of "circle", "square"; this is a string, "cone"',
        ),
        (
            {"prefixItems": [True], "unevaluatedItems": False},
            [1, "x"],
            'items that are not allowed here: "x"',
        ),
        (
            {"type": "integer"},
            2**63,
            "must be at most 9223372036854775807 (an integer has 64 bits in the kernel);"
            " this is an integer, 9223372036854775808",
        ),
    ],
)
def test_messages(schema: Any, value: Any, wanted: str) -> None:
    assert first(schema, value) == wanted


def test_of_a_secret_neither_names_nor_items_nor_counts_are_told() -> None:
    for keywords in (
        {"contains": {"const": "a"}},
        {"unevaluatedItems": False},
        {"propertyNames": {"const": "a"}},
        {"additionalProperties": False},
        {"uniqueItems": True},
        {"oneOf": [{"const": 1}, {"type": "null"}]},
    ):
        for value in (["hunter2", "hunter2"], {"hunter2": 1}, "hunter2"):
            problems = compile_schema({**keywords, "x-kernel-secret": True}).problems(value)
            assert "hunter2" not in str(problems)


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

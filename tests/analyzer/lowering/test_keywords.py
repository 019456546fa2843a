"""One list of keywords: what the validator enforces, the analyzer knows; others say nothing."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.lowering.lower import lower
from analyzer.types.subtyping import is_assignable
from kernel.schema import compile_schema
from kernel.schema.keywords import KEYWORDS, OTHER_DRAFTS

ENFORCED: dict[str, tuple[dict[str, Any], Any]] = {
    "$ref": ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}, 1),
    "$dynamicRef": (
        {"$dynamicRef": "#a", "$defs": {"a": {"$dynamicAnchor": "a", "type": "string"}}},
        1,
    ),
    "prefixItems": ({"prefixItems": [{"type": "string"}]}, [1]),
    "items": ({"items": {"type": "string"}}, [1]),
    "contains": ({"contains": {"type": "string"}}, [1]),
    "minContains": ({"contains": {"type": "string"}, "minContains": 2}, ["a"]),
    "maxContains": ({"contains": {"type": "string"}, "maxContains": 1}, ["a", "b"]),
    "additionalProperties": ({"additionalProperties": False}, {"a": 1}),
    "properties": ({"properties": {"a": {"type": "string"}}}, {"a": 1}),
    "patternProperties": ({"patternProperties": {"a": {"type": "string"}}}, {"a": 1}),
    "dependentSchemas": ({"dependentSchemas": {"a": {"required": ["b"]}}}, {"a": 1}),
    "dependentRequired": ({"dependentRequired": {"a": ["b"]}}, {"a": 1}),
    "propertyNames": ({"propertyNames": {"maxLength": 1}}, {"ab": 1}),
    "if": ({"if": {"type": "integer"}, "then": {"minimum": 3}}, 1),
    "then": ({"if": {"type": "integer"}, "then": {"minimum": 3}}, 1),
    "else": ({"if": {"type": "string"}, "else": {"minimum": 3}}, 1),
    "allOf": ({"allOf": [{"type": "string"}]}, 1),
    "anyOf": ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1),
    "oneOf": ({"oneOf": [{"type": "string"}, {"type": "null"}]}, 1),
    "not": ({"not": {"type": "integer"}}, 1),
    "unevaluatedItems": ({"prefixItems": [True], "unevaluatedItems": False}, [1, 2]),
    "unevaluatedProperties": ({"unevaluatedProperties": False}, {"a": 1}),
    "type": ({"type": "string"}, 1),
    "enum": ({"enum": ["a"]}, "b"),
    "const": ({"const": "a"}, "b"),
    "multipleOf": ({"multipleOf": 2}, 3),
    "maximum": ({"maximum": 2}, 3),
    "exclusiveMaximum": ({"exclusiveMaximum": 2}, 2),
    "minimum": ({"minimum": 2}, 1),
    "exclusiveMinimum": ({"exclusiveMinimum": 2}, 2),
    "maxLength": ({"maxLength": 1}, "ab"),
    "minLength": ({"minLength": 1}, ""),
    "pattern": ({"pattern": "^a"}, "b"),
    "maxItems": ({"maxItems": 1}, [1, 2]),
    "minItems": ({"minItems": 1}, []),
    "uniqueItems": ({"uniqueItems": True}, [1, 1]),
    "maxProperties": ({"maxProperties": 0}, {"a": 1}),
    "minProperties": ({"minProperties": 1}, {}),
    "required": ({"required": ["a"]}, {}),
}
"""A schema with each keyword that restricts values, and a value that it refuses."""

SILENT = {
    "$id", "$schema", "$anchor", "$dynamicAnchor", "$vocabulary", "$comment", "$defs",
    "definitions", "title", "description", "default", "deprecated", "readOnly", "writeOnly",
    "examples", "format", "contentEncoding", "contentMediaType", "contentSchema",
}  # fmt: skip
"""What names a schema, or says something to people."""

ELSEWHERE: dict[str, tuple[dict[str, Any], Any]] = {
    "nullable": ({"type": "string", "nullable": False}, "a"),
    "dependencies": ({"dependencies": {"a": ["b"]}}, {"a": 1}),
    "additionalItems": ({"prefixItems": [True], "additionalItems": False}, [1, 2]),
    "$recursiveRef": ({"properties": {"a": {"$recursiveRef": "#"}}, "type": "object"}, {"a": 1}),
    "id": ({"id": "a"}, 1),
    "divisibleBy": ({"divisibleBy": 2}, 3),
    "disallow": ({"disallow": "string"}, "a"),
}
"""A schema with each word of another draft, and a value that it takes all the same."""


def test_each_keyword_is_of_one_sort() -> None:
    assert ENFORCED.keys() | SILENT == set(KEYWORDS)
    assert not ENFORCED.keys() & SILENT
    assert OTHER_DRAFTS.keys() == ELSEWHERE.keys()
    assert not KEYWORDS & OTHER_DRAFTS.keys()


@pytest.mark.parametrize("keyword", ENFORCED)
def test_what_the_validator_enforces_the_analyzer_knows(keyword: str) -> None:
    schema, refused = ENFORCED[keyword]
    assert not compile_schema(schema).is_valid(refused)
    assert not is_assignable(lower({"const": refused}), lower(schema)).proven


@pytest.mark.parametrize("word", ELSEWHERE)
def test_a_word_of_another_draft_says_nothing(word: str) -> None:
    schema, taken = ELSEWHERE[word]
    assert compile_schema(schema).is_valid(taken)
    assert compile_schema(schema).problems(taken) == ()

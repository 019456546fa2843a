"""Two validators, one verdict: ours against jsonschema, over generated schemas and values.

Where they are known to differ, by design, the strategies stay away: ``multipleOf`` of fractions,
numbers beyond 64 bits, regular expressions with look-around.
"""

from __future__ import annotations

import copy
from typing import Any

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from kernel.schema import SchemaError, compile_schema
from tests.support.properties import examples

NAMES = st.sampled_from(["a", "b", "cc"])
ATOMS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from([1.0, 2.5, -3.0])
    | st.sampled_from(["", "a", "bb", "ccc"])
)
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
LEAVES = st.fixed_dictionaries(
    {},
    optional={
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=2, unique=True),
        "enum": st.lists(VALUES, min_size=1, max_size=3),
        "const": VALUES,
        "minimum": st.integers(-3, 3),
        "exclusiveMaximum": st.integers(-3, 3),
        "multipleOf": st.integers(1, 3),
        "minLength": st.integers(0, 2),
        "maxLength": st.integers(0, 3),
        "pattern": st.sampled_from(["^a", "b+$", "c{2}"]),
        "minItems": st.integers(0, 2),
        "uniqueItems": st.booleans(),
        "required": st.lists(NAMES, max_size=2, unique=True),
        "maxProperties": st.integers(0, 2),
        "default": VALUES,
        "format": st.just("date-time"),
    },
)


def _grow(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    child = inner | st.booleans()
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES,
            "properties": st.dictionaries(NAMES, child, max_size=3),
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "c"]), child, max_size=2),
            "additionalProperties": child,
            "propertyNames": LEAVES,
            "items": child,
            "prefixItems": st.lists(child, min_size=1, max_size=2),
            "contains": child,
            "allOf": st.lists(child, min_size=1, max_size=2),
            "anyOf": st.lists(child, min_size=1, max_size=2),
            "oneOf": st.lists(child, min_size=1, max_size=2),
            "not": child,
            "if": child,
            "then": child,
            "else": child,
            "dependentRequired": st.just({"a": ["b"]}),
            "unevaluatedProperties": st.just(False),
        },
    )


SCHEMAS = st.recursive(LEAVES, _grow, max_leaves=6)


@given(SCHEMAS, VALUES)
@examples(250)
def test_both_validators_agree(schema: Any, value: Any) -> None:
    ours = compile_schema(schema)
    assert ours.is_valid(value) == jsonschema.Draft202012Validator(schema).is_valid(value)


@given(SCHEMAS, VALUES)
@examples(150)
def test_a_refused_value_has_problems_and_a_valid_one_has_none(schema: Any, value: Any) -> None:
    compiled = compile_schema(schema)
    problems = compiled.problems(value)
    assert bool(problems) != compiled.is_valid(value)
    assert len(problems) <= 10
    for problem in problems:
        here = value
        for step in problem.path:
            here = here[step]


@given(SCHEMAS, VALUES)
@examples(250)
def test_conforming_is_idempotent_and_leaves_the_given_value_alone(schema: Any, value: Any) -> None:
    before = copy.deepcopy(value)
    compiled = compile_schema(schema)
    try:
        once = compiled.conform(value)
    except SchemaError:
        once = None
    else:
        twice = compiled.conform(once)
        assert repr(twice) == repr(once)
        assert twice is once
        assert compiled.is_valid(once)
    assert repr(value) == repr(before)

"""The quick look never says of a value that it fits as it is when it does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.schema import Schema, SchemaError, compile_schema
from kernel.schema.fast_path import compile_fast_path, leave

NAMES = st.sampled_from(["a", "b", "ü", "x'); import os #", "\\", 'quo"te'])
NODES = st.one_of(
    st.just({"type": "string"}),
    st.just({"type": "boolean", "description": "yes or no"}),
    st.just({"type": "number", "default": 1.5}),
    st.just({"type": "integer"}),
    st.builds(
        lambda least, more: {"type": "integer", "minimum": least, "maximum": least + more},
        st.integers(-3, 3),
        st.integers(0, 3),
    ),
    st.just({"type": "string", "enum": ["a", "b", "'"]}),
    st.just({"type": "string", "minLength": 2}),
    st.just({"type": ["string", "null"]}),
)
PROPERTIES = st.dictionaries(NAMES, NODES, min_size=1, max_size=4)
SCHEMAS = st.builds(
    lambda properties, required, closed: {
        "type": "object",
        "properties": properties,
        "required": sorted(required & set(properties)),
        **({"additionalProperties": False} if closed else {}),
    },
    PROPERTIES,
    st.sets(NAMES),
    st.booleans(),
)


class Text(str):
    """A text that is not quite one."""


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-4, 8),
    st.just(2**63),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(["", "a", "bc", "ü", "\ud800", Text("a"), b"a", ["a"], {"a"}]),
)
VALUES = st.one_of(st.dictionaries(NAMES, SCALARS, max_size=5), SCALARS)


def slowly(schema: Schema, value: Any) -> Any:
    schema._quick = leave
    return schema.conform(value)


@given(SCHEMAS, VALUES)
def test_what_it_lets_pass_conforms_unchanged(source: dict[str, Any], value: Any) -> None:
    schema = compile_schema(source)
    if compile_fast_path(schema.bundled)(value):
        compiled = compile_schema(source)
        compiled.is_valid({})
        assert slowly(compiled, value) is value


def test_it_lets_the_usual_pass() -> None:
    schema = compile_schema(
        {
            "type": "object",
            "properties": {
                "s": {"type": "string"},
                "i": {"type": "integer"},
                "n": {"type": "number"},
            },
            "required": ["s", "i"],
        }
    )
    quick = compile_fast_path(schema.bundled)
    assert quick({"s": "a", "i": 1, "n": 2.0})
    assert quick({"s": "a", "i": 1})
    assert not quick({"s": "a"})
    assert not quick({"s": "a", "i": True})
    assert not quick({"s": "a", "i": 1, "n": 2})
    assert not quick({"s": "a", "i": 1, "other": 2})


def test_a_schema_that_is_not_flat_has_none() -> None:
    for schema in (True, {}, {"type": "object"}, {"type": "object", "properties": {"a": True}}):
        assert compile_fast_path(schema) is leave
    flat = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert compile_fast_path({**flat, "minProperties": 2}) is leave
    assert compile_fast_path({**flat, "required": ["b"]}) is leave


def test_faults_are_found_as_before() -> None:
    schema = compile_schema({"type": "object", "properties": {"a": {"type": "integer"}}})
    assert schema.conform({"a": 1}) == {"a": 1}
    with pytest.raises(SchemaError, match="integer"):
        schema.conform({"a": "x"})

"""Values as JSON: for readers, where keys may meet, and with their types, which come back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.cel import (
    Duration,
    Optional,
    Timestamp,
    Type,
    UInt,
    compile,
    from_types,
    in_json,
    to_json,
    with_types,
)
from kernel.cel.values import INT_MAX, INT_MIN, TIMESTAMP_MAX, TIMESTAMP_MIN, UINT_MAX, MixedMap
from kernel.schema import SchemaError, check_json

UINTS = st.integers(0, UINT_MAX).map(UInt)
TEXTS = st.text(max_size=4) | st.sampled_from(["$uint", "$map", "$", "uint"])
ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(INT_MIN, INT_MAX),
    UINTS,
    st.floats(),
    TEXTS,
    st.binary(max_size=4),
    st.integers(TIMESTAMP_MIN, TIMESTAMP_MAX).map(Timestamp),
    st.integers(INT_MIN, INT_MAX).map(Duration),
    st.sampled_from(["int", "map"]).map(Type),
)
KEYS = st.booleans() | st.integers(-2, 2) | st.integers(0, 2).map(UInt) | TEXTS
VALUES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(KEYS, inner, max_size=3)
        | inner.map(Optional)
        | st.just(Optional(present=False))
        | inner.map(lambda value: MixedMap({1: value}).with_entry(True, value))
    ),
    max_leaves=8,
)


def shown(value: Any) -> Any:
    """A value with the types of all that is in it, to be compared: NaN is equal to itself."""
    if isinstance(value, Mapping):
        return {(type(key), key): shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shown(item) for item in value]
    if isinstance(value, Optional):
        return value.present, shown(value.value)
    return type(value), str(value) if isinstance(value, float) else value


@given(VALUES)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    kept = json.dumps(with_types(value), allow_nan=False)
    assert shown(from_types(json.loads(kept))) == shown(value)


def test_what_is_json_already_is_kept_as_it_is() -> None:
    value = {"days": [1, 2.5, None, True, {"at": "monday"}]}
    assert with_types(value) == value == from_types(value)


def a_map(pairs: list[tuple[Any, Any]]) -> Mapping[Any, Any]:
    """The map of CEL of some entries, as a map literal makes it."""
    plain, mixed = dict(pairs), MixedMap.of(pairs)
    return plain if len(plain) == len(mixed) else mixed


KEYS_THAT_MEET = st.sampled_from([0, 1, -1, UInt(0), UInt(2), True, False]) | st.sampled_from(
    ["0", "1", "-1", "2", "true", "false", "01", "True", "+1", ""]
)
MAPS = st.recursive(
    st.none() | st.integers(0, 3).map(UInt) | st.text(max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(st.tuples(KEYS_THAT_MEET, inner), max_size=5).map(a_map)
    ),
    max_leaves=12,
)


def members(value: Any) -> int:
    """How many members and elements all maps and lists of a value have together."""
    inner = value.values() if isinstance(value, Mapping) else value
    return sum(1 + members(item) for item in inner) if isinstance(value, Mapping | list) else 0


@given(MAPS)
def test_a_map_keeps_all_its_members_in_json_or_is_an_error(value: Any) -> None:
    if not any_keys_meet(value):
        plain = to_json(value)
        assert members(json.loads(json.dumps(plain, allow_nan=False))) == members(value)
        assert check_json(plain) is plain
        return
    with pytest.raises(SchemaError) as raised:
        to_json(value)
    at: Any = value
    for step in raised.value.problems[0].path:
        at = at[step] if isinstance(at, list) else texts(at)[str(step)]
    assert len(texts(at)) < len(at)


def any_keys_meet(value: Any) -> bool:
    if isinstance(value, Mapping):
        return len(texts(value)) < len(value) or any(map(any_keys_meet, value.values()))
    return isinstance(value, list) and any(map(any_keys_meet, value))


def texts(mapping: Mapping[Any, Any]) -> dict[str, Any]:
    """The entries of a map by the text that CEL itself makes of their keys."""
    text = compile("string(key)")
    return {text.evaluate({"key": key}): item for key, item in mapping.items()}


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("{1: 'a', '1': 'b'}", 'the keys 1 and "1" are one key in JSON'),
        ("{'1': 'a', 1u: 'b'}", 'the keys 1 and "1" are one key in JSON'),
        ("{'x': [0, {'true': 1, true: 2}]}", 'x[1]: the keys true and "true" are one key in JSON'),
        ("{7: {1: 'a', true: 'b', 'true': 'c'}}", "['7']: the keys true and \"true\" are"),
    ],
)
def test_keys_that_meet_are_named_with_their_place(expression: str, said: str) -> None:
    value = compile(expression).evaluate({})
    for find in (to_json, lambda value: in_json(value, check_json)):
        with pytest.raises(SchemaError) as raised:
            find(value)
        assert str(raised.value).startswith(said)


def test_keys_are_text_in_json() -> None:
    value = compile("{1: 'a', true: 'b', -2: {3u: timestamp('2026-01-02T03:04:05Z')}}").evaluate({})
    assert to_json(value) == {"1": "a", "true": "b", "-2": {"3": "2026-01-02T03:04:05Z"}}


def test_what_is_shared_is_made_once() -> None:
    value: Any = {1: "a"}
    for _ in range(60):
        value = [value, value]
    with pytest.raises(SchemaError, match="more than"):
        in_json(value, check_json)

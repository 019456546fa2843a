"""Values as JSON that tells their types: they come back as they were."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kernel.cel import Duration, Optional, Timestamp, Type, UInt, from_types, with_types
from kernel.cel.values import INT_MAX, INT_MIN, TIMESTAMP_MAX, TIMESTAMP_MIN, UINT_MAX, MixedMap

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

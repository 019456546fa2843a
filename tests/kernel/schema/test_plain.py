"""What is not JSON is refused with its path, and never crashes."""

from __future__ import annotations

import datetime
import decimal
import enum
from collections import OrderedDict, UserDict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.schema import SchemaError, check_json, compile_schema
from kernel.schema.plain import MAX_DEPTH, MAX_TEXT


class Colour(enum.Enum):
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)
BOMB: list[Any] = []
for _ in range(30):
    BOMB = [BOMB] * 10

ODD: list[tuple[Any, str]] = [
    ({1}, "a value of type set is not JSON"),
    (object(), "a value of type object is not JSON"),
    (b"x", "a value of type bytes is not JSON"),
    (float("nan"), "nan is not a JSON number"),
    (float("-inf"), "-inf is not a JSON number"),
    (decimal.Decimal(1), "a value of type Decimal is not JSON"),
    (datetime.date(2026, 1, 1), "a value of type date is not JSON"),
    (Colour.RED, "a value of type Colour is not JSON"),
    (Number.ONE, "a value of type Number is not JSON"),
    (OrderedDict(a=1), "a value of type OrderedDict is not JSON"),
    (UserDict(a=1), "a value of type UserDict is not JSON"),
    (10**400, "an integer of 1329 bits is too large; at most 1023 are taken"),
    ("\ud800", "not valid Unicode"),
    ({1: 2}, "a key must be a string, this is of type int"),
    ({None: 2}, "a key must be a string, this is of type NoneType"),
    ({"\ud800": 2}, "a key is not valid Unicode"),
]


@pytest.mark.parametrize(("value", "words"), ODD, ids=lambda x: type(x).__name__)
def test_what_is_not_json_is_named_with_its_path(value: Any, words: str) -> None:
    for schema in (True, {}, {"type": "object"}, {"properties": {"a": {"type": "array"}}}):
        with pytest.raises(SchemaError, match=words) as caught:
            compile_schema(schema).conform({"a": [1, value]})
        assert caught.value.problems[0].path == ("a", 1)
    assert not compile_schema(True).is_valid(value)


@pytest.mark.parametrize("value", [CIRCLE, nested(MAX_DEPTH + 1), nested(100_000)])
def test_depth_is_bounded(value: Any) -> None:
    with pytest.raises(SchemaError, match="levels deep, or in a circle"):
        compile_schema({"items": {"$ref": "#"}}).conform(value)


def test_size_is_bounded_though_it_is_shared() -> None:
    with pytest.raises(SchemaError, match="more than"):
        check_json(BOMB)


def test_the_greatest_depth_is_fine_for_recursive_schemas() -> None:
    value = nested(MAX_DEPTH)
    schema = {"type": "array", "items": {"$ref": "#"}, "default": [], "anyOf": [{"type": "array"}]}
    assert compile_schema(schema).conform(value) is value
    with pytest.raises(SchemaError):
        compile_schema({"type": "array", "items": {"$ref": "#"}, "maxItems": 0}).conform(value)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_is_left_as_it_is(value: Any) -> None:
    assert check_json(value) is value


def test_what_a_value_breaks_is_named() -> None:
    schema = compile_schema({"type": "array", "items": {"maxLength": 3}})
    for value, breaks in (
        (["long"], "its contract"),
        ([float("nan")], "the rules of JSON"),
        ([10**400], "a limit of the kernel"),
        ([[1]] * 600_000, "a limit of the kernel"),
        (["x" * (MAX_TEXT + 1)], "a limit of the kernel"),
    ):
        with pytest.raises(SchemaError) as raised:
            schema.conform(value)
        assert raised.value.breaks == breaks

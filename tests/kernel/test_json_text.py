"""JSON that comes from outside is read as JSON, and what has no value is told by name."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.json_text import JsonError, JsonValueError, read_json

TEXT = st.text(st.characters(exclude_categories=("Cs",)))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**300), 10**300)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)


@given(JSON, st.booleans(), st.sampled_from([None, 1]))
def test_any_value_is_read_with_its_type(value: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert json.dumps(read_json(text)) == json.dumps(value)
    assert json.dumps(read_json(b"\xef\xbb\xbf" + text.encode())) == json.dumps(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("NaN", "NaN is no number that JSON has"),
        ("[-Infinity]", "-Infinity is no number"),
        ("1e400", "the number 1e400 is too large for a double"),
        ("-1e+0400", "too large for a double"),
        (f"[{'9' * 310}.5]", "too large for a double"),
        ("9" * 300 + "e99", "too large for a double"),
        ("9" * 309, "an integer of 309 digits; 308 are the limit"),
        ("9" * 5000, "an integer of 5000 digits"),
        ('{"a": 1, "b": {}, "a": 2}', 'the key "a" stands twice'),
        (r'{"a": 1, "\u0061": 2}', 'the key "a" stands twice'),
        ('"\\ud83c"', r"\ud83c in line 1 is half of a character"),
        ('[\n"\\udf89\\ud83c"]', r"\udf89 in line 2 is half of a character"),
        (r'"\\\ud83c"', "half of a character"),
    ],
)
def test_what_json_has_not(text: str, said: str) -> None:
    with pytest.raises(JsonValueError, match=re.escape(said)):
        read_json(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expecting value at line 1, column 1"),
        ("{a: 1}", "expecting property name enclosed in double quotes at line 1, column 2"),
        ("[1\n2]", "line 2, column 1"),
        ("01", "extra data"),
        ('"\t"', "invalid control character"),
        ("[" * 100_000, "nested too deeply"),
        (b'"\xe4"', "octet 0xe4 at 1 is not UTF-8"),
        (b'"\xed\xa0\xbc"', "is not UTF-8"),
    ],
)
def test_what_is_no_json(text: str | bytes, said: str) -> None:
    with pytest.raises(JsonError, match=re.escape(said)):
        read_json(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"\ud83c\udf89"', "\U0001f389"),
        (r'"\\ud83c"', "\\ud83c"),
        (r'"\\\\ud83c\uD83C\uDF89"', "\\\\ud83c\U0001f389"),
        ("1e308", 1e308),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ("1e-400", 0.0),
        ("-0.0", -0.0),
    ],
)
def test_what_json_has(text: str, value: Any) -> None:
    assert repr(read_json(text)) == repr(value)


def test_many_keys_that_stand_twice_take_no_long_time() -> None:
    pairs = ", ".join(f'"{number}": 0' for number in range(50_000))
    began = time.process_time()
    with pytest.raises(JsonValueError, match="stands twice"):
        read_json(f'{{{pairs}, "49999": 1}}')
    assert time.process_time() - began < 5

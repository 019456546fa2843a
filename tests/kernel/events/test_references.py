"""Secrets are kept as references, and come back where they are known."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.events import Redactor
from kernel.events.references import LostSecret, References

TOKEN, PIN = "s3cr3t-token", 4711
SECRETS = [("Orders.secrets", {"token": TOKEN, "pin": PIN, "db": {"password": "pa$${{ss"}})]


def references() -> References:
    return References(Redactor([TOKEN, str(PIN), "pa$${{ss"]), SECRETS)


PARTS = [TOKEN, "$", "{{", "${{ x }}", "}}", "a", "4711", "$${{"]

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.lists(st.sampled_from(PARTS)).map("".join),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc${"), inner),
    max_leaves=8,
)


@given(JSON)
def test_what_is_kept_comes_back_and_holds_no_secret(value: Any) -> None:
    kept = references().hide(value)
    assert TOKEN not in json.dumps(kept)
    assert references().show(kept) == value


@given(JSON)
def test_what_can_hold_no_secret_is_kept_in_the_same_notation(value: Any) -> None:
    elsewhere = References(Redactor(["another-secret"]), [("Other.secrets", "another-secret")])
    assert References(Redactor()).hide(value) == elsewhere.hide(value)


def test_a_number_stays_a_number_and_a_text_a_text() -> None:
    one = references()
    assert one.hide({"n": PIN, "t": "4711", "in": "pin 4711!"}) == {
        "n": "${{ Orders.secrets.pin }}",
        "t": "${{ string(Orders.secrets.pin) }}",
        "in": "pin ${{ string(Orders.secrets.pin) }}!",
    }
    assert one.show(one.hide([PIN, "4711"])) == [PIN, "4711"]


def test_what_cannot_come_back_says_so() -> None:
    one = references()
    echoed = {"basic": b64encode(TOKEN.encode()).decode()}
    kept = one.hide(echoed)
    assert kept == {"basic": "${{ redacted }}"}
    with pytest.raises(LostSecret, match="not kept"):
        one.show(kept)
    kept = one.hide({"session": "abc", "n": 1}, lambda value: {**value, "session": "[redacted]"})
    assert kept == {"session": "${{ redacted }}", "n": 1}
    with pytest.raises(LostSecret):
        References(Redactor([])).show("${{ Orders.secrets.token }}")

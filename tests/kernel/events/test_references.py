"""Secrets are kept as references, and come back where they are known."""

from __future__ import annotations

import html
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.events import Redactor
from kernel.events.redaction import texts
from kernel.events.references import LostSecret, References

TOKEN, PIN = "s3cr3t-token", 4711
SECRETS = [("Orders.secrets", {"token": TOKEN, "pin": PIN, "db": {"password": "pa$${{ss"}})]
WEAK = ("Orders.secrets", {"of.a(b": ["x", 7]})


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
    value = {"n": PIN, "t": "4711", "in": "pin 4711!"}
    assert one.hide(value) == {
        "n": 4711,
        "t": "${{ string(Orders.secrets.pin) }}",
        "in": "pin ${{ string(Orders.secrets.pin) }}!",
    }
    assert one.show(one.hide(value)) == value


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (PIN, "${{ Orders.secrets.pin }}"),
        ("4711", "${{ string(Orders.secrets.pin) }}"),
        (4711.0, "${{ double(Orders.secrets.pin) }}"),
        (TOKEN, "${{ Orders.secrets.token }}"),
        ({"password": "pa$${{ss"}, "${{ Orders.secrets.db }}"),
        ("x", "${{ Orders.secrets.of%2Ea%28b.0 }}"),
        (7, "${{ Orders.secrets.of%2Ea%28b.1 }}"),
        (True, "${{ redacted }}"),
        (f"Bearer {TOKEN}", "${{ redacted }}"),
        (None, "${{ redacted }}"),
    ],
)
def test_what_a_schema_or_the_flow_calls_secret_is_a_reference_of_its_type(
    value: Any, kept: str
) -> None:
    one = References(Redactor([TOKEN, "4711", "pa$${{ss"]), [*SECRETS, WEAK])
    assert one.hide({"a": value}, lambda _: {"a": "[redacted]"}) == {"a": kept}
    if "redacted" in kept:
        with pytest.raises(LostSecret):
            one.show(kept)
    else:
        assert (one.show(kept), type(one.show(kept))) == (value, type(value))


ECHOES = {
    "base64(Orders.secrets.token)": b64encode(TOKEN.encode()).decode(),
    "hex(Orders.secrets.token)": TOKEN.encode().hex(),
    "HEX(Orders.secrets.token)": TOKEN.encode().hex().upper(),
    "percent-all(Orders.secrets.token)": "".join(f"%{one:02X}" for one in TOKEN.encode()),
    "base64-bare(base64(Orders.secrets.token))": b64encode(b64encode(TOKEN.encode()))
    .decode()
    .rstrip("="),
    "percent-part(Orders.secrets.db.password)": quote("pa$${{ss"),
    "percent-part(percent-part(Orders.secrets.db.password))": quote(quote("pa$${{ss"), safe=""),
}


@pytest.mark.parametrize(("name", "text"), ECHOES.items(), ids=ECHOES)
def test_forms_are_kept_by_their_names(name: str, text: str) -> None:
    kept = references().hide({text: f"is {text}!"})
    assert kept == {f"${{{{ {name} }}}}": f"is ${{{{ {name} }}}}!"}
    assert references().show(kept) == {text: f"is {text}!"}


def test_what_was_learned_comes_back_where_it_is_learned_again() -> None:
    def learned(pin: str) -> References:
        redactor = Redactor([TOKEN])
        redactor.learn({"pin": pin, "n": 1}, {"pin": "[redacted]", "n": 1}, "4f2a.inputs")
        return References(redactor, SECRETS)

    value = {"said": "pin 8-1234!", "n": 1, "k 8-1234": "OC0xMjM0"}
    kept = learned("8-1234").hide(value, with_learned=True)
    assert "1234" not in repr(kept)
    assert learned("8-1234").show(kept) == value
    with pytest.raises(LostSecret, match="not known to this process"):
        references().show(kept)
    lost = learned("8-1234").hide(value)
    assert lost["said"] == "pin ${{ redacted }}!"


def test_keys_that_are_lost_stay_apart() -> None:
    redactor = Redactor()
    redactor.learn(["first-pin", "other-pin"], ["[redacted]"] * 2)
    value = {"first-pin": 1, "other-pin": 2, "[redacted]": 3}
    assert len(References(redactor).hide(value)) == 3
    assert sorted(redactor.value(value).values()) == [1, 2, 3]


def test_another_secret_in_its_place_is_told() -> None:
    kept = References(Redactor(["one line\nand two"]), [("M.secrets", {"k": "one line\nand two"})])
    said = kept.hide("and two")
    assert said == "${{ line.1(M.secrets.k) }}"
    with pytest.raises(LostSecret, match="another secret now"):
        References(Redactor(["another"]), [("M.secrets", {"k": "another"})]).show(said)


WORDS = st.text('ab1 +%/"\n$${}é', min_size=1, max_size=9) | st.text(min_size=1, max_size=6)
SECRET = st.recursive(
    WORDS | st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=3,
)
WRITTEN: list[Callable[[str], str]] = [
    str,
    quote,
    quote_plus,
    json.dumps,
    html.escape,
    lambda text: quote(quote(text), safe=""),
    lambda text: json.dumps(json.dumps(text)),
    lambda text: b64encode(text.encode("utf-8", "surrogatepass")).decode(),
    lambda text: b64encode(f"ann:{text}:x".encode("utf-8", "surrogatepass")).decode(),
    lambda text: text.encode("utf-8", "surrogatepass").hex().upper(),
    lambda text: text.replace("\n", "\r\n"),
]


def scalars_of(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from scalars_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from scalars_of(item)
    else:
        yield value


@settings(max_examples=400)
@given(st.data(), st.dictionaries(WORDS, SECRET, min_size=1, max_size=3))
def test_any_value_comes_back_with_its_type_whatever_the_secrets_are(
    data: st.DataObject, secrets: dict[str, Any]
) -> None:
    words = list(scalars_of(secrets))
    echo = st.sampled_from(words) | st.builds(
        lambda write, word, before, after: before + write(word) + after,
        st.sampled_from(WRITTEN), st.sampled_from([str(word) for word in words]), WORDS, WORDS,
    )  # fmt: skip
    values = st.recursive(
        echo | JSON,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from([str(word) for word in words]) | WORDS, inner)
        ),
        max_leaves=8,
    )
    value = data.draw(values)
    named = [("M.secrets", secrets)]

    def known() -> References:
        return References(Redactor(texts(secrets)), named)

    kept = json.loads(json.dumps(known().hide(value)))
    back = known().show(kept)
    assert json.dumps(back) == json.dumps(value)


def test_what_cannot_come_back_says_so() -> None:
    one = references()
    kept = one.hide({"session": "abc", "n": 1}, lambda value: {**value, "session": "[redacted]"})
    assert kept == {"session": "${{ redacted }}", "n": 1}
    with pytest.raises(LostSecret):
        References(Redactor([])).show("${{ Orders.secrets.token }}")

"""Secrets in the notations that texts are written in, in numbers, and in what is not JSON."""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import time
import urllib.parse
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kernel import Failure
from kernel.events import REDACTED, Redactor
from kernel.events.log import Log
from kernel.events.notations import canonical
from tests.support.embedded import World, call, definition, resource, sequence

SECRET = 'p"a\\ss/w=ö rd\n'
SHARP = """a+b 'c' <d>&"e"(f)/g*h!~ö\\i"""

_GO = str.maketrans({"<": r"\u003c", ">": r"\u003e", "&": r"\u0026"})
_MARKUP = {'"': "&#34;", "'": "&#39;"}
_URI_COMPONENT, _URI = "!'()*", ";,/?:@&=+$!'()*#"

FORMS = {
    "whole": SECRET,
    "without its line end": f"Bearer {SECRET.strip()}",
    "JSON": json.dumps({"a": f"x{SECRET}"}),
    "JSON in Unicode": json.dumps({"a": SECRET}, ensure_ascii=False),
    "Python": repr([SECRET]),
    "octets in Python": repr(SECRET.encode()),
    "HTML": f"<b>{html.escape(SECRET)}</b>",
    "path": urllib.parse.quote(SECRET),
    "part of a path": urllib.parse.quote(SECRET, safe=""),
    "form": urllib.parse.urlencode({"a": SECRET, "b": 1}),
    "base64": f"is {base64.b64encode(SECRET.encode()).decode()}",
    "base64 behind a name": f"Basic {base64.b64encode(f'ann:{SECRET}'.encode()).decode()}",
    "base64 behind another": f"Basic {base64.b64encode(f'user:{SECRET}'.encode()).decode()}",
    "base64 before a name": f"{base64.urlsafe_b64encode(f'{SECRET}:bob.'.encode()).decode()}",
    "hexadecimal": SECRET.encode().hex(),
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_texts(text: str) -> None:
    shown = Redactor([SECRET]).text(text)
    assert REDACTED in shown
    assert not any(part in shown for part in ("ss", "cCJh", "AiYVxz", "ImFcc", "7022615c"))


def entities(text: str, form: str) -> str:
    return "".join(form.format(ord(letter)) for letter in text)


def lower(text: str) -> str:
    """With the percent escapes in lower case."""
    return re.sub("%..", lambda found: found.group().lower(), text)


def upper(text: str) -> str:
    """With the numbers behind ``\\u`` in upper case."""
    return re.sub(
        r"\\(?:u....|.)", lambda found: found.group()[:2] + found.group()[2:].upper(), text
    )


ENCODERS: dict[str, Callable[[str], str]] = {
    "JSON": json.dumps,
    "JSON in Unicode": partial(json.dumps, ensure_ascii=False),
    "JSON within JSON": lambda text: json.dumps(json.dumps(text)),
    "JSON within JSON in Unicode": lambda text: json.dumps(
        json.dumps(text, ensure_ascii=False), ensure_ascii=False
    ),
    "JSON of Go": lambda text: json.dumps(text, ensure_ascii=False).translate(_GO),
    "JSON of Go within": lambda text: json.dumps(json.dumps(text).translate(_GO)).translate(_GO),
    "JSON of PHP": lambda text: json.dumps(text).replace("/", r"\/"),
    "JSON in upper case": lambda text: upper(json.dumps(text)),
    "HTML": html.escape,
    "HTML without quotes": partial(html.escape, quote=False),
    "HTML of Go": lambda text: html.escape(text, quote=False).translate(str.maketrans(_MARKUP)),
    "entities": lambda text: entities(text, "&#{};"),
    "entities in hexadecimal": lambda text: entities(text, "&#x{:x};"),
    "entities in upper case": lambda text: entities(text, "&#X{:06X};"),
    "path": urllib.parse.quote,
    "path in lower case": lambda text: lower(urllib.parse.quote(text)),
    "part of a path": partial(urllib.parse.quote, safe=""),
    "part of an address": partial(urllib.parse.quote, safe=_URI_COMPONENT),
    "part of an address in lower case": lambda text: lower(
        urllib.parse.quote(text, safe=_URI_COMPONENT)
    ),
    "address": partial(urllib.parse.quote, safe=_URI),
    "form": urllib.parse.quote_plus,
    "form in lower case": lambda text: lower(urllib.parse.quote_plus(text)),
    "form of JavaScript": lambda text: urllib.parse.quote_plus(text, safe="*").replace("~", "%7E"),
    "Python": repr,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
}


@pytest.mark.parametrize("name", sorted(ENCODERS.keys() - {"base64", "hexadecimal"}))
def test_only_the_secret_is_hidden(name: str) -> None:
    encode = ENCODERS[name]
    text, secret = encode(f"/{SHARP}<ö>{SHARP}&"), encode(SHARP).strip("\\\"'")
    assert text.count(secret) == 2
    assert Redactor([SHARP]).text(text) == text.replace(secret, REDACTED)


@given(
    secret=st.text("ab1&;<>\"'%+ /\\\nöx#u3~*!🔑", min_size=4, max_size=12)
    | st.text(st.characters(min_codepoint=32, exclude_categories=("Cc", "Cs")), min_size=4),
    name=st.sampled_from(sorted(ENCODERS)),
)
def test_no_encoder_shows_a_secret(secret: str, name: str) -> None:
    assume(name != "hexadecimal" or len(secret) > 5)
    assume(len(canonical(secret)) > 3)  # a form of under 4 characters is not looked for
    encoded = ENCODERS[name](secret)
    shown = Redactor([secret]).text(f"a {encoded} b")
    assert REDACTED in shown
    assert encoded not in shown.replace(REDACTED, "")


KEY = "-----BEGIN KEY-----\nMIIEowIBAAKCAQEAzq\nu8Jq1mZ0Xh7Yd3kFQp\n-----END KEY-----\n"
LINES = {
    "other line ends": KEY.replace("\n", "\r\n"),
    "old line ends": KEY.replace("\n", "\r"),
    "one line": "cannot decode line 2: u8Jq1mZ0Xh7Yd3kFQp",
    "indented": KEY.replace("\n", "\n      "),
    "bytes": repr(KEY.encode()),
    "bytes with other line ends": repr(KEY.replace("\n", "\r\n").encode()),
    "in JSON with other line ends": json.dumps({"key": KEY.replace("\n", "\r\n")}),
    "in one line": KEY.replace("\n", ""),
    "in base64": base64.b64encode(KEY.encode()).decode(),
    "its JSON in base64": base64.b64encode(json.dumps({"key": KEY}).encode()).decode(),
}


@pytest.mark.parametrize("text", LINES.values(), ids=LINES)
@pytest.mark.parametrize("secret", [KEY, json.dumps({"type": "account", "key": KEY})])
def test_secrets_of_several_lines(secret: str, text: str) -> None:
    shown = Redactor([secret]).text(f"is {text}!")
    assert REDACTED in shown
    assert not re.search("MIIEow|u8Jq1|TUlJRW93|dThKcTFt", shown)


DEEP = {
    "hexadecimal in upper case": SECRET.encode().hex().upper(),
    "percent twice": urllib.parse.quote(urllib.parse.quote(SECRET)),
    "percent three times": urllib.parse.quote(urllib.parse.quote(urllib.parse.quote(SECRET))),
    "every octet": "".join(f"%{octet:02x}" for octet in SECRET.encode()),
    "base64 twice": base64.b64encode(base64.b64encode(SECRET.encode())).decode(),
    "base64 of an address": base64.b64encode(urllib.parse.quote(SECRET).encode()).decode(),
    "base64 in an address": urllib.parse.quote(base64.b64encode(SECRET.encode()).decode()),
    "HTML in JSON": json.dumps(html.escape(SECRET)),
    "an address in HTML": html.escape(urllib.parse.quote(SECRET)),
    "JSON in a form": urllib.parse.quote_plus(json.dumps({"a": SECRET})),
    "repr of repr": repr(repr(SECRET)),
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_notations_within_each_other(text: str) -> None:
    shown = Redactor([SECRET]).text(f"is {text}!")
    assert REDACTED in shown
    assert not re.search(r"ss.{0,8}w|7373|cCJh|Y0NKa|JTIyYS", shown)


DSN = "postgresql://ann:h%40rse-staple@db.example.com/shop?sslmode=require"
HOOK = "https://hooks.example.com/services/T0000/B0000/XyZ123abcXyZ123abcXyZ"
SAID = {
    DSN: [
        'password authentication failed for "ann" with h@rse-staple',
        "could not connect to ann:h%40rse-staple@db.example.com",
        "dsn=postgresql%3A%2F%2Fann%3Ah%2540rse-staple%40db.example.com",
    ],
    HOOK: ["404 for /services/T0000/B0000/XyZ123abcXyZ123abcXyZ", "token XyZ123abcXyZ123abcXyZ"],
    "host=db user=ann password='h@rse-staple'": ["no pg_hba.conf entry; password h@rse-staple"],
}


@pytest.mark.parametrize(("secret", "said"), [(one, text) for one in SAID for text in SAID[one]])
def test_parts_of_addresses(secret: str, said: str) -> None:
    shown = Redactor([secret]).text(f"{said}: ann, shop, db.example.com, require, services")
    assert not re.search("rse-staple|XyZ", shown)
    assert shown.endswith("ann, shop, db.example.com, require, services")


def test_a_password_in_an_address_is_said_nowhere() -> None:
    said = "no answer of redis://:pass@word@cache:6379/1 and http://a@b/, see http://c:80/d@e"
    expected = "no answer of redis://[redacted]@cache:6379/1 and http://a@b/, see http://c:80/d@e"
    assert Redactor().said(said) == Redactor(["another"]).said(said) == expected


def test_hostile_texts_take_no_long_time() -> None:
    redactor = Redactor([SECRET, KEY, DSN])
    texts = ["%25" * 30_000, "\\" * 90_000, "&amp;" * 20_000, "Ab1/" * 25_000, "a" * 100_000]
    for _ in range(12):
        texts.append(base64.b64encode(texts[-1][:75_000].encode()).decode())
    began = time.process_time()
    for text in texts:
        assert redactor.text(text) == text
    assert time.process_time() - began < 10


@given(st.text('&#x3;ab%cef2\\"u0+', max_size=30))
def test_what_holds_no_secret_stays(text: str) -> None:
    assert Redactor(["another-secret"]).text(text) == text


@given(secret=st.text(min_size=4, max_size=30), around=st.text(max_size=10))
def test_no_json_text_holds_a_secret(secret: str, around: str) -> None:
    redactor = Redactor([secret])
    for ascii_only in (True, False):
        form = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        shown = redactor.text(f"{around}{form}{around}")
        assert form not in shown or form in f"{around}{REDACTED}{around}"


class Opaque:
    def __init__(self, said: Any) -> None:
        self._said = said

    def __str__(self) -> str:
        if isinstance(self._said, Exception):
            raise self._said
        return f"opaque {self._said}"


@pytest.mark.parametrize(
    "value",
    [b"12345678", {"12345678"}, Opaque(12345678), Opaque(ValueError()), 12345678, 12345678.0],
    ids=lambda value: type(value).__name__,
)
def test_other_values(value: Any) -> None:
    shown = Redactor(["12345678"]).diagnostic({"a": [value]})
    assert "12345678" not in str(shown)
    assert REDACTED in str(shown)


def test_values_without_a_secret_stay() -> None:
    values = [b"x", {1}, Opaque("x"), 1, 1.5, None, True]
    assert Redactor(["12345678"]).value(values) is values


def test_a_secret_on_the_edge_of_what_is_shown_is_not_cut(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = Log(Redactor(["correct-horse"]))
    text = f"{'x' * 3_995}correct-horse{'y' * 1_000}"
    assert "correct" not in log.text(ValueError(text))
    with caplog.at_level(logging.INFO, "kernel"):
        log.say("info", text, {"token": "correct-horse"}, path="steps.A")
    (record,) = caplog.records
    assert "corr" not in record.getMessage()
    assert record.__dict__["fields"] == {"token": REDACTED}


def test_what_a_provider_publishes_is_redacted_by_its_schema() -> None:
    class Vault:
        def provide(self) -> dict[str, str]:
            return {"password": "open sesame", "user": "ali"}

    secret = {"type": "string", "x-kernel-secret": True}
    world = World(
        definition(
            "Vault",
            capability="Provider",
            outputs={"type": "object", "properties": {"password": secret}},
        ),
        resource("T.Vault", "V"),
        sequence({"name": "S", "value": 1}),
        Vault=Vault,
    )
    world.apply()
    (event,) = (one for one in world.events if one.type == "T.Vault.V.Initialized")
    assert event.data == {"password": REDACTED, "user": "ali"}


def test_no_code_of_an_error_is_a_secret() -> None:
    module = {
        "kind": "Kernel.Module",
        "metadata": {"name": "M"},
        "secrets": {"token": {"type": "string"}},
    }
    step = {"throw": {"code": "${{ secrets.token }}"}}
    error = World(module, sequence(step), values={"token": SECRET}).apply().error
    assert error is not None
    assert (error.code, error.message) == (REDACTED, REDACTED)


def test_errors_of_controllers_do_not_tell_secret_inputs() -> None:
    def login(inputs: Any) -> None:
        words = [inputs["password"], *inputs["pins"]]
        raise Failure(f"not {words}", code=words[0], data={"tried": words})

    secret = {"x-kernel-secret": True}
    contract = {"properties": {"password": secret, "pins": {"items": {"anyOf": [secret]}}}}
    inputs = {"password": "open sesame", "pins": ["12345", 67890], "user": "ali"}
    step = call(inputs=inputs, retry={"attempts": 2})
    world = World(definition(inputs=contract), sequence(step), Work=login)
    error = world.apply().error
    assert error is not None
    told = [error.to_cel(), *(event.data for event in world.events)]
    assert not any(part in repr(told) for part in ("sesame", "12345", "67890"))
    assert error.data == {"tried": [REDACTED] * 3}

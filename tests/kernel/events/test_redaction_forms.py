"""Secrets in the notations that texts are written in, in numbers, and in what is not JSON."""

from __future__ import annotations

import base64
import html
import json
import logging
import urllib.parse
from typing import Any

import pytest
from embedded import World, call, definition, resource, sequence
from hypothesis import given
from hypothesis import strategies as st

from kernel import Failure
from kernel.events import REDACTED, Redactor
from kernel.events.log import Log

SECRET = 'p"a\\ss/w=ö rd\n'

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
    shown = Redactor(["12345678"]).value({"a": [value]})
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

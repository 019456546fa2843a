"""What a schema calls secret is hidden everywhere once it has been seen."""

from __future__ import annotations

import time

from kernel.events import REDACTED, Redactor


def test_what_is_hidden_in_one_place_is_hidden_in_all() -> None:
    redactor = Redactor(["given-secret"])
    value = {"token": "learned-1", "of": [{"pin": 918273}, {"pin": "learned-2"}], "user": "me"}
    hidden = {
        "token": "[redacted]",
        "of": [{"pin": "[redacted]"}, {"pin": "[redacted]"}],
        "user": "me",
    }
    assert redactor.text("learned-1") == "learned-1"
    redactor.learn(value, hidden)
    said = redactor.text("given-secret learned-1 learned-2 918273 me")
    assert said == "[redacted] [redacted] [redacted] [redacted] me"
    assert redactor.diagnostic([918273, 1]) == ["[redacted]", 1]
    assert redactor.value([918273, 1]) == [918273, 1]


def test_short_values_are_not_learned() -> None:
    redactor = Redactor()
    redactor.learn(
        {"pin": 1, "on": True, "none": None}, dict.fromkeys(("pin", "on", "none"), "[redacted]")
    )
    assert not redactor
    assert redactor.value({"count": 1}) == {"count": 1}


def test_only_the_last_thousand_are_known() -> None:
    redactor = Redactor()
    redactor.learn([f"secret-{n:05}" for n in range(1500)], ["[redacted]"] * 1500)
    assert redactor.text("secret-00499") == "secret-00499"
    assert redactor.text("secret-00500 secret-01499") == "[redacted] [redacted]"


def test_what_was_just_learned_is_hidden_whole() -> None:
    redactor = Redactor(["alpha-beta"])
    assert redactor.text("of alpha-beta-gamma") == f"of {REDACTED}-gamma"
    redactor.learn("alpha-beta-gamma", REDACTED)
    assert redactor.text("of alpha-beta-gamma") == f"of {REDACTED}"
    redactor.learn("beta-gamma-delta", REDACTED)
    assert redactor.text("beta-gamma-delta") == REDACTED
    assert redactor.diagnostic({"a": [12345678]}) == {"a": [12345678]}
    redactor.learn(12345678, REDACTED)
    assert redactor.diagnostic({"a": [12345678]}) == {"a": [REDACTED]}


def test_to_learn_between_texts_costs_little() -> None:
    redactor = Redactor()
    began = time.perf_counter()
    for number in range(600):
        redactor.learn(f"secret number {number}", REDACTED)
        assert redactor.text(f"is secret {number}, is it not") == f"is secret {number}, is it not"
    assert time.perf_counter() - began < 4
    assert redactor.text("the secret number 599") == f"the {REDACTED}"
    assert redactor.text("the secret number 0") == f"the {REDACTED}"


def test_what_was_just_learned_is_hidden_in_other_spellings() -> None:
    redactor = Redactor(["given-secret"])
    assert redactor.text("x") == "x"
    redactor.learn('a"b/c&d', REDACTED)
    assert redactor.text(r"of a\u0022b\/c\u0026d.") == f"of {REDACTED}."
    assert redactor.text("of a%22b%2fc%26d.") == f"of {REDACTED}."

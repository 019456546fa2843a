"""What a schema calls secret is hidden everywhere once it has been seen."""

from __future__ import annotations

from kernel.events import Redactor


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
    assert redactor.value([918273, 1]) == ["[redacted]", 1]


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

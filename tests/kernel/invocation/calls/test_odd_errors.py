"""Exceptions that are nobody's idea of an exception, and failures that nobody waits for."""

from __future__ import annotations

import asyncio
import enum
import gc
import sys
from http import HTTPStatus
from typing import Any

import pytest

from kernel import Failure, InvocationError
from tests.support.embedded import World, call, definition, sequence


def error_of(controller: Any, **step: Any) -> InvocationError:
    error = World(definition(), sequence(call(**step)), Work=controller).apply().error
    assert error is not None
    return error


def raising(error: BaseException) -> Any:
    def work(inputs: Any) -> None:
        raise error

    return work


class Unreadable(Exception):
    @property
    def code(self) -> str:
        raise RuntimeError("no code")

    data = outcome = code

    def __str__(self) -> str:
        raise RuntimeError("no text")


class Unhashable(Exception):
    outcome: tuple[Any, ...] = ([],)  # not hashable


class Colour(enum.StrEnum):
    RED = "red"


def test_attributes_that_cannot_be_read_are_not_there() -> None:
    error = error_of(raising(Unreadable()))
    assert (error.message, error.code, error.data) == ("Unreadable", "Unreadable", None)


def test_an_outcome_that_is_none_is_not_there() -> None:
    assert error_of(raising(Unhashable("x"))).outcome == "failed"


@pytest.mark.parametrize(("code", "plain"), [(HTTPStatus.CONFLICT, 409), (Colour.RED, "red")])
def test_codes_of_enumerations_are_their_values(code: Any, plain: Any) -> None:
    retry = {"attempts": 2, "when": "${{ error.code in [409, 'red'] }}"}
    error = error_of(raising(Failure("x", code=code)), retry=retry)
    assert (error.code, type(error.code), error.attempt) == (plain, type(plain), 2)


def test_data_that_is_not_json_is_text() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert error_of(raising(Failure("x", data={1}))).data == "{1}"
    assert error_of(raising(Failure("x", data=circle))).data == "[[...]]"
    assert error_of(raising(Failure("x", data={"b": b"x"}))).data == {"b": "eA=="}


async def leaves(inputs: Any) -> None:
    sys.exit(3)


@pytest.mark.parametrize("step", [{}, {"timeout": 5000}, {"retry": {"attempts": 2}}])
def test_a_controller_cannot_end_the_process(step: Any) -> None:
    assert error_of(leaves, **step).code == "SystemExit"


def test_steps_and_calls_that_are_nested_too_deep_together() -> None:
    steps: Any = [call("Run.Sequence", None)]
    steps[0]["invoke"]["name"] = "Main"
    for _ in range(40):
        steps = [{"if": "${{ true }}", "then": steps}]
    error = World(sequence(*steps)).apply().error
    assert error is not None
    assert error.code == "TOO_DEEP"


def test_failures_that_nobody_waits_for_are_not_reported_as_forgotten(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def slow(inputs: Any) -> None:
        await asyncio.sleep(10)

    branches = {
        "fails": [call("T.Bad", None)],
        "fails_at_its_end": [{"try": [call(name=None)], "finally": [call("T.Bad", None)]}],
    }
    world = World(
        definition(),
        definition("Bad"),
        sequence({"parallel": branches}),
        Work=slow,
        Bad=raising(ValueError("bad")),
    )
    assert world.apply().outcome == "failed"
    gc.collect()
    assert "never retrieved" not in caplog.text

"""Python.Function with functions of every shape."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import Any

import pytest

from definitions.python.function import Function
from kernel import Failure, UsageError

ID = "12345678-1234-5678-1234-567812345678"


HERE = Path(__file__).parent / "support"


def call(name: str, **inputs: Any) -> Any:
    function = Function({"function": f"sample_functions:{name}"}, HERE)
    result = function.invoke(inputs, "THE CALL")
    return asyncio.run(result) if inspect.iscoroutine(result) else result


def test_annotations_turn_json_into_values_and_back() -> None:
    result = call("typed", count=1, day="2026-01-31", colour="red", order={"id": ID})
    assert result == {"types": ["int", "date", "Colour", "Order"], "day": "2026-01-31"}
    assert call("typed", count=1, day="2026-01-31", colour="red")["types"][3] == "NoneType"


def test_models_dataclasses_and_bytes_become_json() -> None:
    assert call("model", order={"id": ID, "items": [1]}, copy=True) == {"id": ID, "items": [1]}
    assert call("point", x=1, y=2) == {"x": 1, "y": 2.0}
    assert call("choice", kind="a") == "YQ=="


def test_functions_without_annotations_take_anything() -> None:
    assert call("untyped", a=1) == 3
    assert call("anything", a=1, b=[None]) == {"a": 1, "b": [None]}


def test_the_call_is_given_by_name() -> None:
    assert call("with_call", value="x") == "x THE CALL"


@pytest.mark.parametrize(
    ("name", "inputs", "path"),
    [
        ("typed", {"count": "1", "day": "2026-01-31", "colour": "red"}, "count"),
        ("typed", {"count": True, "day": "2026-01-31", "colour": "red"}, "count"),
        ("typed", {"count": 1, "day": "yesterday", "colour": "red"}, "day"),
        ("typed", {"count": 1, "day": "2026-01-31"}, "colour"),
        ("point", {"x": 1, "y": 1.5, "z": 1}, "z"),
        ("model", {"order": {"id": ID, "items": [1, "2"]}}, "order.items.1"),
        ("choice", {"kind": "c"}, "kind"),
        ("with_call", {"value": "x", "call": "mine"}, "call"),
    ],
)
def test_inputs_that_break_the_annotations(name: str, inputs: dict[str, Any], path: str) -> None:
    with pytest.raises(Failure) as caught:
        call(name, **inputs)
    assert (caught.value.code, caught.value.outcome) == ("INVALID_ARGUMENTS", "failed")
    assert [problem["path"] for problem in caught.value.data] == [path]


@pytest.mark.parametrize("name", ["wrong_result", "not_json", "endless"])
def test_results_that_break_the_annotation(name: str) -> None:
    with pytest.raises(Failure) as caught:
        call(name)
    assert (caught.value.code, caught.value.outcome) == ("INVALID_RESULT", "unknown")


def test_its_own_errors_are_its_own() -> None:
    with pytest.raises(ValueError, match="its own"):
        call("raises")


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("sample_functions:positional", TypeError, "cannot be given by name"),
        ("sample_functions:constant", TypeError, "not a function"),
        ("sample_functions:none", UsageError, "no attribute `none`"),
        ("no_such_module:none", UsageError, "no module `no_such_module`"),
    ],
)
def test_what_cannot_be_called(name: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Function({"function": name}, HERE)

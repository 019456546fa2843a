"""What becomes of a controller that raises, returns odd things, or does not end."""

from __future__ import annotations

import asyncio
import math
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from kernel import Cancelled, ControllerError, Failure, InvocationError, NotFound
from kernel.events.allowance import Allowance
from tests.support.embedded import World, call, definition, sequence


def one_call(controller: Any, fields: Any = None, **step: Any) -> World:
    return World(definition(**(fields or {})), sequence(call(**step)), Work=controller)


def error_of(controller: Any, fields: Any = None, **step: Any) -> InvocationError:
    error = one_call(controller, fields, **step).apply().error
    assert error is not None
    return error


class Declined(Exception):
    """An exception of a controller's own, with the attributes that the kernel reads."""

    code = "CARD_DECLINED"
    data = {"reason": 7}  # noqa: RUF012 - as a person would write it
    outcome = "failed"


class Mute(Exception):
    def __str__(self) -> str:
        raise ValueError("cannot say")


def recurse(n: int) -> int:
    return recurse(n + 1)


def raising(error: BaseException) -> Callable[[Any], Any]:
    def work(inputs: Any) -> Any:
        raise error

    return work


RAISED = [
    (ValueError("wrong"), "ValueError", "failed", "wrong"),
    (ValueError(), "ValueError", "failed", "ValueError"),
    (Declined("no money"), "CARD_DECLINED", "failed", "no money"),
    (Failure("lost", code=504, outcome="unknown"), 504, "unknown", "lost"),
    (Failure("plain"), "Failure", "failed", "plain"),
    (TimeoutError("late"), "TimeoutError", "unknown", "late"),
    (SystemExit(3), "SystemExit", "failed", "T.Work/inline raised SystemExit"),
    (asyncio.CancelledError(), "CancelledError", "failed", "T.Work/inline raised CancelledError"),
    (KeyError("k"), "KeyError", "failed", "'k'"),
    (MemoryError(), "MemoryError", "failed", "MemoryError"),
    (Mute(), "Mute", "failed", "Mute"),
    (ExceptionGroup("many", [ValueError("a")]), "ExceptionGroup", "failed", "many (1 sub-except"),
    (StopIteration(1), "RuntimeError", "failed", "StopIteration: 1"),
]


@pytest.mark.parametrize(("error", "code", "outcome", "said"), RAISED, ids=lambda one: repr(one))
@pytest.mark.parametrize("asynchronous", [False, True])
def test_what_a_controller_raises_is_the_error(
    error: BaseException, code: Any, outcome: str, said: str, asynchronous: bool
) -> None:
    async def later(inputs: Any) -> Any:
        raise error

    found = error_of(later if asynchronous else raising(error))
    assert isinstance(found, ControllerError)
    if not isinstance(error, StopIteration):
        assert (found.code, found.outcome) == (code, outcome)
        assert found.message.startswith(said)
    assert (found.step, found.attempt) == ("Call", 1)


def test_code_data_and_outcome_are_read_from_any_exception() -> None:
    found = error_of(raising(Declined("no money")))
    assert found.to_cel() == {
        "message": "no money",
        "code": "CARD_DECLINED",
        "step": "Call",
        "kind": "ControllerError",
        "data": {"reason": 7},
        "attempt": 1,
        "outcome": "failed",
    }


def test_a_declared_code_says_its_outcome() -> None:
    errors = {"GONE": {"outcome": "unknown"}, 502: {"outcome": "unknown"}}
    assert error_of(raising(Failure("x", code="GONE")), {"errors": errors}).outcome == "unknown"
    assert error_of(raising(Failure("x", code="OTHER")), {"errors": errors}).outcome == "failed"


def test_odd_attributes_are_not_believed() -> None:
    class Odd(Exception):
        code = True
        outcome = "succeeded"
        retry_after = "soon"
        data = object()

    found = error_of(raising(Odd("odd")), retry={"attempts": 2})
    assert (found.code, found.outcome, found.attempt) == ("Odd", "failed", 2)


def test_recursion_without_an_end_is_an_error() -> None:
    assert error_of(lambda inputs: recurse(0)).code == "RecursionError"

    async def work(inputs: Any) -> Any:
        return recurse(0)

    assert error_of(work).code == "RecursionError"


def test_what_an_exception_says_is_bounded() -> None:
    assert len(error_of(raising(ValueError("x" * 10_000_000))).message) < 10_000


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def circle() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


NOT_JSON = [
    {1, 2},
    object(),
    {"a": object()},
    [1, {"b": {2}}],
    math.nan,
    math.inf,
    {"a": [-math.inf]},
    {1: "a", "1": "b"},
    1 + 2j,
    deep(10_000),
    circle(),
    "\ud800",
    lambda: 1,
]


@pytest.mark.parametrize("value", NOT_JSON, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("schema", [None, True, {"type": ["object", "array", "number", "string"]}])
def test_what_is_not_json_is_an_output_error(value: Any, schema: Any) -> None:
    began = time.monotonic()
    fields = {} if schema is None else {"outputs": schema}
    found = error_of(lambda inputs: value, fields)
    assert found.category == "OutputError"
    assert "T.Work/inline" in found.message
    assert len(found.message) < 5_000
    assert time.monotonic() - began < 5


def test_what_breaks_the_contract_says_where() -> None:
    schema = {
        "type": "object",
        "properties": {"rows": {"type": "array", "items": {"type": "integer"}}},
    }
    found = error_of(lambda inputs: {"rows": [1, "two", 3]}, {"outputs": schema})
    assert found.category == "OutputError"
    assert "rows[1]" in found.message.replace(".1", "[1]")
    assert any("two" in problem for problem in found.data["problems"])


def test_wrong_inputs_say_where_in_the_manifest() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 3}}}
    world = one_call(lambda inputs: None, {"inputs": schema}, inputs={"n": "${{ 1 + 1 }}"})
    error = world.apply().error
    assert error is not None
    assert (error.category, error.outcome) == ("ValidationError", "rejected")
    assert error.span is not None
    line = next(
        number for number, text in enumerate(source_of(world).splitlines(), 1) if "1 + 1" in text
    )
    assert error.span.line == line
    assert "T.Work/inline" in error.message


def source_of(world: World) -> str:
    return world.kernel.manifest.documents[0].source.text


def test_all_problems_of_the_inputs_are_told() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
        "required": ["c"],
    }
    error = error_of(lambda inputs: None, {"inputs": schema}, inputs={"a": "x", "b": 1})
    assert len(error.data["problems"]) == 3


def test_an_expression_that_fails_says_where() -> None:
    world = one_call(lambda inputs: None, inputs={"n": "${{ inputs.nothing + 1 }}"})
    error = world.apply().error
    assert error is not None
    assert (error.category, error.outcome, error.step) == ("ExpressionError", "failed", "Call")
    assert error.data == {"reason": "no-such-key"}
    assert error.span is not None
    text = source_of(world).splitlines()[error.span.line - 1]
    assert text[error.span.column - 1 : error.span.end_column - 1] == "inputs.nothing"


# What does not end


def test_an_asynchronous_controller_is_cut_off() -> None:
    ended = []

    async def slow(inputs: Any, call: Any) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    began = time.monotonic()
    error = error_of(slow, timeout=30)
    assert (error.category, error.outcome) == ("Timeout", "unknown")
    assert "30 ms" in error.message
    assert ended == [True]
    assert time.monotonic() - began < 5


def test_a_synchronous_controller_is_told_and_left_behind() -> None:
    told = threading.Event()

    def slow(inputs: Any, call: Any) -> None:
        if call.cancellation.wait_in_thread(20):
            told.set()

    assert error_of(slow, timeout=30).category == "Timeout"
    assert told.wait(5)


def test_one_that_swallows_its_cancellation_is_not_waited_for_for_ever() -> None:
    release = threading.Event()

    async def stubborn(inputs: Any) -> str:
        while not release.is_set():
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue
        return "late"

    async def work(kernel: Any) -> Any:
        result = await kernel.apply()
        release.set()
        await asyncio.sleep(0.1)
        return result

    began = time.monotonic()
    result = one_call(stubborn, timeout=20).during(work)
    assert result.error.category == "Timeout"
    assert time.monotonic() - began < 5


def test_a_call_within_its_time_is_not_disturbed() -> None:
    async def quick(inputs: Any) -> int:
        await asyncio.sleep(0.001)
        return 1

    assert one_call(quick, timeout=10_000).apply().result == {"Call": 1}


class Watching:
    """Waits until it is cancelled, and notes that it was."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.noted: list[bool] = []

    async def invoke(self, inputs: Any, call: Any) -> None:
        self.began.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.noted.append(call.cancellation.cancelled)
            raise


def cancelled(world: World, began: Callable[[], Any]) -> None:
    async def work(kernel: Any) -> None:
        task = asyncio.ensure_future(kernel.apply())
        await began()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    world.during(work)


def test_cancelling_reaches_the_controller_and_is_told() -> None:
    worker = Watching()
    world = one_call(worker)
    cancelled(world, worker.began.wait)
    assert len(worker.noted) == 1
    assert world.types == ["T.Work.inline.Cancelled", "Run.Sequence.Main.Cancelled"]


def test_cancelling_reaches_a_thread() -> None:
    began, told = threading.Event(), threading.Event()

    def work(inputs: Any, call: Any) -> None:
        began.set()
        if call.cancellation.wait_in_thread(20) and call.cancellation.cancelled:
            told.set()

    async def waiting() -> None:
        while not began.is_set():
            await asyncio.sleep(0.005)

    cancelled(one_call(work), waiting)
    assert told.wait(5)


def test_finally_runs_when_a_run_is_cancelled_and_catch_does_not() -> None:
    worker, seen = Watching(), []

    async def note(inputs: Any) -> None:
        await asyncio.sleep(0.005)
        seen.append(inputs)

    inputs = {"kind": "${{ error.kind }}", "outcome": "${{ error.outcome }}"}
    steps = {
        "try": [call()],
        "catch": [call("T.Note", "Caught")],
        "finally": [call("T.Note", "Ended", inputs=inputs)],
    }
    world = World(definition(), definition("Note"), sequence(steps), Work=worker, Note=note)
    cancelled(world, worker.began.wait)
    assert seen == [{"kind": "Cancelled", "outcome": "cancelled"}]


def test_a_delay_between_attempts_is_cancelled_at_once() -> None:
    made = asyncio.Event()

    async def work(inputs: Any) -> None:
        made.set()
        raise ValueError

    world = one_call(work, retry={"attempts": 2, "delay": 60_000})
    began = time.monotonic()
    cancelled(world, made.wait)
    assert time.monotonic() - began < 5


def test_a_loop_without_calls_can_be_cancelled() -> None:
    world = World(sequence({"while": "${{ true }}", "do": [{"value": 1}]}))

    async def soon() -> None:
        await asyncio.sleep(0.05)

    cancelled(world, soon)


# What calls


def test_a_controller_calls_by_name_and_gets_errors_of_the_kernel() -> None:
    seen: list[Any] = []

    async def work(inputs: Any, call: Any) -> Any:
        beside_the_pipeline = SimpleNamespace(invoke=lambda inputs: inputs)
        for target in ("T.Other/Nope", "nonsense", {"kind": "T.Other"}, 7, beside_the_pipeline):
            with pytest.raises(NotFound):
                await call.invoke(target)
        seen.append(call.run)
        return await call.invoke("T.Other/Good", {"n": 1})

    good = {"kind": "T.Other", "metadata": {"name": "Good"}}
    world = World(
        definition(), definition("Other"), good, sequence(call()), Work=work, Other=lambda i: i
    )
    assert world.apply().result == {"Call": {"n": 1}}
    assert world.types[0] == "T.Other.Good.Invoked"
    assert world.events[-1].to_dict()["run"] == seen[0]


def test_calls_within_calls_have_a_depth_limit_whatever_stands_between() -> None:
    again = {"invoke": {"kind": "Run.Sequence", "name": "Main"}}
    for _ in range(40):
        again = {"if": True, "then": [again]}
    error = World(sequence(again)).apply().error
    assert error is not None
    assert error.code in ("TOO_DEEP", "RecursionError")

    async def work(inputs: Any, call: Any) -> Any:
        return await call.invoke("T.Work/Self")

    own = {"kind": "T.Work", "metadata": {"name": "Self"}}
    world = World(definition(), own, sequence(call()), Work=work)
    error = world.apply().error
    assert error is not None
    assert error.code == "TOO_DEEP"


def test_synchronous_controllers_that_call_each_other_do_not_starve() -> None:
    """Each holds its thread while it waits for the next one."""

    def work(inputs: Any, call: Any) -> Any:
        n = inputs["n"]
        return n if n == 0 else call.invoke("T.Work/Self", {"n": n - 1}) + n

    own = {"kind": "T.Work", "metadata": {"name": "Self"}}
    steps = {
        "name": "All",
        "forEach": "${{ [0,1,2,3,4,5,6,7,8,9].map(i, i) }}",
        "parallelism": 10,
        "do": [call(inputs={"n": 20})],
    }
    result = World(definition(), own, sequence(steps), Work=work).apply()
    assert result.error is None
    assert result.result == {"All": [210] * 10}


def test_the_log_of_a_call_is_bounded(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All of it is said within one second, however slow the machine is.
    still = partial(Allowance, clock=lambda: 0.0)
    monkeypatch.setattr("kernel.invocation.calls.call.Allowance", still)

    def work(inputs: Any, call: Any) -> None:
        for _ in range(3000):
            call.log("x" * 100_000, level="warning")

    one_call(work).apply()
    assert len(caplog.records) == 249  # of 4,000 characters, and the line that says so
    assert max(len(record.getMessage()) for record in caplog.records) < 5_000


def test_cancelled_is_never_swallowed_by_a_boundary() -> None:
    """``catch`` is for errors; an interruption is none."""
    assert issubclass(Cancelled, InvocationError)
    worker = Watching()
    world = World(definition(), sequence({"try": [call()], "catch": []}), Work=worker)
    cancelled(world, worker.began.wait)
    assert world.types[-1] == "Run.Sequence.Main.Cancelled"


def test_the_stack_is_not_spent_by_a_long_sequence() -> None:
    limit = sys.getrecursionlimit()
    world = World(sequence(*({"name": f"S{n}", "value": n} for n in range(2 * limit))))
    assert len(world.apply().result) == 2 * limit


PLACES = [
    ({"name": "S", "throw": {"code": "E"}}, '{ "name": "S"', "Thrown"),
    ({"name": "S", "throw": {"code": 1.5}}, '{ "name": "S"', "ExpressionError"),
    ({"name": "S", "forEach": "${{ 7 }}", "do": []}, '"${{ 7 }}"', "ExpressionError"),
    ({"name": "S", "if": "${{ 7 }}", "then": []}, '"${{ 7 }}"', "ExpressionError"),
    ({"name": "S", "switch": "${{ 7 }}", "cases": {}}, '{ "name": "S"', "ExpressionError"),
    ({"name": "S", "value": "${{ [1][7] }}"}, "[1][7]", "ExpressionError"),
    (call(name="S"), '{ "name": "S"', "ControllerError"),
    (call(name="S", inputs="${{ 7 }}"), '{ "name": "S"', "ValidationError"),
]


@pytest.mark.parametrize(("step", "at", "kind"), PLACES)
@pytest.mark.parametrize("nested", [False, True])
def test_every_failure_has_its_place(step: Any, at: str, kind: str, nested: bool) -> None:
    """That of the innermost step that failed, whoever called its topology."""
    outer = {"name": "Outer", "try": [step], "finally": []}
    documents = [definition(), sequence(outer)]
    if nested:
        inner = {"name": "Calls", "invoke": {"kind": "Run.Sequence", "name": "Inner"}}
        documents = [definition(), sequence(inner), sequence(outer, name="Inner")]
    world = World(*documents, Work=raising(ValueError("no")))
    error = world.apply().error
    assert error is not None
    assert (error.category, error.step) == (kind, "S")
    assert error.span is not None
    lines = source_of(world).splitlines()[error.span.line - 1 :]
    text = " ".join([lines[0][error.span.column - 1 :], *map(str.strip, lines[1:])])
    assert text.startswith(at)

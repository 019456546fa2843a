"""Which attempts are repeated, and when (seed 003, section 3; pipeline.md, Outcomes)."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kernel import Failure
from kernel.invocation.recovery.retry import delay_after
from kernel.topology.callsite import Retry
from tests.support.embedded import World, call, definition, sequence

MILLISECONDS = st.floats(0, 1e10)
RETRIES = st.builds(
    Retry,
    attempts=st.integers(1, 1_000_000),
    delay=MILLISECONDS,
    backoff=st.sampled_from(["linear", "exponential"]),
    max_delay=st.none() | MILLISECONDS,
    jitter=st.sampled_from(["none", "full"]),
)
ATTEMPTS = st.integers(1, 1_000_000)


class Failing:
    """Fails with ``error`` in all attempts before ``works``, and notes what it saw."""

    def __init__(self, error: Any, works: int = 100) -> None:
        self.error = error
        self.works = works
        self.seen: list[tuple[int, str, str]] = []

    async def invoke(self, inputs: Any, call: Any) -> Any:
        self.seen.append((call.attempt, call.id, call.idempotency_key))
        if call.attempt < self.works:
            raise self.error
        return call.attempt


def failing(*arguments: Any, works: int = 100, **named: Any) -> Failing:
    return Failing(Failure(*arguments, **named), works)


def attempts_of(worker: Failing, definition_fields: Any = None, **retry: Any) -> int:
    """How many attempts a call with this retry makes."""
    world = World(definition(**(definition_fields or {})), sequence(call(retry=retry)), Work=worker)
    world.apply()
    return len(worker.seen)


@given(RETRIES, ATTEMPTS, st.none() | MILLISECONDS)
def test_a_delay_is_never_negative_and_never_above_max_delay(
    retry: Retry, attempt: int, retry_after: float | None
) -> None:
    delay = delay_after(retry, attempt, retry_after)
    assert delay >= 0
    assert retry.max_delay is None or delay <= retry.max_delay


@given(RETRIES, ATTEMPTS, MILLISECONDS)
def test_a_delay_is_never_shorter_than_what_the_callee_asked_for(
    retry: Retry, attempt: int, retry_after: float
) -> None:
    assume(retry.max_delay is None or retry.max_delay >= retry_after)
    assert delay_after(retry, attempt, retry_after) >= retry_after


@given(st.floats(0, 1e6), st.integers(1, 1000))
def test_linear_is_delay_times_attempt(delay: float, attempt: int) -> None:
    assert delay_after(Retry(9, delay), attempt) == delay * attempt


@given(st.floats(0, 1e6), st.integers(1, 14))
def test_exponential_doubles(delay: float, attempt: int) -> None:
    retry = Retry(9, delay, "exponential")
    assert delay_after(retry, attempt) == delay * 2 ** (attempt - 1)


@given(st.floats(0, 1e6), st.integers(1, 14), st.sampled_from(["linear", "exponential"]))
def test_full_jitter_stays_below_the_delay_without_it(
    delay: float, attempt: int, backoff: Any
) -> None:
    without = delay_after(Retry(9, delay, backoff), attempt)
    assert 0 <= delay_after(Retry(9, delay, backoff, jitter="full"), attempt) <= without


def test_full_jitter_spreads() -> None:
    retry = Retry(9, 1000, jitter="full")
    drawn = [delay_after(retry, 1) for _ in range(200)]
    assert min(drawn) < 250
    assert max(drawn) > 750


def test_every_attempt_has_its_number_and_the_same_id_and_key() -> None:
    worker = failing("no", works=3)
    assert attempts_of(worker, attempts=5) == 3
    assert [seen[0] for seen in worker.seen] == [1, 2, 3]
    assert len({seen[1:] for seen in worker.seen}) == 1


def test_retries_are_told_with_error_and_delay() -> None:
    world = World(
        definition(),
        sequence(call(retry={"attempts": 3, "delay": 2, "backoff": "exponential"})),
        Work=failing("busy", code="BUSY", works=3),
    )
    assert world.apply().result == {"Call": 3}
    assert world.types == [
        "T.Work.inline.Retried",
        "T.Work.inline.Retried",
        "T.Work.inline.Invoked",
        "Run.Sequence.Main.Invoked",
    ]
    said = [event.data for event in world.events if event.type.endswith("Retried")]
    assert [(one["attempt"], one["delay"], one["error"]["code"]) for one in said] == [
        (1, 2.0, "BUSY"),
        (2, 4.0, "BUSY"),
    ]


@pytest.mark.parametrize(("code", "made"), [("BUSY", 4), ("OTHER", 1)])
def test_when_decides(code: str, made: int) -> None:
    worker = failing("no", code=code)
    assert attempts_of(worker, attempts=4, when="${{ error.code == 'BUSY' }}") == made


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ("${{ error.code >= 500 }}", "no such overload"),
        ("${{ error.nothing }}", "no such key"),
        ("${{ 'yes' }}", "a string, not a bool"),
    ],
)
def test_an_error_inside_when_is_a_false_that_is_reported(
    when: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    worker = failing("no", code="TEXT")
    with caplog.at_level(logging.WARNING, "kernel"):
        assert attempts_of(worker, attempts=4, when=when) == 1
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert why in caplog.text


def test_when_sees_the_scope_of_the_call_site() -> None:
    worker = failing("no")
    steps = (
        {"name": "Most", "value": 3},
        call(retry={"attempts": 9, "when": "${{ error.attempt < steps.Most.result }}"}),
    )
    World(definition(), sequence(*steps), Work=worker).apply()
    assert len(worker.seen) == 3


def test_retry_after_is_honoured() -> None:
    worker = failing("busy", retry_after=60, works=2)
    began = time.monotonic()
    assert attempts_of(worker, attempts=2, delay=1) == 2
    assert time.monotonic() - began >= 0.06


def test_max_delay_bounds_retry_after() -> None:
    worker = failing("busy", retry_after=60_000, works=2)
    began = time.monotonic()
    assert attempts_of(worker, attempts=2, maxDelay=5) == 2
    assert time.monotonic() - began < 5


def test_no_attempt_begins_after_the_deadline() -> None:
    worker = failing("no")
    began = time.monotonic()
    made = attempts_of(worker, attempts=1000, delay=100, deadline=500)
    assert 2 <= made <= 3  # after 0, 100 and 300 ms; the next one would be after 600
    assert time.monotonic() - began < 5


def test_the_deadline_ends_an_attempt_that_goes_on() -> None:
    import asyncio

    async def slow(inputs: Any) -> None:
        await asyncio.sleep(60)

    world = World(definition(), sequence(call(retry={"attempts": 3, "deadline": 30})), Work=slow)
    result = world.apply()
    assert result.error is not None
    assert (result.error.category, result.outcome) == ("Timeout", "unknown")


DECLARED = {
    "AGAIN": {"retryable": True},
    "NEVER": {"retryable": False},
    "LOST": {"retryable": True, "outcome": "unknown"},
}

CLASSES = [
    # class, code, outcome that the controller gives, attempts made of 3
    (None, "AGAIN", None, 3),
    (None, "UNDECLARED", None, 3),
    (None, "LOST", None, 3),
    (None, "NEVER", None, 1),
    (None, "NEVER", "unknown", 1),
    ("idempotent", "AGAIN", None, 3),
    ("idempotent", "NEVER", None, 1),
    ("write-once-checkable", "NEVER", None, 1),
    ("idempotent", "UNDECLARED", None, 3),
    ("idempotent", "LOST", None, 3),
    ("idempotent", "UNDECLARED", "unknown", 3),
    ("write-once-checkable", "UNDECLARED", None, 3),
    ("write-once-checkable", "LOST", None, 1),
    ("write-once-checkable", "AGAIN", "unknown", 1),
    ("irreversible", "AGAIN", None, 3),
    ("irreversible", "NEVER", None, 1),
    ("irreversible", "UNDECLARED", None, 1),
    ("irreversible", "LOST", None, 1),
    ("irreversible", "AGAIN", "unknown", 1),
    ("irreversible", "LOST", "failed", 3),
    ("approval-bound", "AGAIN", None, 0),
    ("approval-bound", "LOST", None, 0),
]


@pytest.mark.parametrize(("safety", "code", "outcome", "made"), CLASSES)
@pytest.mark.parametrize("when", [None, "${{ true }}"])
def test_the_safety_class_has_the_last_word(
    safety: Any, code: str, outcome: Any, made: int, when: Any
) -> None:
    fields: dict[str, Any] = {"errors": DECLARED}
    if safety is not None:
        fields["safety"] = safety
    if safety == "write-once-checkable":
        fields["check"] = {"invoke": {"kind": "Time.Sleep"}, "landed": "${{ false }}"}
    retry: dict[str, Any] = {"attempts": 3}
    if when is not None:
        retry["when"] = when
    worker = failing("no", code=code, outcome=outcome)
    assert attempts_of(worker, fields, **retry) == made


ACCIDENTS = [
    # class, error, how the call ends, attempts made of 3
    (None, OSError("reset"), "failed", 3),
    ("idempotent", OSError("reset"), "failed", 3),
    ("write-once-checkable", OSError("reset"), "unknown", 1),
    ("irreversible", KeyError("id"), "unknown", 1),
    ("irreversible", Failure("no"), "failed", 1),
    ("irreversible", BlockingIOError("declared"), "failed", 3),
]


@pytest.mark.parametrize(("safety", "error", "outcome", "made"), ACCIDENTS)
def test_an_accident_of_a_controller_may_have_come_after_the_effect(
    safety: Any, error: Exception, outcome: str, made: int
) -> None:
    fields: dict[str, Any] = {"errors": {"BlockingIOError": {"retryable": True}}}
    if safety is not None:
        fields["safety"] = safety
    if safety == "write-once-checkable":
        fields["check"] = {"invoke": {"kind": "Time.Sleep"}, "landed": "${{ false }}"}
    worker = Failing(error)
    world = World(definition(**fields), sequence(call(retry={"attempts": 3})), Work=worker)
    assert (world.apply().outcome, len(worker.seen)) == (outcome, made)


def test_a_timeout_of_an_irreversible_call_is_never_repeated() -> None:
    import asyncio

    made = []

    async def slow(inputs: Any) -> None:
        made.append(1)
        await asyncio.sleep(60)

    world = World(
        definition(safety="irreversible"),
        sequence(call(timeout=10, retry={"attempts": 3})),
        Work=slow,
    )
    assert world.apply().outcome == "unknown"
    assert len(made) == 1


def test_a_class_may_be_computed_from_the_fields() -> None:
    fields = {
        "safety": "${{ self.risky ? 'irreversible' : 'idempotent' }}",
        "schema": {"type": "object", "properties": {"risky": {"type": "boolean"}}},
    }
    for risky, made in ((True, 1), (False, 3)):
        worker = failing("no")
        step = {"invoke": {"kind": "T.Work", "risky": risky}, "retry": {"attempts": 3}}
        World(definition(**fields), sequence(step), Work=worker).apply()
        assert len(worker.seen) == made


def test_neither_rejections_nor_wrong_outputs_are_repeated() -> None:
    made = []

    async def work(inputs: Any) -> Any:
        made.append(inputs)
        return "text"

    contract = {
        "inputs": {"type": "object", "properties": {"n": {"type": "integer"}}},
        "outputs": {"type": "integer"},
    }
    for inputs, kind, count in (({"n": "x"}, "ValidationError", 0), ({"n": 1}, "OutputError", 1)):
        made.clear()
        step = call(inputs=inputs, retry={"attempts": 5, "when": "${{ true }}"})
        error = World(definition(**contract), sequence(step), Work=work).apply().error
        assert error is not None
        assert (error.category, len(made)) == (kind, count)


def test_a_nested_topology_is_retried_as_a_whole() -> None:
    worker = Failing(Failure("no"), works=100)
    inner = sequence(call(), name="Inner")
    outer = sequence(
        {"invoke": {"kind": "Run.Sequence", "name": "Inner"}, "retry": {"attempts": 3}}
    )
    World(definition(), inner, outer, Work=worker).apply()
    assert [seen[0] for seen in worker.seen] == [1, 1, 1]


@pytest.mark.parametrize(("code", "made"), [("NEVER", 1), ("AGAIN", 3), ("ELSE", 3)])
def test_an_error_that_is_declared_final_is_not_retried_by_any_call_around_it(
    code: str, made: int
) -> None:
    worker = failing("no", code=code)
    inner = sequence(call(), name="Inner")
    outer = sequence(
        {"invoke": {"kind": "Run.Sequence", "name": "Inner"}, "retry": {"attempts": 3}}
    )
    World(definition(errors=DECLARED), inner, outer, Work=worker).apply()
    assert len(worker.seen) == made


BY_CALL = {
    "safety": "${{ inputs.write || self.risky ? 'irreversible' : 'idempotent' }}",
    "schema": {"type": "object", "properties": {"risky": {"type": "boolean", "default": False}}},
    "inputs": {
        "type": "object",
        "properties": {"write": {"type": "boolean", "default": False}},
    },
}


@pytest.mark.parametrize(
    ("fields", "inputs", "made"),
    [
        ({}, {}, 3),
        ({}, {"write": False}, 3),
        ({}, {"write": True}, 1),
        ({"risky": True}, {}, 1),
    ],
)
def test_a_class_may_be_computed_for_each_call(fields: Any, inputs: Any, made: int) -> None:
    worker = failing("no")
    step = {"invoke": {"kind": "T.Work", **fields}, "inputs": inputs, "retry": {"attempts": 3}}
    World(definition(**BY_CALL), sequence(step), Work=worker).apply()
    assert len(worker.seen) == made


def test_what_is_computed_is_a_class() -> None:
    broken = {**BY_CALL, "safety": "${{ inputs.write ? 'other' : 'idempotent' }}"}
    for write, outcome in ((False, "succeeded"), (True, "failed")):
        step = call(inputs={"write": write}, retry={"attempts": 3})
        worker = failing("no", works=1)
        result = World(definition(**broken), sequence(step), Work=worker).apply()
        assert result.outcome == outcome, result.error

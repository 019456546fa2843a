"""Every time and count of a call site at its extremes: refused at its place, or obeyed."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import Failure, ManifestError
from kernel.invocation.recovery.retry import delay_after
from kernel.topology.callsite import MAX_ATTEMPTS, Retry
from kernel.topology.reader import MAX_MILLISECONDS as YEAR
from tests.support.embedded import World, call, definition, sequence

HUGE = 10**400
TIMES = ["delay", "maxDelay", "deadline", "timeout"]
NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from(
        [0, 1, -1, 1e-320, YEAR, YEAR + 1, 2**53, 2**63, HUGE, -HUGE, MAX_ATTEMPTS + 1]
    ),
)


def site(field: str, value: Any) -> Any:
    """A call site with ``value`` in one of its fields."""
    if field == "timeout":
        return call(timeout=value)
    return call(retry={"attempts": 1, field: value})


@given(st.sampled_from([*TIMES, "attempts"]), NUMBERS)
def test_any_number_is_taken_or_refused_at_its_place(field: str, value: float) -> None:
    is_count = field == "attempts"
    fits = 0 <= value <= YEAR
    if is_count:
        fits = isinstance(value, int) and 1 <= value <= MAX_ATTEMPTS

    def load() -> None:
        World(definition(), sequence(site(field, value)), Work=lambda _: None)

    if fits:
        load()
        return
    with pytest.raises(ManifestError) as caught:
        load()
    assert {fault.code for fault in caught.value.faults} <= {"K002", "K007", "K010"}
    assert all(fault.span is not None for fault in caught.value.faults)


@pytest.mark.parametrize("field", [*TIMES, "attempts"])
@pytest.mark.parametrize("value", [True, "5", "1 s", [], {}, "${{ 5 }}"])
def test_what_is_no_number_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ManifestError, match=f"`{field}` is an? "):
        World(definition(), sequence(site(field, value)), Work=lambda _: None)


EXTREMES = st.sampled_from([0.0, 5e-324, 1.0, YEAR]) | st.floats(0, YEAR)


@given(
    st.builds(
        Retry,
        attempts=st.just(MAX_ATTEMPTS),
        delay=EXTREMES,
        backoff=st.sampled_from(["linear", "exponential"]),
        max_delay=st.none() | EXTREMES,
        jitter=st.sampled_from(["none", "full"]),
    ),
    st.sampled_from([1, 2, 1024, 1025, MAX_ATTEMPTS]) | st.integers(1, MAX_ATTEMPTS),
    st.none() | EXTREMES,
)
def test_every_delay_is_one_that_a_clock_can_wait_for(
    retry: Retry, attempt: int, retry_after: float | None
) -> None:
    delay = delay_after(retry, attempt, retry_after)
    assert 0 <= delay <= (YEAR if retry.max_delay is None else retry.max_delay)


RUNS: list[tuple[dict[str, Any], int]] = [
    # fields of the call site, attempts that are made in little time
    ({"retry": {"attempts": 1, "delay": YEAR}}, 1),
    ({"retry": {"attempts": 3, "delay": YEAR, "maxDelay": 0}}, 3),
    ({"retry": {"attempts": 3, "delay": 0, "backoff": "exponential", "jitter": "full"}}, 3),
    ({"retry": {"attempts": 3, "delay": 1e-320, "backoff": "exponential"}}, 3),
    ({"retry": {"attempts": 9, "delay": YEAR, "deadline": 5_000}}, 1),
    ({"retry": {"attempts": 9, "deadline": 0}}, 0),
    ({"retry": {"attempts": 3, "deadline": YEAR, "maxDelay": YEAR}, "timeout": YEAR}, 3),
    ({"retry": {"attempts": 3}, "timeout": 0}, 0),
    ({"timeout": 0}, 0),
]


@pytest.mark.parametrize(("fields", "made"), RUNS, ids=[json.dumps(one[0]) for one in RUNS])
def test_extremes_are_obeyed(fields: dict[str, Any], made: int) -> None:
    seen: list[Any] = []

    def worker(inputs: Any) -> None:
        seen.append(inputs)
        raise Failure("no", code="NO")

    began = time.monotonic()
    result = World(definition(), sequence(call(**fields)), Work=worker).apply()
    assert len(seen) == made
    assert time.monotonic() - began < 5
    # What was never called has had no effect.
    assert result.outcome == "failed"


WAITS = [
    # what a controller asks for, the pause in milliseconds under `maxDelay`
    (math.inf, 7.0),
    (1e308, 7.0),
    (HUGE, 7.0),
    (10**5000, 7.0),
    (5, 5.0),
    (0, 2.0),
    (-1, 2.0),
    (-HUGE, 2.0),
    (-math.inf, 2.0),
    (math.nan, 2.0),
    (True, 2.0),
    ("9", 2.0),
    (None, 2.0),
]


@pytest.mark.parametrize(("wait", "pause"), WAITS, ids=range(len(WAITS)))
def test_any_wait_that_a_controller_asks_for(wait: Any, pause: float) -> None:
    def worker(inputs: Any) -> None:
        raise Failure("busy", code="BUSY", retry_after=wait)

    retry = {"attempts": 2, "delay": 2, "maxDelay": 7}
    world = World(definition(), sequence(call(retry=retry)), Work=worker)
    result = world.apply()
    told = [event.data["delay"] for event in world.events if event.type.endswith("Retried")]
    assert told == [pause]
    assert result.error is not None
    assert result.error.retry_after is None or 0 <= result.error.retry_after <= YEAR

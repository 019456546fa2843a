"""How much may be written: a burst, then so much a second, for as long as a call or a run lives."""

from __future__ import annotations

import io
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import Kernel, loads
from kernel.cli.progress import Printed
from kernel.events.allowance import Allowance
from tests.support.recorded import in_a_loop

WANTED = st.lists(st.tuples(st.floats(0, 5), st.integers(1, 500)), max_size=60)


@given(WANTED, st.integers(1, 1000), st.floats(0.1, 1000))
def test_never_more_than_the_burst_and_what_has_grown(
    wanted: list[tuple[float, int]], burst: int, per_second: float
) -> None:
    now = 0.0
    allowance = Allowance(burst, per_second, lambda: now)
    granted = 0
    for pause, amount in wanted:
        now += pause
        one = allowance.grant(amount)
        assert 0 <= one <= amount
        assert allowance.is_used_up == (one < amount)
        granted += one
    assert granted <= burst + per_second * now + 1e-6


@given(st.lists(st.integers(1, 50), max_size=100))
def test_who_stays_below_is_granted_all_for_ever(wanted: list[int]) -> None:
    now = 0.0
    allowance = Allowance(100, 100, lambda: now)
    for amount in wanted:
        now += amount / 100
        assert allowance.grant(amount) == amount


MANIFEST = """\
kind: Kernel.Definition
metadata: { name: Talk, module: T }
capability: Invocable
---
kind: Run.Sequence
metadata: { name: Main }
steps: [{ name: Talk, invoke: { kind: T.Talk } }]
"""


@in_a_loop
async def test_a_call_that_lives_long_may_say_more_than_a_burst(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def talk(inputs: Any, call: Any) -> None:
        for burst in range(2):
            time.sleep(burst * 0.8)
            for number in range(900):
                call.log(f"line {burst} {number}{' ' * 100}")
        for number in range(500):
            call.log(f"flood {number}{' ' * 10_000}")

    caplog.set_level("INFO", "kernel")
    async with Kernel(loads(MANIFEST), controllers={"T.Talk": talk}) as kernel:
        await kernel.apply()
    said = [record.getMessage() for record in caplog.records]
    assert sum(line.startswith("line ") for line in said) == 1_800
    assert sum(line.startswith("flood ") for line in said) < 500
    assert "too much is logged; the rest is dropped" in said


def test_what_is_printed_goes_on_after_a_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    printed = Printed()
    for _ in range(30):
        print("x" * 99_999, file=printed)
    flooded = len(stream.getvalue())
    assert flooded < 1_500_000
    assert stream.getvalue().count("the rest is dropped") == 1
    now = time.monotonic()
    monkeypatch.setattr(printed._allowance, "_clock", lambda: now + 60)
    print("and then", file=printed)
    assert stream.getvalue().endswith("and then\n")

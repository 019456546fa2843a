"""The grammar of run paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.run_paths import (
    enclosing,
    is_in_check_of,
    is_within,
    joined,
    numbered,
    of_attempt,
    of_check,
    ranges_within,
    without_attempts,
)

PATHS = st.text("aB-!/.[]~3\x7fé", max_size=8)


def test_a_path_is_written_in_one_way() -> None:
    loop = joined("Main", "steps.Each")
    assert joined(numbered(loop, 3), "Charge") == "Main.steps.Each[3].Charge"
    assert (joined("", "A"), joined("A", ""), joined("", "")) == ("A", "A", "")
    assert (of_attempt("A", 1), of_attempt("A", 2)) == ("A", "A~2")
    assert of_check("A", 1, 2, 0) == "A.check[1.2.0]"


def test_attempts_are_taken_out_wherever_they_stand() -> None:
    assert without_attempts("A~2.B[1]~13.C") == "A.B[1].C"


@pytest.mark.parametrize("path", ["A.B", "A[1].B", "A~2", "A~2.B"])
def test_what_is_called_is_within_what_calls(path: str) -> None:
    assert is_within(path, "A")


@pytest.mark.parametrize("path", ["A", "AB", "AB.C", "A-.B", "B.A"])
def test_what_only_begins_alike_is_not_within(path: str) -> None:
    assert not is_within(path, "A")


def test_a_check_is_told_from_other_calls() -> None:
    assert is_in_check_of("A.check[1.1.0].B", "A")
    assert not is_in_check_of("A.check.B", "A")


@given(PATHS, PATHS)
def test_a_path_is_within_what_encloses_it(path: str, outer: str) -> None:
    within = is_within(path, outer)
    assert within == (outer in set(enclosing(path)))
    bounds = [(low.encode(), high.encode()) for low, high in ranges_within(outer)]
    found = any(low <= path.encode() < high for low, high in bounds)
    assert found == within

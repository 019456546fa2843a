"""What the commands over a journal show of paths and durations."""

from __future__ import annotations

import pytest

from kernel.cli.paths import outer, parts
from kernel.cli.tables import lasting


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", []),
        ("steps.Fetch", ["Fetch"]),
        ("steps.Each[3].Charge", ["Each", 3, "Charge"]),
        ("steps.Each[3].steps.Charge", ["Each", 3, "Charge"]),
        ("steps.Each[3][12].steps.steps", ["Each", 3, 12, "steps"]),
        ("steps.Each[0].steps[0].do[1]", ["Each", 0, "steps[0].do[1]"]),
        ("steps[0].do[3].steps.Nap", ["steps[0].do[3]", "Nap"]),
        ("steps[1][0].steps.B", ["steps[1]", 0, "B"]),
        ("steps[2].parallel.Y[0]", ["steps[2].parallel.Y[0]"]),
        ("steps[2].parallel.Y[0][7].steps.Z", ["steps[2].parallel.Y[0]", 7, "Z"]),
        ("steps.Import.call[2]", ["Import", "call", 2]),
        ("..[", ["..["]),
    ],
)
def test_a_path_is_taken_apart(path: str, expected: list[str | int]) -> None:
    assert list(parts(path)) == expected


def test_what_may_be_around_a_path() -> None:
    assert list(outer("steps.Each[3].Charge")) == ["steps.Each[3]", "steps.Each", "steps", ""]
    assert list(outer("")) == []


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (None, ""),
        (-5, "0.0ms"),
        (340_000, "0.3ms"),
        (12_400_000, "12ms"),
        (59_990_000_000, "59.99s"),
        (185_000_000_000, "3m05s"),
        (7_620_000_000_000, "2h07m"),
        (360_000_000_000_000, "4d04h"),
    ],
)
def test_durations_are_short(nanoseconds: int | None, expected: str) -> None:
    assert lasting(nanoseconds) == expected

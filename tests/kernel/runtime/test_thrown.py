"""The errors of topologies and controllers are kept, so that the run ends, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel import Failure
from kernel.journal import Journal
from tests.support.recorded import World, in_a_loop, looked, run, sequence

ENDS = {
    "a timestamp": ('data: "${{ timestamp(inputs.day) }}"', "2026-07-01T00:00:00Z"),
    "a duration": ("data: { late: \"${{ duration('90s') }}\" }", {"late": "90s"}),
    "bytes": ("data: \"${{ b'day' }}\"", "ZGF5"),
    "keys that are no text": ("data: \"${{ {1: 'a', true: 'b'} }}\"", {"1": "a", "true": "b"}),
    "a uint": ('data: "${{ [uint(7)] }}"', [7]),
}
REFUSED = {
    "no number": 'data: "${{ 0.0 / 0.0 }}"',
    "keys that meet": "data: \"${{ {1: 'a', '1': 'b'} }}\"",
    "a type": 'data: "${{ [type(1)] }}"',
}
DAY = "inputs: { type: object, properties: { day: { type: string } } }\n"


@pytest.fixture(params=["memory", "file"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return None if request.param == "memory" else tmp_path / "journal.db"


async def thrown(path: Any, data: str) -> Any:
    text = sequence(f"  - throw: {{ code: LATE, message: too late, {data} }}\n", DAY)
    for _ in range(2):
        ended = await run(World(), text, path, inputs={"day": "2026-07-01T00:00:00Z"})
        assert ended.outcome == "failed"
        assert ended.error is not None
    return ended.error


@pytest.mark.parametrize("what", ENDS)
@in_a_loop
async def test_what_is_thrown_is_json(path: Any, what: str) -> None:
    written, data = ENDS[what]
    error = await thrown(path, written)
    assert (error.code, error.message, error.data) == ("LATE", "too late", data)


@pytest.mark.parametrize("what", REFUSED)
@in_a_loop
async def test_what_has_no_json_form_is_not_thrown(path: Any, what: str) -> None:
    error = await thrown(path, REFUSED[what])
    assert error.category == "ExpressionError"
    assert "what is thrown is JSON, but data" in error.message


@pytest.mark.parametrize("kind", ["Charge", "Look"])
@pytest.mark.parametrize("sign", [1, -1])
@in_a_loop
async def test_a_controller_gives_a_code_that_can_be_written(
    path: Any, kind: str, sign: int
) -> None:
    world = World()
    world.broken = {kind: [Failure("no", code=sign * 10**5000)]}
    ended = await run(world, sequence(f"  - invoke: {{ kind: Pay.{kind} }}\n"), path)
    assert ended.error is not None
    assert (ended.outcome, ended.error.message, ended.error.code) == ("failed", "no", "Failure")


@in_a_loop
async def test_an_error_that_cannot_be_kept_ends_the_run(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    world = World()
    world.broken = {"Charge": [Failure("no", code="LARGE", data="\u00e9" * 12_000_000)]}
    ended = await run(world, sequence("  - invoke: { kind: Pay.Charge }\n"), path)
    assert (ended.outcome, ended.error and ended.error.code) == ("failed", "LARGE")

    async def kept(journal: Journal) -> None:
        found = await journal.run("r")
        assert found is not None
        assert (found.state, found.error["code"]) == ("failed", "LARGE")
        assert found.error["kind"] == "ControllerError"
        assert found.error["message"] == "no"
        assert await journal.verify("r") is None

    await looked(path, kept)

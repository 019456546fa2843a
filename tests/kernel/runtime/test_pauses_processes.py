"""Pauses outlive the process: it is killed during a pause, and another resumes the run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kernel.journal import Invocation, Journal
from tests.support.journals import place, play
from tests.support.warm import PIPE, Forked, environment

PROCESS = Path(__file__).parent / "support" / "pauses_process.py"

NOTE = """\
kind: Kernel.Definition
metadata: { name: Note, module: T }
capability: Invocable
safety: irreversible
inputs: { type: object, properties: { of: { type: string } }, required: [of] }
outputs: { type: string }
"""


def sequence(steps: str) -> str:
    return f"{NOTE}---\nkind: Run.Sequence\nmetadata: {{ name: Main }}\nsteps:\n{steps}"


def note(of: str) -> str:
    return f"{{ name: {of}, invoke: {{ kind: T.Note }}, inputs: {{ of: {of} }} }}"


@dataclass
class Place:
    """A journal, a manifest, and what its calls noted."""

    journal: str
    folder: Path

    def write(self, steps: str) -> None:
        (self.folder / "main.yaml").write_text(sequence(steps))

    def start(self, *more: str) -> Forked:
        manifest, notes = self.folder / "main.yaml", self.folder / "notes"
        argv = [str(PROCESS), str(manifest), self.journal, "r", str(notes), *more]
        return Forked(argv, self.folder, environment(), stdout=PIPE)

    def go_on(self, *more: str) -> dict[str, Any]:
        """How the run ended, as a process of its own told."""
        output, _ = self.start(*more).communicate(timeout=60)
        told: dict[str, Any] = json.loads(output)
        return told

    def killed_in(self, path: str, seconds: float = 0.0) -> int:
        """Kill a process so long after it began a pause; when that was, in nanoseconds."""
        process = self.start()
        deadline = time.monotonic() + 30
        while (row := self.rows().get(path)) is None:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(seconds)
        process.kill()
        process.communicate(timeout=10)
        assert process.returncode == -9
        assert row.outcome is None
        return row.claimed_at

    def rows(self) -> dict[str, Invocation]:
        async def look(journal: Journal) -> dict[str, Invocation]:
            return {one.path: one async for one in journal.invocations("r")}

        return play(self.journal, look)

    def verified(self) -> bool:
        async def verify(journal: Journal) -> bool:
            return await journal.verify("r") is None

        return play(self.journal, verify)

    @property
    def notes(self) -> list[str]:
        return (self.folder / "notes").read_text().split()


@pytest.fixture(params=["sqlite", "postgresql"])
def there(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with place(request.param, tmp_path) as address:
        play(address, _nothing)
        yield Place(address, tmp_path)


async def _nothing(_: Journal) -> None:
    """So that the tables are there."""


def since(moment: int) -> float:
    return (time.time_ns() - moment) / 1e9


def test_a_sleep_ends_when_it_would_have_ended(there: Place) -> None:
    there.write(f"  - {note('Before')}\n  - {{ name: Wait, sleep: 2000 }}\n  - {note('After')}")
    began = there.killed_in("steps.Wait", 0.5)
    told = there.go_on()
    assert told["outcome"] == "succeeded"
    assert told["result"] == {"Before": "Before", "Wait": None, "After": "After"}
    assert 2 <= since(began) < 5.5
    assert told["took"] < 1.6
    assert there.notes == ["Before", "After"]
    row = there.rows()["steps.Wait"]
    assert (row.target, row.outcome, row.safety) == ("pause", "succeeded", "idempotent")
    assert row.duration is not None
    assert 1.9e9 <= row.duration < 5.5e9  # it is claimed a moment after its end was reckoned
    assert there.verified()
    assert there.go_on()["took"] < 1
    assert there.notes == ["Before", "After"]


def test_a_sleep_whose_time_has_passed_meanwhile_is_over(there: Place) -> None:
    there.write(f"  - {{ name: Wait, sleep: 1500 }}\n  - {note('After')}")
    there.killed_in("steps.Wait")
    time.sleep(1.5)
    assert there.go_on()["took"] < 1
    assert there.notes == ["After"]


@pytest.mark.parametrize("ahead", ["-3600", "3600"])
def test_a_clock_that_jumps_makes_no_sleep_longer(there: Place, ahead: str) -> None:
    there.write("  - { name: Wait, sleep: 1000 }")
    there.killed_in("steps.Wait")
    told = there.go_on("ahead", ahead)
    assert told["outcome"] == "succeeded"
    assert told["took"] < 3
    assert (told["took"] > 0.9) == ahead.startswith("-")


def test_rounds_of_loops_have_pauses_of_their_own(there: Place) -> None:
    there.write(
        "  - name: All\n    forEach: [1, 2, 3]\n    parallelism: 2\n    do:\n"
        "      - { name: Wait, sleep: '${{ item * 600 }}' }\n"
    )
    there.killed_in("steps.All[1].steps.Wait", 0.8)
    assert there.go_on()["result"] == {"All": [None, None, None]}
    rows = there.rows()
    assert {f"steps.All[{number}].steps.Wait" for number in range(3)} < rows.keys()
    assert {row.outcome for row in rows.values()} == {"succeeded"}


def test_an_event_comes_to_the_process_that_goes_on(there: Place) -> None:
    there.write(
        "  - name: Both\n    parallel:\n"
        "      asks: [{ name: Seen, waitFor: 'T.Note.*.Invoked:steps.Late' }]\n"
        f"      does: [{{ name: Wait, sleep: 1500 }}, {note('Late')}]\n"
    )
    there.killed_in("steps.Wait", 0.3)
    seen = there.go_on()["result"]["Seen"]
    assert (seen["type"], seen["subject"]) == ("T.Note.inline.Invoked", "steps.Late")
    assert seen["data"] == "Late"
    assert seen["time"].endswith("Z")
    assert there.go_on()["result"]["Seen"] == seen
    assert there.notes == ["Late"]


def test_an_event_is_not_missed_by_a_process_that_ends_as_it_comes(there: Place) -> None:
    """What it waited for is recorded; that it has heard of it is not."""
    there.write(
        f"  - {note('Before')}\n"
        "  - name: Both\n    parallel:\n"
        "      asks: [{ name: Seen, waitFor: 'T.Note.*.Invoked', timeout: 60000 }]\n"
        f"      does: [{{ name: Wait, sleep: 300 }}, {note('Event')}]\n"
    )
    process = there.start("ends", "steps.Seen")
    process.communicate(timeout=60)
    assert process.returncode == -9
    assert there.rows()["steps.Seen"].outcome is None
    assert there.notes == ["Before", "Event"]
    told = there.go_on()
    assert told["took"] < 3
    seen = told["result"]["Seen"]
    assert seen == {
        "type": "T.Note.inline.Invoked", "subject": "steps.Event", "data": "Event",
        "time": seen["time"], "id": seen["id"],
    }  # fmt: skip
    assert there.go_on()["result"]["Seen"] == seen
    assert there.notes == ["Before", "Event"]
    assert there.verified()


def test_what_was_told_before_it_waited_is_not_what_it_waits_for(there: Place) -> None:
    there.write(
        f"  - {note('Before')}\n"
        "  - name: Seen\n    try: [{ name: Event, waitFor: 'T.Note.*', timeout: 1500 }]\n"
        "    catch: [{ value: '${{ error.code }}' }]\n"
    )
    began = there.killed_in("steps.Event", 0.5)
    told = there.go_on()
    assert told["result"]["Seen"] == "TIMEOUT"
    assert 1.5 <= since(began) < 5
    assert told["took"] < 1.2
    row = there.rows()["steps.Event"]
    assert (row.outcome, row.error["code"], row.error["kind"]) == ("failed", "TIMEOUT", "Timeout")
    again = there.go_on()
    assert again["result"] == told["result"]
    assert again["took"] < 1

"""The projects that stop, wait and go on: with real processes, some of which are killed."""

from __future__ import annotations

import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Answer, kernel, said, start

PROJECTS = Path(__file__).parent / "projects"
WAITS = 4
"""The exit status of a run that waits for a person."""


class Project:
    """A project in a folder of its own, as a person works with it at a terminal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str) -> Answer:
        return kernel(*arguments, folder=self.folder)

    def apply(self, run: str, **inputs: Any) -> Answer:
        return self("apply", ".", "--run-id", run, *given(inputs))

    def lines(self, name: str) -> list[str]:
        file = self.folder / name
        return file.read_text("utf-8").splitlines() if file.exists() else []

    def state(self, run: str) -> str:
        states: dict[str, str] = {row["run"]: row["state"] for row in said(self.folder, "runs")}
        return states.get(run, "not there")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, "utf-8")


def given(inputs: dict[str, Any]) -> list[str]:
    return [word for name, one in inputs.items() for word in ("--input", f"{name}={one}")]


@pytest.fixture
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    """The project that the test names, in a folder of its own."""
    shutil.copytree(PROJECTS / request.param, tmp_path / "own")
    return Project(tmp_path / "own")


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "it does not come to that"
        time.sleep(0.05)


deployment = pytest.mark.parametrize("project", ["deployment"], indirect=True)
checkout = pytest.mark.parametrize("project", ["checkout"], indirect=True)
catalogue = pytest.mark.parametrize("project", ["catalogue"], indirect=True)


@pytest.mark.parametrize(
    ("project", "module"),
    [("deployment", "ci"), ("catalogue", "pictures")],
    indirect=["project"],
)
def test_the_written_definitions_are_those_of_the_functions(project: Project, module: str) -> None:
    assert project("define", module, "--check", f"{module}.yaml").status == 0


@deployment
def test_production_waits_for_the_team_and_goes_on(project: Project) -> None:
    parked = project.apply("one", version="v2", environment="production")
    assert parked.status == WAITS
    assert "Bring v2 into production? 214 tests passed" in parked.err
    assert project.state("one") == "parked"
    built = ["build v2", "lint v2", "test shop:v2"]
    assert sorted(project.lines("log.txt")) == built

    stranger = project("approve", "one", "--principal", "user:eve")
    assert stranger.status != 0
    assert "may not decide" in stranger.err
    assert project("resume", "one").status == WAITS
    assert project("approve", "one", "--principal", "team:web").status == 0
    ended = project("resume", "one")
    assert ended.json == {
        "environment": "production",
        "live": "v2",
        "image": "shop:v2",
        "tests": 214,
    }
    released = ["switch production to v2", "health of production"]
    assert project.lines("log.txt")[3:] == released, "what was built is not built again"


@deployment
def test_who_refuses_a_release_ends_it(project: Project) -> None:
    assert project.apply("one", version="v2", environment="production").status == WAITS
    denied = project("deny", "one", "--principal", "team:web", "--reason", "not on a Friday")
    assert denied.status == 0
    ended = project("resume", "one")
    assert ended.status == 1
    assert "not on a Friday (code DENIED)" in ended.err
    assert project.state("one") == "failed"
    assert not [line for line in project.lines("log.txt") if line.startswith("switch")]


@deployment
def test_what_is_not_well_is_rolled_back(project: Project) -> None:
    assert project.apply("good", version="v2", environment="staging").status == 0
    ended = project.apply("bad", version="v13", environment="staging")
    assert ended.status == 1
    assert "v13 was not well (it answers with 503); v2 is live again" in ended.err
    assert "(code ROLLED_BACK)" in ended.err
    switched = [line for line in project.lines("log.txt") if line.startswith("switch")]
    assert switched == ["switch staging to v2", "switch staging to v13", "switch staging to v2"]
    assert project.lines("log.txt").count("health of staging") == 4


@deployment
def test_what_fails_its_tests_is_not_released(project: Project) -> None:
    ended = project.apply("red", version="v3", environment="staging")
    assert ended.status == 1
    assert "2 of 214 tests failed (code RED" in ended.err
    assert sorted(project.lines("log.txt")) == ["build v3", "lint v3", "test shop:v3"]


@deployment
def test_a_second_deploy_of_an_environment_waits_for_the_first(project: Project) -> None:
    assert project.apply("one", version="v2", environment="production").status == WAITS
    inputs = given({"version": "v4", "environment": "production"})
    second = start("apply", ".", "--run-id", "two", *inputs, folder=project.folder)
    try:
        until(lambda: project.state("two") == "queued")
        assert project.apply("else", version="v4", environment="staging").status == 0
        assert "build v4" in project.lines("log.txt"), "another environment does not wait"
        assert project.state("two") == "queued"
        assert project("approve", "one", "--principal", "team:web").status == 0
        assert project("resume", "one").status == 0
        _, err = second.communicate(timeout=30)
    finally:
        second.kill()
    assert second.wait() == WAITS
    assert "held by the call of run one" in err
    assert project("approve", "two", "--principal", "team:web").status == 0
    assert project("resume", "two").json["live"] == "v4"
    switched = [line for line in project.lines("log.txt") if "switch production" in line]
    assert switched == ["switch production to v2", "switch production to v4"]


ORDER = {"order": "A-1", "customer": "ines", "item": "lamp", "cents": 4900}
NOWHERE = ORDER | {"customer": "nowhere"}
DONE = ["reserve reserve-A-1", "charge charge-A-1", "ship ship-A-1"]
UNDONE = ["reserve reserve-A-1", "charge charge-A-1", "refund refund-A-1", "release A-1"]


@checkout
@pytest.mark.parametrize(
    ("changed", "code", "ledger"),
    [
        ({"item": "unicorn"}, "SOLD_OUT", []),
        ({"customer": "poor"}, "DECLINED", ["reserve reserve-A-1", "release A-1"]),
        ({"customer": "nowhere"}, "NO_ADDRESS", UNDONE),
    ],
)
def test_what_was_done_is_undone_in_reverse(
    project: Project, changed: dict[str, str], code: str, ledger: list[str]
) -> None:
    ended = project.apply("one", **ORDER | changed)
    assert ended.status == 1
    assert f"(code {code}" in ended.err
    assert project.lines("ledger.txt") == ledger


@checkout
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("what", "inputs", "ledger"),
    [
        ("reserve", ORDER, DONE),
        ("charge", ORDER, DONE),
        ("reserve", NOWHERE, UNDONE),
        ("charge", NOWHERE, UNDONE),
        ("refund", NOWHERE, UNDONE),
        ("release", NOWHERE, UNDONE),
    ],
)
def test_nothing_happens_twice_after_a_crash(
    project: Project, what: str, when: str, inputs: dict[str, Any], ledger: list[str]
) -> None:
    project.write("crash", f"{what} {when}")
    assert project.apply("one", **inputs).status == -signal.SIGKILL
    assert project.state("one") == "interrupted"
    ended = project("resume", "one")
    assert project.lines("ledger.txt") == ledger
    if inputs == ORDER:
        assert ended.json == {"order": "A-1", "parcel": "parcel-A-1"}
    else:
        assert ended.status == 1
        assert "(code NO_ADDRESS" in ended.err


@checkout
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_person_says_whether_the_parcel_left(project: Project, when: str) -> None:
    project.write("crash", f"ship {when}")
    assert project.apply("one", **ORDER).status == -signal.SIGKILL
    stopped = project("resume", "one")
    assert stopped.status == 1
    assert "(code ASK_THE_CARRIER" in stopped.err
    before = project.lines("ledger.txt")
    assert before == (DONE if when == "after" else DONE[:2]), "nothing is undone on a guess"
    found = ["--landed", "--outputs", '{"parcel": "by hand"}']
    answer = found if when == "after" else ["--not-landed"]
    resolved = project("resolve", "one", *answer)
    assert resolved.status == 0
    assert "the run one has ended (failed), and does not go on" in resolved.out
    ended = project.apply("again", **ORDER)
    parcel = "by hand" if when == "after" else "parcel-A-1"
    assert ended.json == {"order": "A-1", "parcel": parcel}
    assert project.lines("ledger.txt") == DONE


@checkout
def test_the_same_order_again_is_the_same_order(project: Project) -> None:
    first = project.apply("one", **ORDER)
    again = project.apply("two", **ORDER)
    assert again.json == first.json
    assert project.lines("ledger.txt") == DONE


@catalogue
@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.long)])
def test_pictures_that_were_made_are_not_made_again(project: Project, count: int) -> None:
    project.write("crash", str(count // 2))
    assert project.apply("one", count=count).status == -signal.SIGKILL
    made = project.lines("done.txt")
    assert count // 2 - 50 < len(made) < count // 2 + 50
    ended = project("resume", "one").json
    broken = list(range(0, count, 41))
    assert [one["item"] for one in ended["broken"]] == broken
    assert (ended["made"], ended["failed"]) == (count - len(broken), len(broken))
    times = Counter(map(int, project.lines("done.txt")))
    assert times.keys() == set(range(count))
    repeated = {item for item, number in times.items() if number > 1}
    # What was at work when the process was killed may be made again: it is declared idempotent.
    assert len(repeated) <= 50
    assert repeated <= set(map(int, made[-50:]))
    assert max(times.values()) <= 2

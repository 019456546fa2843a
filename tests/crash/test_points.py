"""A process is killed at each point, one after the other; the run still does all of it, once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.crash.support.effects import Effects
from tests.crash.support.processes import Processes
from tests.crash.support.story import Story, compared
from tests.support.journals import place
from tests.support.properties import some

FAULTS: dict[str, dict[str, list[str]]] = {
    "few": {"right": ["lost"]},
    "graphs": {"pair-last": ["refused"], "item-1-second": ["lost"], "charged": ["lost"]},
    "all": {
        "put": ["refused"],
        "charge": ["refused", "lost"],
        "send": ["refused"],
        "reposted": ["lost"],
        "nested-third": ["refused"],
        "wire": ["broken"],
    },
}

Begin = Callable[[str], Story]
"""Begins a story in a journal."""


def all_points(begin: Begin, store: str, folder: Path, lanes: int = 1, each: int = 1) -> int:
    """Kill at the points of an undisturbed run; gives how many there are.

    ``lanes``: so many stories at once. ``each``: with 3, only every third point is tried.
    """
    with place(store, folder / "undisturbed") as address:
        undisturbed = begin(address)
        wanted = undisturbed.tell()
    assert wanted.outcome == "succeeded", wanted
    once = set(undisturbed.scope.counts())

    def told(where: tuple[int, int]) -> str | None:
        """What is wrong when the process of that number is killed at that point."""
        process, point = where
        try:
            with place(store, folder / f"{process}-{point}") as address:
                story = begin(address)
                ended = story.tell(where)
                assert compared(ended) == compared(wanted)
                assert set(story.scope.counts()) == once
        except AssertionError as error:
            name = undisturbed.ended[process].points[point - 1]
            return f"process {process}, point {point}: {name}: {error}"
        return None

    everywhere = [
        (process, point + 1)
        for process, ended in enumerate(undisturbed.ended)
        for point in range(len(ended.points))
    ]
    with ThreadPoolExecutor(lanes) as threads:
        wrong = [one for one in threads.map(told, some(everywhere)[::each]) if one]
    assert not wrong, "\n\n".join(wrong)
    return len(everywhere)


@pytest.fixture
def begin_with(effects: Effects) -> Iterator[Callable[[str], Begin]]:
    """Begins stories of a manifest, those of each thread in processes of its own."""
    own = threading.local()
    all_of_them: list[Processes] = []

    def begin_with(manifest: str) -> Begin:
        def begin(address: str) -> Story:
            if not hasattr(own, "processes"):
                own.processes = Processes(effects.port)
                all_of_them.append(own.processes)
            return Story(own.processes, effects, address, manifest, FAULTS[manifest])

        return begin

    yield begin_with
    for processes in all_of_them:
        processes.close()


def test_few_steps(begin_with: Callable[[str], Begin], folder: Path) -> None:
    assert all_points(begin_with("few"), "sqlite", folder) > 50


@pytest.mark.long
@pytest.mark.parametrize(("store", "each"), [("sqlite", 1), ("postgresql", 3)])
@pytest.mark.parametrize(("manifest", "least"), [("few", 50), ("graphs", 150), ("all", 300)])
def test_every_form_and_every_class(
    begin_with: Callable[[str], Begin],
    store: str,
    each: int,
    manifest: str,
    least: int,
    folder: Path,
) -> None:
    assert all_points(begin_with(manifest), store, folder, lanes=3, each=each) > least

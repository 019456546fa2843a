"""Makes the helper modules of these tests importable; the server and the processes they use."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "kernel" / "journal"))

pytest.register_assert_rewrite("crash_story")

from crash_effects import Effects  # noqa: E402
from crash_processes import Processes  # noqa: E402
from crash_story import scratch  # noqa: E402


@pytest.fixture(scope="session")
def effects() -> Iterator[Effects]:
    """The server that applies effects, in a thread of the test."""
    with Effects() as server:
        yield server


@pytest.fixture(scope="session")
def processes(effects: Effects) -> Iterator[Processes]:
    """Starts processes that run topologies."""
    with Processes(effects.port) as started:
        yield started


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for journals."""
    with scratch() as found:
        yield found

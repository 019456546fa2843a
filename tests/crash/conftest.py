"""The server and the processes that these tests use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.support.effects import Effects
from tests.crash.support.processes import Processes
from tests.crash.support.story import scratch


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

"""Starts processes that run topologies, and waits for them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]

MOST = 60.0
"""Seconds after which a process that has not ended is taken for one that never does."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: ``outcome`` is None where it was killed or could not work at all."""

    killed: bool
    outcome: str | None = None
    result: Any = None
    error: Any = None
    points: list[str] = field(default_factory=list)


def _end(pid: int) -> None:
    """Let a process say where it is, and end it."""
    os.kill(pid, signal.SIGUSR1)
    time.sleep(1)
    os.kill(pid, signal.SIGABRT)


class Warm:
    """One process that forks others, one at a time."""

    def __init__(self, port: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.support.process"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "EFFECTS_PORT": str(port)},
        )
        assert self._line() == "ready"

    def begin(self, job: dict[str, Any]) -> int:
        """Start a run; the id of its process."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        pid = int(json.loads(self._line())["pid"])
        self._timer = threading.Timer(MOST, _end, (pid,))
        self._timer.start()
        return pid

    def run_one(self, job: dict[str, Any]) -> Ended:
        """Start a run and wait for its process."""
        self.begin(job)
        return self.end()

    def end(self) -> Ended:
        """Wait for it."""
        said = json.loads(self._line())
        assert not self._timer.finished.is_set(), "the process does not end: see above where it is"
        self._timer.cancel()
        status = said.pop("status")
        assert said["killed"] or status == 0, "the process failed in an unforeseen way: see above"
        return Ended(**said)

    def close(self) -> None:
        """End."""
        self._process.communicate(timeout=30)

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


class Processes:
    """As many warm processes as are needed at once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._all: list[Warm] = []

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End them."""
        for one in self._all:
            one.close()

    def __getitem__(self, number: int) -> Warm:
        while len(self._all) <= number:
            self._all.append(Warm(self._port))
        return self._all[number]

    def run(self, **job: Any) -> Ended:
        """Run a job to its end."""
        return self[0].run_one(job)

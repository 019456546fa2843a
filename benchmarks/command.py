"""Start-up of the command against the bare interpreter, as whole processes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.machine import seconds_of, slowness, usual
from benchmarks.report import Row, show

MANIFEST = """
kind: Kernel.Module
metadata: { name: Small }
vars: { day: { type: string, default: monday } }
---
kind: Kernel.Definition
metadata: { name: Greet }
capability: Invocable
inputs: { type: object, properties: { name: { type: string } } }
body: { steps: [{ name: Text, value: "Hello, ${{ inputs.name }}" }] }
---
kind: Run.Sequence
metadata: { name: Main }
steps:
  - name: One
    invoke: { kind: Small.Greet }
    inputs: { name: "${{ vars.day }}" }
"""


def seconds(*command: str) -> float:
    """The time of a whole process."""
    return seconds_of(lambda: subprocess.run(command, check=True, capture_output=True))


def rows(turns: int = 9) -> list[Row]:
    """The rows of the table: medians of several turns, each of all that is compared."""
    kernel = str(Path(sys.executable).parent / "kernel")
    version, get, work = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder, "small.yaml")
        manifest.write_text(MANIFEST)
        for _ in range(turns):
            bare = seconds(sys.executable, "-c", "pass")
            version.append(seconds(kernel, "version") - bare)
            get.append(seconds(kernel, "get", str(manifest)) - bare)
            work.append(seconds_of(usual))
    slow = slowness(work)
    return [
        row("`kernel version` over the bare interpreter / 60 ms", version, 60, slow),
        row("`kernel get` over the bare interpreter / 250 ms", get, 250, slow),
    ]


def row(what: str, times: list[float], limit: float, slow: float) -> Row:
    """A row for a promise in milliseconds of a usual machine."""
    took = statistics.median(times) * 1000
    return Row(what, took / slow / limit, 1, f"{took:.0f} ms, at {slow:.1f} times the usual time")


if __name__ == "__main__":
    show(rows())

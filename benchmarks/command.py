"""Start-up of the command against the bare interpreter, as whole processes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.report import Row

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


def seconds(*command: str, turns: int = 9) -> float:
    """The least time of a whole process, of several turns."""
    times = []
    for _ in range(turns):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return min(times)


def rows() -> list[Row]:
    """The rows of the table."""
    kernel = str(Path(sys.executable).parent / "kernel")
    bare = seconds(sys.executable, "-c", "pass")
    version = (seconds(kernel, "version") - bare) * 1000
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder, "small.yaml")
        manifest.write_text(MANIFEST)
        get = (seconds(kernel, "get", str(manifest)) - bare) * 1000
    return [
        Row(
            "`kernel version` over the bare interpreter / 60 ms",
            version / 60,
            1,
            f"{version:.0f} ms",
        ),
        Row("`kernel get` over the bare interpreter / 250 ms", get / 250, 1, f"{get:.0f} ms"),
    ]

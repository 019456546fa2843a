"""A process that applies a manifest as a run of a journal, to be killed on the way: for the tests.

``python pauses_process.py MANIFEST JOURNAL RUN NOTES [WORD VALUE]``: each call of ``T.Note`` is a
line in NOTES, and the result is a line on the output. WORD is ``ahead``, so many seconds that the
clock on the wall is off, or ``ends``, the path whose conclusion the process does not live to write.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from kernel import Kernel, load
from kernel.invocation.history import History
from kernel.invocation.run import namespace_of


def end_before(run: str, path: str) -> None:
    execution = str(uuid.uuid5(namespace_of(run), path))
    finalize = History.finalize

    async def ends(self: History, one: str, *values: Any) -> None:
        if one == execution:
            os.kill(os.getpid(), signal.SIGKILL)
        await finalize(self, one, *values)

    History.finalize = ends  # type: ignore[method-assign]


def be_ahead(seconds: float) -> None:
    now = time.time_ns
    time.time_ns = lambda: now() + int(seconds * 1e9)


async def main(manifest: str, journal: str, run: str, notes: str) -> dict[str, Any]:
    async def note(inputs: dict[str, Any]) -> Any:
        with Path(notes).open("a") as file:
            file.write(f"{inputs['of']}\n")
        return inputs["of"]

    async with Kernel(load(manifest), journal=journal, controllers={"T.Note": note}) as kernel:
        began = time.monotonic()
        result = await kernel.apply("Run.Sequence/Main", run_id=run)
        error = None if result.error is None else result.error.to_cel()
        took = time.monotonic() - began
        return {"outcome": result.outcome, "result": result.result, "error": error, "took": took}


if __name__ == "__main__":
    match sys.argv[5:]:
        case ["ahead", seconds]:
            be_ahead(float(seconds))
        case ["ends", path]:
            end_before(sys.argv[3], path)
    print(json.dumps(asyncio.run(main(*sys.argv[1:5]))), flush=True)

"""A program that waits in SyncKernel until it is interrupted, and says what happened."""

from __future__ import annotations

import asyncio
import traceback

from kernel import Kernel, SyncKernel, invocable, loads

TEXT = """\
kind: Run.Sequence
metadata: { name: Main }
steps:
  - try:
      - invoke: { kind: T.Work }
    finally:
      - name: Tidy
        invoke: { kind: Log.Print }
        inputs: { message: tidied }
"""


@invocable("T.Work")
async def work() -> None:
    print("at work", flush=True)
    await asyncio.sleep(60)


def main() -> None:
    with SyncKernel(Kernel(loads(TEXT, definitions=[work]))) as kernel:
        kernel.subscribe(lambda event: print(event.type, flush=True), "Log.Print.*")
        try:
            kernel.apply()
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        try:
            kernel.invoke("Run.Sequence/Nowhere")
        except Exception:
            print(traceback.format_exc().count("find_target"), flush=True)


main()

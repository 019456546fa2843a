"""A process that calls a topology with a concurrency group, many times at once.

Arguments: the journal, a file to which each call appends when it is at work, the limit, how many
calls. A line of the file is ``+`` or ``-``, the group, and the id of the run.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from typing import Any

from kernel import Call, Kernel, loads

MANIFEST = """\
kind: Kernel.Definition
metadata: {{ name: Work, module: T }}
capability: Invocable
---
kind: Run.Sequence
metadata: {{ name: Limited }}
inputs: {{ type: object, properties: {{ group: {{ type: string }} }}, required: [group] }}
concurrency: {{ limit: {limit}, group: "${{{{ inputs.group }}}}" }}
steps:
  - {{ name: Do, invoke: {{ kind: T.Work }}, inputs: {{ group: "${{{{ inputs.group }}}}" }} }}
"""


async def main(journal: str, file: str, limit: int, count: int) -> None:
    log = os.open(file, os.O_APPEND | os.O_CREAT | os.O_WRONLY)

    async def work(inputs: Any, call: Call) -> dict[str, Any]:
        os.write(log, f"+ {inputs['group']} {call.run}\n".encode())
        await asyncio.sleep(random.random() / 100)
        os.write(log, f"- {inputs['group']} {call.run}\n".encode())
        return {}

    manifest = loads(MANIFEST.format(limit=limit))
    async with Kernel(manifest, controllers={"T.Work": work}, journal=journal) as kernel:
        calls = (
            kernel.invoke("Run.Sequence/Limited", {"group": "ab"[number % 2]})
            for number in range(count)
        )
        await asyncio.gather(*calls)


if __name__ == "__main__":
    address, file, limit, count = sys.argv[1:]
    asyncio.run(main(address, file, int(limit), int(count)))

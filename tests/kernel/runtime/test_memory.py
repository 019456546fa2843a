"""A call that has ended leaves nothing in memory."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

from kernel import Kernel, loads
from kernel.cel import Template
from kernel.invocation.invocation import Invocation
from kernel.invocation.run import Run
from kernel.topology.callsite import CallSite
from tests.support.embedded import definition, resource, text_of

KEPT = (CallSite, Template, Invocation, Run, asyncio.Task)


def counted() -> dict[str, int]:
    gc.collect()
    alive = gc.get_objects()
    return {kind.__name__: sum(type(one) is kind for one in alive) for kind in KEPT}


def test_nothing_is_kept_of_calls_from_python() -> None:
    async def work(inputs: Any) -> Any:
        return inputs

    class Outer:
        def __init__(self, fields: Any) -> None:
            self._work = fields["work"]

        async def invoke(self, inputs: Any, call: Any) -> None:
            await call.invoke("T.Work/W", inputs)
            await self._work.invoke(inputs)

    class Threaded:
        def invoke(self, inputs: Any, call: Any) -> None:
            call.invoke("T.Work/W", inputs)

    reference = {"type": "object", "properties": {"work": {"x-kernel-ref": "Invocable"}}}
    text = text_of(
        definition(),
        definition("Outer", schema=reference),
        definition("Threaded"),
        resource("T.Work", "W"),
        resource("T.Outer", "O", work={"kind": "T.Work", "name": "W"}),
        resource("T.Threaded", "T"),
    )
    controllers = {"T.Work": work, "T.Outer": Outer, "T.Threaded": Threaded}

    async def main() -> None:
        async with Kernel(loads(text), controllers=controllers) as kernel:

            async def each(times: int) -> dict[str, int]:
                for number in range(times):
                    for target in ("T.Work/W", "T.Outer/O", "T.Threaded/T"):
                        await kernel.invoke(target, {"number": number})
                    await kernel.apply("T.Work/W", {"number": number})
                return counted()

            few, many = await each(5), await each(100)
            # Other tests of the process leave things behind: one for each call would be 95.
            kept = {name: count - few[name] for name, count in many.items()}
            assert max(kept.values()) < 10, kept

    asyncio.run(main())

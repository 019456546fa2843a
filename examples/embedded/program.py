"""A program that embeds the kernel: without async, with it, and with a function of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kernel import Call, Event, InvocationError, Kernel, Manifest, RunResult, SyncKernel, load

HERE = Path(__file__).parent


def wait(manifest: Manifest) -> None:
    """Invoke and apply without async."""
    with SyncKernel(Kernel(manifest)) as kernel:
        order = {"net": [100, 20.5], "country": "FR"}
        print(kernel.invoke("Run.Sequence/Order", order))
        result: RunResult = kernel.apply("Run.Sequence/Order", {"net": [], "country": "DE"})
        error: InvocationError | None = result.error
        print(result.outcome, error.code if error else "")


async def free(inputs: Mapping[str, Any], call: Call) -> dict[str, str]:
    """A controller that takes all inputs as one mapping."""
    if call.cancellation.cancelled:
        raise TimeoutError
    return {"gross": str(inputs["net"]), "tax": "0"}


async def listen(manifest: Manifest) -> None:
    """Bind another controller, and listen to what happens."""
    heard: list[Event] = []
    async with Kernel(manifest, controllers={"Prices.Gross": free}) as kernel:
        unsubscribe = kernel.subscribe(heard.append, "Prices.*.Invoked")
        print(await kernel.invoke("Run.Sequence/Order", {"net": [100], "country": "FR"}))
        unsubscribe()
    print([event.type for event in heard])


def main() -> None:
    manifest = load(HERE)
    wait(manifest)
    asyncio.run(listen(manifest))


if __name__ == "__main__":
    main()

"""Manifests made of mappings, and a program that embeds the kernel to run them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from kernel import Event, Kernel, RunResult, loads

Resource = dict[str, Any]


def definition(name: str = "Work", **fields: Any) -> Resource:
    """The definition of a kind ``T.<name>``."""
    metadata = {"name": name, "module": "T"}
    return {
        "kind": "Kernel.Definition",
        "metadata": metadata,
        "capability": "Invocable",
        **fields,
    }


def resource(kind: str, name: str, **fields: Any) -> Resource:
    return {"kind": kind, "metadata": {"name": name}, **fields}


def sequence(*steps: Any, name: str = "Main", **fields: Any) -> Resource:
    return resource("Run.Sequence", name, steps=list(steps), **fields)


def call(kind: str = "T.Work", name: str | None = "Call", **fields: Any) -> Any:
    """A step that calls a resource in place."""
    step = {"invoke": {"kind": kind}, **fields}
    return step if name is None else {"name": name, **step}


def text_of(*documents: Resource) -> str:
    return "\n---\n".join(json.dumps(one, indent=1, ensure_ascii=False) for one in documents)


class World:
    """A kernel with its events. ``controllers`` are of the kinds of module ``T``."""

    def __init__(self, *documents: Resource, values: Any = None, **controllers: Any) -> None:
        bound = {f"T.{name}": one for name, one in controllers.items()}
        manifest = loads(text_of(*documents))
        self.kernel = Kernel(manifest, values=values, environ={}, controllers=bound)
        self.events: list[Event] = []
        self.kernel.subscribe(self.events.append)

    @property
    def types(self) -> list[str]:
        """The types of the events so far, but those of the life of resources."""
        life = (".Initialized", ".Started", ".Stopped")
        return [event.type for event in self.events if not event.type.endswith(life)]

    def apply(self, inputs: Any = None, target: str | None = None) -> RunResult:
        async def work(kernel: Kernel) -> RunResult:
            return await kernel.apply(target, inputs)

        return self.during(work)

    def during(self, work: Callable[[Kernel], Any]) -> Any:
        """What an asynchronous function gives while the kernel is up."""

        async def main() -> Any:
            async with asyncio.timeout(20), self.kernel:
                return await work(self.kernel)

        return asyncio.run(main())

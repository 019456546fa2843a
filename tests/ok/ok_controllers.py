"""The controllers of the manifests in this folder: one of every shape."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any


class Bare:
    """A class without an argument."""

    def invoke(self, inputs: Mapping[str, Any]) -> Any:
        return {"given": inputs}


class Scale:
    """A class with the resource's fields, asynchronous."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.factor = fields["factor"]

    async def invoke(self, inputs: Mapping[str, Any]) -> Any:
        await asyncio.sleep(0)
        return inputs["n"] * self.factor


class Fields:
    """Gives the fields that it was constructed with."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields

    def invoke(self, inputs: Mapping[str, Any]) -> Any:
        return dict(self.fields)


def echo(inputs: Mapping[str, Any]) -> Any:
    return inputs


def keys_that_meet(inputs: Mapping[str, Any]) -> Any:
    return {"of": {0: "a", "0": "b"}}


async def echo_later(inputs: Mapping[str, Any]) -> Any:
    await asyncio.sleep(0.001)
    return inputs


def about(inputs: Mapping[str, Any], call: Any) -> Any:
    """What the call says of itself."""
    return {
        "attempt": call.attempt,
        "id": len(call.id),
        "key": call.idempotency_key == call.id,
        "cancelled": call.cancellation.cancelled,
    }


def key(inputs: Mapping[str, Any], call: Any) -> Any:
    return call.idempotency_key


class Refused(Exception):
    def __init__(self, message: str, code: Any, data: Any) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


def refuse(inputs: Mapping[str, Any]) -> Any:
    raise Refused(inputs.get("message", "no"), inputs.get("code", "REFUSED"), inputs.get("data"))


def flaky(inputs: Mapping[str, Any], call: Any) -> Any:
    """Fails in all attempts but the last one that ``works`` names."""
    if call.attempt < inputs["works"]:
        raise Refused(f"attempt {call.attempt}", inputs.get("code", "BUSY"), None)
    return call.attempt


def call_by_name(inputs: Mapping[str, Any], call: Any) -> Any:
    return call.invoke(inputs["target"], {"n": inputs["n"]})


async def call_by_name_later(inputs: Mapping[str, Any], call: Any) -> Any:
    return await call.invoke({"kind": inputs["kind"], "name": inputs["name"]}, {"n": inputs["n"]})


class Settings:
    """A Provider."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields

    def provide(self) -> Mapping[str, Any]:
        return {"shout": str(self.fields["word"]).upper(), "parts": list(self.fields["word"])}


class Beacon:
    """A Service that says when it is up, and publishes."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.colour = fields.get("colour", "white")
        self.over = asyncio.Event()

    async def start(self, call: Any) -> None:
        call.ready({"signal": f"{self.colour} light"})
        await self.over.wait()

    async def stop(self) -> None:
        self.over.set()


class Through:
    """Holds a reference to an invocable."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.next = fields["next"]

    async def invoke(self, inputs: Mapping[str, Any]) -> Any:
        return {"through": await self.next.invoke(inputs)}


class Relay:
    """Holds call sites of its own, each with a label."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.stops = fields["stops"]

    async def invoke(self, inputs: Mapping[str, Any]) -> Any:
        said = {}
        for stop in self.stops:
            said[stop["label"]] = await stop.invoke({"round": inputs["round"]})
        return said


class Format:
    """Holds a text that is evaluated for each call, with `result` in scope."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.text = fields["text"]

    def invoke(self, inputs: Mapping[str, Any]) -> Any:
        return self.text.evaluate({"result": inputs["n"] + 1})


class Job:
    """A Runnable."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields

    async def run(self, call: Any) -> Any:
        return {"ran": self.fields["what"], "attempt": call.attempt}


class Uses:
    """Reads what a Provider holds, by reference."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.settings = fields["settings"]

    def invoke(self, inputs: Mapping[str, Any]) -> Any:
        return self.settings.provide()["shout"]


class Hands:
    """Makes the calls of its fields by ``call.invoke``, in a thread."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.next = fields["next"]
        self.then = fields["then"]

    def invoke(self, inputs: Mapping[str, Any], call: Any) -> Any:
        return [call.invoke(self.next, {"n": 5}), call.invoke(self.then, {"round": 7})]


class HandsLater(Hands):
    """The same, asynchronous."""

    async def invoke(self, inputs: Mapping[str, Any], call: Any) -> Any:
        return [await call.invoke(self.next, {"n": 5}), await call.invoke(self.then, {"round": 7})]


def login(inputs: Mapping[str, Any]) -> Any:
    return {"token": "hunter2hunter2"}

"""The controllers of the manifests `user_*.yaml`: small, and true to their contracts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel import Failure

Inputs = Mapping[str, Any]


class Repeat:
    """Calls the call site that stands in its field `then` as often as `times` says."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.times: int = fields["times"]
        self.then = fields["then"]

    async def invoke(self, inputs: Inputs) -> list[Any]:
        return [await self.then.invoke({"round": number}) for number in range(self.times)]


def add(a: int, b: int = 2) -> int:
    """A typed function."""
    return a + b


def customer(inputs: Inputs) -> dict[str, Any] | None:
    """Null for a stranger."""
    name = inputs["id"]
    found = {"id": name, "mail": f"{name}@example.com", "nick": None}
    return None if name.startswith("x") else found


def page(inputs: Inputs) -> dict[str, Any]:
    """Three items; the last of three pages names no next one."""
    number = inputs.get("page", 1)
    items = [number * 10 + offset for offset in range(3)]
    return {"items": items, "next": number + 1} if number < 3 else {"items": items}


def price(inputs: Inputs) -> dict[str, Any]:
    """In euros where no currency is given."""
    return {"net": inputs["quantity"] * 2.5, "currency": inputs.get("currency", "EUR")}


def risky(inputs: Inputs) -> dict[str, Any]:
    """Refuses more than five."""
    if inputs["n"] > 5:
        raise Failure("too much", code="TOO_MUCH", data={"n": inputs["n"]})
    return {"n": inputs["n"]}


def shape(inputs: Inputs) -> dict[str, Any]:
    """One of two shapes."""
    if inputs["round"]:
        return {"type": "circle", "radius": 1.5}
    return {"type": "rect", "width": 2, "height": 3}


def stock(inputs: Inputs) -> dict[str, Any]:
    """A note comes along only where little is left."""
    left = len(inputs["sku"])
    return {"left": left, "note": "low"} if left < 4 else {"left": left}

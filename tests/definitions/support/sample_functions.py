"""Functions that test_python.py exposes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field


class Colour(Enum):
    RED = "red"


class Order(BaseModel):
    id: UUID
    items: list[int] = Field(default_factory=list)


@dataclass
class Point:
    x: int
    y: float


def typed(count: int, day: date, colour: Colour, order: Order | None = None) -> dict[str, Any]:
    return {"types": [type(value).__name__ for value in (count, day, colour, order)], "day": day}


def model(order: Order, *, copy: bool = False) -> Order:
    return order


async def point(x: int, y: float) -> Point:
    await asyncio.sleep(0)
    return Point(x, y)


def anything(**values: Any) -> Any:
    return values


def untyped(a, b=2):  # type: ignore[no-untyped-def]
    return a + b


def with_call(value: str, call: Any) -> str:
    return f"{value} {call}"


def wrong_result() -> int:
    return "text"  # type: ignore[return-value]


def not_json() -> object:
    return object()


def endless() -> Any:
    loop: list[Any] = []
    loop.append(loop)
    return loop


def choice(kind: Literal["a", "b"]) -> bytes:
    return kind.encode()


def raises() -> None:
    raise ValueError("its own")


def positional(a: int, /) -> int:
    return a


constant = 1

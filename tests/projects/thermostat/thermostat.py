"""A room that gets warmer with every look at it."""

import asyncio
from typing import Any


class Limits:
    def __init__(self, fields: dict[str, int]) -> None:
        self.fields = fields

    async def provide(self) -> dict[str, int]:
        return dict(self.fields)


class Sensor:
    def __init__(self, fields: dict[str, int]) -> None:
        self.degrees = fields["start"]
        self.over = asyncio.Event()

    async def start(self) -> None:
        await self.over.wait()

    async def stop(self) -> None:
        self.over.set()

    def look(self) -> int:
        self.degrees += 1
        return self.degrees - 1


class Reading:
    def __init__(self, fields: dict[str, Any]) -> None:
        self.sensor = fields["sensor"]

    def invoke(self) -> int:
        return int(self.sensor.look())

"""The controller of ``Log.Print``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Log(Protocol):
    """The part of a call that takes messages."""

    def log(self, message: str, level: str = "info", **fields: Any) -> None: ...


class Print:
    """Hands a message to the log of the invocation."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._level: str = fields.get("level", "info")

    async def invoke(self, inputs: Mapping[str, Any], call: Log) -> None:
        call.log(
            inputs["message"], level=inputs.get("level", self._level), **inputs.get("fields", {})
        )

"""The controller of ``Sql.Transaction``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from .connection import Connection


class Site(Protocol):
    """A call site."""

    async def invoke(self, bindings: Mapping[str, Any]) -> Any: ...


class Transaction:
    """Calls its call site in one transaction: a failure or a cancellation rolls it back."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._connection: Connection = fields["connection"]
        self._do: Site = fields["do"]

    async def invoke(self, inputs: Mapping[str, Any]) -> Any:
        async with self._connection.transaction():
            return await self._do.invoke({"inputs": inputs})

"""The controller of ``Sql.Exec``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from .connection import Connection
from .rows import execute


class Exec:
    """Runs one statement that may change something."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields
        self._connection: Connection = fields["connection"]

    async def invoke(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return await self._connection.run(partial(execute, self._fields, inputs), reads=False)

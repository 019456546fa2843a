"""A service that makes a call of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from tests.support.recorded import DEFINITIONS

TEXT = (
    DEFINITIONS
    + """\
kind: Kernel.Definition
metadata: { name: Bell, module: Pay }
capability: Service
schema:
  type: object
  properties: { then: { type: object, x-kernel-call: true } }
---
kind: Pay.Bell
metadata: { name: Bell }
then: { invoke: { kind: Pay.Charge } }
"""
)


class Bell:
    """A service that makes one call, at once."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._then = fields["then"]
        self._stopped = asyncio.Event()

    async def start(self, call: Any) -> None:
        call.ready({})
        ringing = asyncio.ensure_future(self._then.invoke({}))
        await self._stopped.wait()
        await asyncio.wait([ringing])

    async def stop(self) -> None:
        self._stopped.set()

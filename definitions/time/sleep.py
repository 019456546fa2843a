"""The controller of ``Time.Sleep``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping


class Sleep:
    """Waits for ``ms`` milliseconds."""

    async def invoke(self, inputs: Mapping[str, int]) -> None:
        await asyncio.sleep(inputs["ms"] / 1000)

"""Values in their JSON form, where they leave the expressions (CEL specification, JSON)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from kernel.cel.program import compile
from kernel.cel.values import Duration, Timestamp, UInt

_MAX_DEPTH = 200
_TEXT = compile("string(value)")


def to_json(value: Any, depth: int = 0) -> Any:
    """``value`` with timestamps and durations as text, bytes as base64, unsigned ints as ints.

    The very same object comes back where nothing was changed; what has no JSON form stays.
    """
    if isinstance(value, (str, bool)) or value is None or depth > _MAX_DEPTH:
        return value
    if isinstance(value, UInt):
        return int(value)
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, (Timestamp, Duration, datetime, timedelta)):
        return _TEXT.evaluate({"value": value})
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Mapping):
        pairs = {key: to_json(item, depth + 1) for key, item in value.items()}
        return value if all(pairs[key] is value[key] for key in pairs) else pairs
    if isinstance(value, (list, tuple)):
        items = [to_json(item, depth + 1) for item in value]
        unchanged = type(value) is list and all(
            new is old for new, old in zip(items, value, strict=True)
        )
        return value if unchanged else items
    return value

"""Values in their JSON form, where they leave the expressions (CEL specification, JSON).

:func:`to_json` is for readers; :func:`with_types` and :func:`from_types` keep the CEL types.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from kernel.cel.program import compile
from kernel.cel.values import Duration, MixedMap, Optional, Timestamp, Type, UInt, native

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


def with_types(value: Any) -> Any:
    """JSON of which :func:`from_types` makes the same value again, of the same types.

    What JSON has no form for is a map of one member that is called after its type (``$bytes``);
    a map with other keys than text, or with such a name among them, is a list of pairs (``$map``).
    """
    value = native(value)
    match value:
        case UInt():
            return {"$uint": int(value)}
        case float() if not math.isfinite(value):
            return {"$double": str(value)}
        case Timestamp():
            return {"$timestamp": to_json(value)}
        case Duration():
            return {"$duration": to_json(value)}
        case bytes():
            return {"$bytes": to_json(value)}
        case Type():
            return {"$type": value.name}
        case Optional():
            return {"$optional": [with_types(value.value)] if value.present else []}
        case list() | tuple():
            return [with_types(item) for item in value]
        case Mapping() if all(isinstance(key, str) and key[:1] != "$" for key in value):
            return {key: with_types(item) for key, item in value.items()}
        case Mapping():
            return {"$map": [[with_types(key), with_types(item)] for key, item in value.items()]}
    return value


def from_types(kept: Any) -> Any:
    """The value that :func:`with_types` made JSON of."""
    if type(kept) is list:
        return [from_types(item) for item in kept]
    if type(kept) is not dict:
        return kept
    if len(kept) == 1:
        ((name, item),) = kept.items()
        if name in _MADE:
            return _MADE[name](item)
    return {key: from_types(item) for key, item in kept.items()}


def _optional(kept: Any) -> Optional:
    return Optional(from_types(kept[0])) if kept else Optional(present=False)


def _map(kept: Any) -> Mapping[Any, Any]:
    pairs = [(from_types(key), from_types(item)) for key, item in kept]
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    return MixedMap.of(pairs)


_TIMESTAMP, _DURATION = compile("timestamp(text)"), compile("duration(text)")

_MADE: Mapping[str, Callable[[Any], Any]] = {
    "$uint": UInt,
    "$double": float,
    "$timestamp": lambda text: _TIMESTAMP.evaluate({"text": text}),
    "$duration": lambda text: _DURATION.evaluate({"text": text}),
    "$bytes": base64.b64decode,
    "$type": Type,
    "$optional": _optional,
    "$map": _map,
}

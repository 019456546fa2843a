"""Values in their JSON form, where they leave the expressions (CEL specification, JSON).

:func:`to_json` is for readers; :func:`with_types` and :func:`from_types` keep the CEL types.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from kernel.cel.program import compile
from kernel.cel.values import Duration, MixedMap, Optional, Timestamp, Type, UInt, native
from kernel.schema.problems import Problem, SchemaError
from kernel.structs import struct

_MAX_DEPTH = 200
_TEXT = compile("string(value)")

_Seen = dict[int, tuple[Any, Any]]
"""The lists and maps that were met, by their ``id``, and their JSON form: each is made once."""


def to_json(value: Any) -> Any:
    """``value`` with timestamps and durations as text, bytes as base64, unsigned ints as ints.

    The keys of a map are text, ``"1"`` and ``"true"`` for ``1`` and ``true`` (protobuf, JSON).
    The very same object comes back where nothing was changed; what has no JSON form stays. Raises
    :class:`kernel.schema.SchemaError` where two keys of a map become the same text.
    """
    try:
        return _plain(value, {}, 0)
    except _KeysMeet as met:
        raise SchemaError([Problem(tuple(met.path), str(met), (), "json")]) from None


class _KeysMeet(Exception):
    """Two keys of the mapping at ``path`` are one key in JSON."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.path: list[str | int] = []


@struct
class Meeting:
    """Two keys of a map that are one key in JSON, in their order in the map."""

    first: Any
    second: Any

    def __str__(self) -> str:
        one, two = sorted((self.first, self.second), key=lambda key: isinstance(key, str))
        return f"the keys {json_key(one)} and {json.dumps(two)} are one key in JSON"


_TEXT_ONLY = frozenset({str})


def meeting_keys(mapping: Mapping[Any, Any]) -> Meeting | None:
    """The first two keys of a map that become the same text in JSON."""
    if _TEXT_ONLY.issuperset(map(type, mapping)):
        return None
    known: dict[Any, Any] = {}
    for key in mapping:
        first = known.setdefault(json_key(key), key)
        if first is not key:
            return Meeting(first, key)
    return None


def json_key(key: Any) -> Any:
    """A key of a map as JSON has it; a key that no map of CEL has stays."""
    if isinstance(key, bool):
        return "true" if key else "false"
    return int.__repr__(key) if isinstance(key, int) else key


def _plain(value: Any, seen: _Seen, depth: int) -> Any:
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
    if not isinstance(value, (Mapping, list, tuple)):
        return value
    if id(value) not in seen:
        make: Any = _object if isinstance(value, Mapping) else _array
        seen[id(value)] = value, make(value, seen, depth)
    return seen[id(value)][1]


def _object(value: Mapping[Any, Any], seen: _Seen, depth: int) -> Mapping[Any, Any]:
    made: dict[Any, Any] = {}
    unchanged = True
    for key, item in value.items():
        name = json_key(key)
        plain = _inner(item, name, seen, depth)
        unchanged = unchanged and name is key and plain is item
        made[name] = plain
    if len(made) != len(value):
        raise _KeysMeet(str(meeting_keys(value)))
    return value if unchanged else made


def _array(value: Any, seen: _Seen, depth: int) -> Any:
    items = [_inner(item, index, seen, depth) for index, item in enumerate(value)]
    unchanged = type(value) is list and all(
        new is old for new, old in zip(items, value, strict=True)
    )
    return value if unchanged else items


def _inner(value: Any, step: Any, seen: _Seen, depth: int) -> Any:
    try:
        return _plain(value, seen, depth + 1)
    except _KeysMeet as met:
        met.path.insert(0, step if isinstance(step, (int, str)) else str(step))
        raise


def in_json(value: Any, conform: Callable[[Any], Any]) -> Any:
    """What ``conform`` makes of a value, or of its JSON form where it refuses the value itself.

    So a timestamp fits a schema as text. Raises what ``conform`` and :func:`to_json` raise,
    :class:`kernel.schema.SchemaError`.
    """
    try:
        return conform(value)
    except SchemaError as refused:
        return again_in_json(value, conform, refused)


def again_in_json(value: Any, conform: Callable[[Any], Any], refused: SchemaError) -> Any:
    """What ``conform`` makes of the JSON form of a value that it has ``refused`` as it is.

    Raises ``refused`` for a value that is JSON already, and what ``conform`` and :func:`to_json`
    raise.
    """
    plain = to_json(value)
    if plain is value:
        raise refused
    return conform(plain)


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

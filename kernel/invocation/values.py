"""CEL values in their JSON form, where they leave the expressions (CEL specification, JSON)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from kernel.cel import Duration, Timestamp, UInt, compile
from kernel.schema import SchemaError

if TYPE_CHECKING:
    from kernel.invocation.invocation import Invocation

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


def as_json(conform: Callable[[Any], Any], value: Any, error: SchemaError) -> Any:
    """A refused value once more, in its JSON form: a timestamp fits a schema as text.

    Raises :class:`SchemaError` when it is refused again; ``error`` when it has no other form.
    """
    plain = to_json(value)
    if plain is value:
        raise error
    return conform(plain)


def problems_of(error: SchemaError, invocation: Invocation) -> list[str]:
    """What is wrong, without the secrets of the run."""
    redact = invocation.context.run.world.redactor.text
    return [redact(str(problem)) for problem in error.problems]


def learn(invocation: Invocation, value: Any, hide: Callable[[Any], Any]) -> None:
    """What ``hide`` redacts in ``value`` is a secret of the run from now on."""
    invocation.context.run.world.redactor.learn(value, hide(value))


def fresh(value: Any) -> Any:
    """A copy of a JSON value: what is done to it is done to nothing else."""
    if type(value) is dict:
        return {key: fresh(item) for key, item in value.items()}
    if type(value) is list:
        return [fresh(item) for item in value]
    return value

"""Values between JSON and the database.

=====================  =====================================  ==================================
JSON                   to SQLite                              to PostgreSQL
=====================  =====================================  ==================================
list                   JSON text, as for ``json_each(?)``     an array; ``jsonb`` if mixed
object                 JSON text                              ``jsonb``
the others             as they are; a bool is 1 or 0          as they are
=====================  =====================================  ==================================

===========================  ===================================================================
from the database            in a row
===========================  ===================================================================
date, time, timestamp        RFC 3339 text
interval                     seconds as text (``"5400s"``), as CEL's ``duration()`` reads
numeric                      text, so that no digit is lost
bytes                        base64 text
array, json                  list, value
NaN, infinity                text
uuid, inet, range, others    text
===========================  ===================================================================
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from .statement import Dialect

PLAIN = (str, int, bool, type(None))


def to_database(value: Any, dialect: Dialect) -> Any:
    """A binding as the driver takes it."""
    if not isinstance(value, list | Mapping):
        return value
    if dialect == "sqlite":
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list) and _is_array(value):
        return value
    from psycopg.types.json import Jsonb

    return Jsonb(value)


def to_json(value: Any) -> Any:
    """A column as JSON."""
    if isinstance(value, PLAIN):
        return value
    for types, convert in CONVERTERS:
        if isinstance(value, types):
            return convert(value)
    return str(value)


def _is_array(value: list[Any]) -> bool:
    types = {type(each) for each in value}
    return len(types) <= 1 and types.isdisjoint((list, dict))


def _timestamp(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


def _seconds(value: timedelta) -> str:
    whole, rest = divmod(abs(value) // timedelta(microseconds=1), 1_000_000)
    sign = "-" if value < timedelta(0) else ""
    return f"{sign}{whole}{f'.{rest:06}'.rstrip('0') if rest else ''}s"


def _float(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


CONVERTERS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (float, _float),
    (Decimal, str),
    (datetime, _timestamp),
    ((date, time), lambda value: value.isoformat()),
    (timedelta, _seconds),
    ((bytes, bytearray, memoryview), _base64),
    ((list, tuple), lambda value: [to_json(each) for each in value]),
    (Mapping, lambda value: {str(name): to_json(each) for name, each in value.items()}),
)

"""Values between JSON and SQLite, and what both databases have in common.

=====================  =====================================  ==================================
JSON                   to SQLite                              to PostgreSQL
=====================  =====================================  ==================================
list                   JSON text, as for ``json_each(?)``     an array where the statement has an
                                                              array there, else ``jsonb``
object                 JSON text                              ``jsonb``
integer                as it is                               as the same literal: ``int4``,
                                                              ``int8``, beyond that ``numeric``
the others             as they are; a bool is 1 or 0          as they are
=====================  =====================================  ==================================

===========================  ===================================================================
from the database            in a row
===========================  ===================================================================
bool, integer, finite float  the value
array, json                  list, value
date, time, timestamp        RFC 3339 text
interval                     seconds as text (``"5400s"``), as CEL's ``duration()`` reads
bytes                        base64 text
NaN, infinity                ``"NaN"``, ``"Infinity"``, ``"-Infinity"``
all others, and what the     text as the database writes it: ``"1.10"``, ``"[1,3)"``,
forms above cannot hold      ``"infinity"``, ``"24:00:00"``, ``"0044-03-15 BC"``, ``"1 mon"``
===========================  ===================================================================
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from typing import Any


def to_sqlite(value: Any) -> Any:
    """A binding as SQLite's driver takes it."""
    if isinstance(value, list | Mapping):
        return json.dumps(value, ensure_ascii=False)
    return value


def from_sqlite(value: Any) -> Any:
    """A column of SQLite as JSON: of its five kinds of values two are not JSON already."""
    if isinstance(value, float):
        return number(value)
    return base64_of(value) if isinstance(value, bytes) else value


def number(value: float) -> float | str:
    """A float as JSON; text where JSON has no such number."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def base64_of(value: bytes) -> str:
    """Bytes as JSON."""
    return base64.b64encode(value).decode("ascii")

"""Bindings as PostgreSQL's driver takes them.

What a list becomes is decided by the statement and not by what happens to be in the list: the
server is asked for the type of each place that a list goes to. An array is written as PostgreSQL
writes arrays, and read by the type of its place, so that ``["2024-01-01"]`` can be a ``date[]``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

from .pg_types import Type, array_of, oid_of, type_of
from .statement import Statement

if TYPE_CHECKING:
    from psycopg.adapt import AdaptersMap
    from sqlalchemy import Connection

INT4, INT8 = 2**31, 2**63


class Array(str):
    """The text of an array whose type is stated: that with the number ``oid``."""

    oid: int

    def __new__(cls, text: str, oid: int) -> Array:
        made = super().__new__(cls, text)
        made.oid = oid
        return made


@cache
def adapters() -> AdaptersMap:
    """How the driver takes values; what the server sends stays text (``pg_reading.py``)."""
    import psycopg
    from psycopg.adapt import AdaptersMap, PyFormat
    from psycopg.types.string import StrDumper, TextLoader

    class ArrayDumper(StrDumper):
        def get_key(self, obj: Any, format: PyFormat) -> Any:
            return (self.cls, obj.oid)

        def upgrade(self, obj: Any, format: PyFormat) -> ArrayDumper:
            dumper = ArrayDumper(self.cls)
            dumper.oid = obj.oid
            return dumper

    made = AdaptersMap(psycopg.adapters)
    made.register_dumper(Array, ArrayDumper)
    for info in psycopg.adapters.types:
        for oid in (info.oid, info.array_oid):
            made.register_loader(oid, TextLoader)
    return made


def bound(connection: Connection, statement: Statement) -> tuple[Any, ...]:
    """The values of a statement as the driver takes them."""
    values = statement.values
    if not any(isinstance(value, list) for value in values):
        return tuple(map(_scalar, values))
    places = _places(connection, statement)
    return tuple(
        _list(value, place) if isinstance(value, list) else _scalar(value)
        for value, place in zip(values, places, strict=True)
    )


def _scalar(value: Any) -> Any:
    from psycopg.types.json import Jsonb
    from psycopg.types.numeric import Int4, Int8

    if type(value) is int:
        return Int4(value) if -INT4 <= value < INT4 else _large(value, Int8)
    return Jsonb(value) if isinstance(value, Mapping) else value


def _large(value: int, int8: Any) -> Any:
    return int8(value) if -INT8 <= value < INT8 else value


def _places(connection: Connection, statement: Statement) -> list[Type | None]:
    """The type of each placeholder; all None where the server cannot tell, as in ``unnest(?)``."""
    from psycopg.pq import ExecStatus
    from sqlalchemy.exc import DBAPIError

    numbers = count(1)
    text = re.sub(
        "%([%s])", lambda match: "%" if match[1] == "%" else f"${next(numbers)}", statement.text
    )
    types = [_oid(value) for value in statement.values]
    server = connection.connection.dbapi_connection.pgconn  # type: ignore[union-attr]
    found: list[int] = []
    with suppress(DBAPIError, _Unclear), connection.begin_nested():
        if server.prepare(b"", text.encode(), types).status != ExecStatus.COMMAND_OK:
            raise _Unclear
        described = server.describe_prepared(b"")
        found = [described.param_type(place) for place in range(described.nparams)]
    if len(found) != len(types):
        return [None] * len(types)
    return [type_of(connection, oid) for oid in found]


class _Unclear(Exception):
    """The server cannot tell the types, or the statement has an error, which it will be told of."""


def _oid(value: Any) -> int:
    """The type that a value other than a list is sent with; 0 for one that its place decides."""
    if isinstance(value, bool):
        return oid_of("bool")
    if isinstance(value, int):
        small = "int4" if -INT4 <= value < INT4 else "int8"
        return oid_of(small if -INT8 <= value < INT8 else "numeric")
    if isinstance(value, float):
        return oid_of("float8")
    return oid_of("jsonb") if isinstance(value, Mapping) else 0


def _list(value: list[Any], place: Type | None) -> Any:
    from psycopg.types.json import Jsonb

    if place is None:
        name = _common(value)
        return Jsonb(value) if name is None else Array(_literal(value), array_of(name))
    if place.element is None:
        return Jsonb(value)
    if place.element in (oid_of("json"), oid_of("jsonb")):
        return _literal(value, place.delimiter, is_json=True)
    integers = {oid_of(name) for name in ("int2", "int4", "int8")}
    if place.element in integers and _common(value) == "float8":
        # `id = ANY([2, 2.5])` compares, as `id = 2.5` does.
        return Array(_literal(value), array_of("float8"))
    return _literal(value, place.delimiter)


def _common(values: list[Any]) -> str | None:
    """The type that all elements have; None where there is none."""
    types = {type(value) for value in _flat(values)} - {type(None)}
    if types == {int}:
        most = max(abs(value) for value in _flat(values) if value is not None)
        return "int4" if most < INT4 else "int8" if most < INT8 else "numeric"
    if types and types <= {int, float}:
        return "float8"
    if types == {bool}:
        return "bool"
    return "text" if types <= {str} else None


def _flat(values: list[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value


def _literal(values: list[Any], delimiter: str = ",", *, is_json: bool = False) -> str:
    """An array as PostgreSQL writes it; ``is_json``: of JSON texts, so that no list is inside."""

    def item(value: Any) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, list) and not is_json:
            return _literal(value, delimiter)
        is_text = isinstance(value, str) and not is_json
        text = value if is_text else json.dumps(value, ensure_ascii=False)
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    return "{" + delimiter.join(map(item, values)) + "}"

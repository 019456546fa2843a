"""The types of PostgreSQL, by their numbers (oids).

The driver knows those that every server has; others are looked up in ``pg_type`` once for each
connection, when a statement first has to do with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection

LOOK_UP = """
    SELECT t.typbasetype, e.typdelim,
      CASE WHEN t.typoutput = 'pg_catalog.array_out'::pg_catalog.regproc THEN t.typelem END
    FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem
    WHERE t.oid = %s
"""


@dataclass(frozen=True, slots=True)
class Type:
    """A type; of a domain, the type below it. An array has elements of the type ``element``."""

    oid: int
    element: int | None = None
    delimiter: str = ","


def oid_of(name: str) -> int:
    """The number of a type that every server has."""
    from psycopg import adapters

    return adapters.types[name].oid


def array_of(name: str) -> int:
    """The number of the arrays of such a type."""
    from psycopg import adapters

    return adapters.types[name].array_oid


def type_of(connection: Connection, oid: int) -> Type:
    """The type with this number."""
    if known := _known().get(oid):
        return known
    # `info` lives and ends with the driver's connection.
    types: dict[int, Type] = connection.info.setdefault("types", {})
    if oid not in types:
        types[oid] = _looked_up(connection, oid)
    return types[oid]


def _looked_up(connection: Connection, oid: int) -> Type:
    driver: Any = connection.connection.dbapi_connection
    row = driver.execute(LOOK_UP, [oid]).fetchone()
    # Every value comes as text (`pg_reading.py`). A type may have been dropped in the meantime.
    base, delimiter, element = row or ("0", None, None)
    if int(base):
        return type_of(connection, int(base))
    return Type(oid, int(element), delimiter or ",") if element else Type(oid)


@cache
def _known() -> dict[int, Type]:
    from psycopg import adapters

    known = {info.oid: Type(info.oid) for info in adapters.types}
    for info in adapters.types:
        if info.array_oid:
            known[info.array_oid] = Type(info.array_oid, info.oid, info.delimiter)
    return known

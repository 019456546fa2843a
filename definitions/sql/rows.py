"""Running a prepared statement, and its rows as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from definitions.failures import failed

from .engine import dialect_of, note_verb
from .pg_binding import bound
from .pg_reading import readers_of
from .statement import Dialect, Statement, only_reading, prepared
from .values import from_sqlite, to_sqlite

if TYPE_CHECKING:
    from sqlalchemy import Connection, CursorResult

STREAMED = {"SELECT", "WITH", "VALUES", "TABLE"}


def statement_of(
    fields: Mapping[str, Any], inputs: Mapping[str, Any], dialect: Dialect
) -> Statement:
    """The statement of a call: the resource's ``sql`` or the call's, with the call's bindings."""
    if ("sql" in fields) == ("sql" in inputs):
        which = "both" if "sql" in fields else "neither"
        raise failed("SYNTAX", f"{which} of the resource and the call give `sql`; one of them does")
    return prepared(inputs.get("sql") or fields.get("sql", ""), inputs.get("bindings", []), dialect)


def query(
    fields: Mapping[str, Any], inputs: Mapping[str, Any], connection: Connection
) -> dict[str, Any]:
    """The outputs of ``Sql.Query``."""
    dialect = dialect_of(connection)
    statement = only_reading(statement_of(fields, inputs, dialect))
    # Otherwise PostgreSQL's driver fetches all rows before the first can be counted.
    streamed = dialect == "postgresql" and statement.verb in STREAMED
    with _executed(connection, statement, dialect, streamed=streamed) as result:
        rows = _rows(connection, result, fields.get("maxRows", 10_000))
    return {"rows": rows, "count": len(rows)}


def execute(
    fields: Mapping[str, Any], inputs: Mapping[str, Any], connection: Connection
) -> dict[str, Any]:
    """The outputs of ``Sql.Exec``."""
    dialect = dialect_of(connection)
    statement = statement_of(fields, inputs, dialect)
    with _executed(connection, statement, dialect) as result:
        rows = _rows(connection, result, fields.get("maxRows", 10_000))
        count = max(result.rowcount, 0)
        # Of any other statement the driver reports the row of an INSERT before it.
        inserted = dialect == "sqlite" and statement.verb in ("INSERT", "REPLACE") and count > 0
        last = result.lastrowid if inserted else None
    return {"count": count, "lastId": last, "rows": rows}


@contextmanager
def _executed(
    connection: Connection, statement: Statement, dialect: Dialect, *, streamed: bool = False
) -> Iterator[CursorResult[Any]]:
    if dialect == "postgresql":
        values = bound(connection, statement)
    else:
        values = tuple(map(to_sqlite, statement.values))
        note_verb(connection, statement.verb)
    options = {"stream_results": True} if streamed else None
    result = connection.exec_driver_sql(statement.text, values, execution_options=options)
    try:
        yield result
    finally:
        result.close()


def _rows(connection: Connection, result: CursorResult[Any], most: int) -> list[dict[str, Any]]:
    if not result.returns_rows:
        return []
    names = list(result.keys())
    if twice := sorted(name for name, times in Counter(names).items() if times > 1):
        raise failed(
            "DUPLICATE_COLUMN",
            f"several columns are named {', '.join(twice)}: name them apart with AS",
        )
    readers = _readers(connection, result)
    rows = result.fetchmany(most + 1)
    if len(rows) > most:
        raise failed(
            "TOO_MANY_ROWS", f"more than {most} rows: narrow the statement or raise `maxRows`"
        )
    columns = list(zip(names, readers, strict=True))
    return [
        {
            name: None if value is None else read(value)
            for (name, read), value in zip(columns, row, strict=True)
        }
        for row in rows
    ]


def _readers(connection: Connection, result: CursorResult[Any]) -> list[Callable[[Any], Any]]:
    """For each column, what makes JSON of its values."""
    columns: Any = result.cursor.description
    if dialect_of(connection) == "sqlite":
        return [from_sqlite for _ in columns]
    return readers_of(connection, [column.type_code for column in columns])

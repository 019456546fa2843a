"""One SQL statement, and its placeholders as the driver wants them.

``?`` and ``:name`` work on both dialects (`kernel.sql_text`). A list of bindings goes with ``?``,
an object with ``:name``; the other notation is then left alone, so that PostgreSQL's operator ``?``
and its slices ``[1:n]`` can be written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from definitions.failures import failed
from kernel import sql_tokens

Dialect = Literal["sqlite", "postgresql"]
Bindings = Sequence[Any] | Mapping[str, Any]

READING = {"SELECT", "WITH", "VALUES", "TABLE", "EXPLAIN", "SHOW"}
CONTROLLING = {
    "BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE", "PREPARE",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as the driver takes it. ``verb`` is its first word, in capitals."""

    text: str
    values: tuple[Any, ...]
    verb: str


def prepared(sql: str, bindings: Bindings, dialect: Dialect) -> Statement:
    """The statement with its values in the order of its placeholders.

    Raises ``Failure``: ``SYNTAX`` for a quote that is not closed, ``SEVERAL_STATEMENTS``,
    ``BINDINGS`` when placeholders and bindings do not match, and ``TRANSACTION_CONTROL``.
    """
    form = _form(sql, dialect, "name" if isinstance(bindings, Mapping) else "mark")
    return Statement(form.text, _values(form.placeholders, bindings), form.verb)


def only_reading(statement: Statement) -> Statement:
    """The statement; raises ``Failure`` ``READ_ONLY`` unless it begins as one that reads."""
    if statement.verb not in READING:
        raise failed("READ_ONLY", f"a query only reads; {statement.verb} is for Sql.Exec")
    return statement


@dataclass(frozen=True, slots=True)
class _Form:
    """A statement without its values. ``placeholders`` are names, empty texts for ``?``."""

    text: str
    placeholders: tuple[str, ...]
    verb: str


@lru_cache(maxsize=256)
def _form(sql: str, dialect: Dialect, placeholder: str) -> _Form:
    parts: list[str] = []
    names: list[str] = []
    verb = ""
    ended = False
    for kind, text in _tokens(sql, dialect):
        if kind == "end":
            # SQLite's own parser tells a trigger's body from a second statement.
            ended = dialect == "postgresql"
        elif ended and kind != "space":
            raise failed("SEVERAL_STATEMENTS", "one call runs one statement")
        if kind == "word" and not verb:
            verb = text.upper()
        if kind == placeholder:
            names.append(text[1:])
            text = "%s" if dialect == "postgresql" else "?"
        elif dialect == "postgresql":
            text = text.replace("%", "%%")
        parts.append(text)
    if not verb:
        raise failed("SYNTAX", "there is no statement")
    if verb in CONTROLLING:
        raise failed("TRANSACTION_CONTROL", f"{verb} is what Sql.Transaction is for")
    return _Form("".join(parts), tuple(names), verb)


def _values(names: Sequence[str], bindings: Bindings) -> tuple[Any, ...]:
    if isinstance(bindings, Mapping):
        if missing := sorted(set(names) - bindings.keys()):
            raise failed("BINDINGS", f"no binding for :{', :'.join(missing)}")
        if unused := sorted(bindings.keys() - set(names)):
            raise failed("BINDINGS", f"no placeholder :{', :'.join(unused)} in the statement")
        return tuple(bindings[name] for name in names)
    if len(names) != len(bindings):
        counts = f"{len(names)} placeholders, and {len(bindings)} bindings are given"
        raise failed("BINDINGS", f"the statement has {counts}")
    return tuple(bindings)


def _tokens(sql: str, dialect: Dialect) -> Iterator[tuple[str, str]]:
    try:
        yield from sql_tokens(sql, dialect)
    except ValueError as error:
        raise failed("SYNTAX", str(error)) from None

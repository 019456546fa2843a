"""A session: the connection of a store to its database, used by one thread at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from kernel.journal.errors import JournalError

Mode = Literal["read", "lasting", "durable"]
"""``read`` writes nothing. ``lasting`` outlives the process, ``durable`` a power cut as well."""

Values = Sequence[str | int | None]


class Session(Protocol):
    """A connection. SQL has ``?`` for values and is the same for every store."""

    name: str
    """Of the journal, without a password."""
    lock: str
    """Ends a SELECT whose rows nobody else may change until the transaction ends."""
    clustered: str
    """Ends a CREATE TABLE whose rows are kept in the order of its key, where the store can do that:
    a commit then changes fewer pages."""
    bytewise: str
    """Stands behind a text that is compared by its bytes, not in the order of a language."""

    @property
    def broken(self) -> bool:
        """Whether the connection is lost."""

    def begin(self, mode: Mode) -> None:
        """Begin a transaction."""

    def begin_at_once(self, mode: Mode) -> bool:
        """Begin a transaction if that and its commit will hardly block; whether it began."""

    def tidy(self) -> None:
        """Do the store's housekeeping, while nobody waits."""

    def commit(self) -> None:
        """Commit the transaction; on return it is kept as its mode says."""

    def rollback(self) -> None:
        """Undo the transaction, if there is one."""

    def rows(self, sql: str, values: Values = ()) -> list[Any]:
        """The rows of a query, as tuples."""

    def change(self, sql: str, values: Values = ()) -> int:
        """Do a statement and return how many rows it changed."""

    def explain(self, error: Exception) -> JournalError:
        """What an exception of the driver means, as one sentence."""

    def close(self) -> None:
        """Close the connection."""


def where(*conditions: tuple[Any, ...]) -> tuple[str, tuple[str | int, ...]]:
    """The WHERE clause of the conditions ``(sql, *values)`` that have no None, and its values."""
    wanted = [condition for condition in conditions if None not in condition]
    sql = " AND ".join(sql for sql, *_ in wanted)
    return f"WHERE {sql}" if wanted else "", tuple(one for _, *values in wanted for one in values)

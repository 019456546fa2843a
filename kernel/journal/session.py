"""What a store gives to the statements: one connection, used by one thread at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from kernel.journal.errors import JournalError

Mode = Literal["read", "lasting", "durable"]
"""``read`` writes nothing. ``lasting`` outlives the process, ``durable`` a power cut as well."""

Values = Sequence[str | int | None]


class Session(Protocol):
    """A connection. SQL has ``?`` for values and is the same for every store.

    ``lock`` is what a SELECT ends with to keep others from changing the rows that it found, where
    the transaction alone does not; ``clustered`` ends the making of a table whose rows are kept in
    the order of its key, where the store can do that: a commit then changes fewer pages.
    ``bytewise`` stands behind a text that is compared by its bytes, not by what a language orders.
    """

    lock: str
    clustered: str
    bytewise: str

    @property
    def broken(self) -> bool:
        """Whether the connection is lost."""

    def begin(self, mode: Mode) -> None:
        """Begin a transaction."""

    def begin_at_once(self, mode: Mode) -> bool:
        """Begin one, if its caller will hardly have to wait for anything; whether it began."""

    def tidy(self) -> None:
        """Do what the store has to do now and then, while nobody waits."""

    def commit(self) -> None:
        """Commit it: on return it is kept, as the mode says."""

    def rollback(self) -> None:
        """Undo it, as far as there is one."""

    def rows(self, sql: str, values: Values = ()) -> list[Any]:
        """The rows of a query, as tuples."""

    def change(self, sql: str, values: Values = ()) -> int:
        """Do a statement; how many rows it changed."""

    def explain(self, error: Exception) -> JournalError:
        """What an exception of the driver means, as one sentence."""

    def close(self) -> None:
        """Close the connection."""

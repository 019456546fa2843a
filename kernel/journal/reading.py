"""Typed reading: what each column of a row may hold. A row that holds anything else is damaged.

Every reader of the journal declares its columns once, in a :class:`Shape`; what reads a row can
rely on their types, and on those of the members of JSON that commands and the pipeline look into.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import replace
from typing import Any, Generic, NamedTuple, TypeVar, get_args

from kernel.errors import Outcome
from kernel.journal.errors import Damaged
from kernel.journal.rows import ApprovalState, RunState
from kernel.journal.values import from_text
from kernel.safety import Safety
from kernel.schema.plain import MAX_DEPTH
from kernel.structs import struct

T = TypeVar("T")

_MAX_COUNT = 2**62
"""A larger number was not counted, and could not be counted on in every store."""

_MAX_ID_CHARACTERS = 200
_MAX_DEPTH = MAX_DEPTH + 40
"""Of a value with what the kernel writes around it; a deeper one could not be printed as YAML."""

_TABLES = {
    "c": "kernel_conclusions",
    "i": "kernel_invocations",
    "p": "kernel_progress",
    "r": "kernel_runs",
}
"""What queries that join tables call them."""


@struct(eq=False)
class Kind:
    """What a column may hold: a value of the ``types`` that is ``among`` those given.

    ``read`` makes the value of what the column holds, and raises ValueError for what is wrong.
    """

    says: str
    types: tuple[type, ...]
    among: Container[Any] | None = None
    read: Callable[[Any], Any] | None = None


def _one_of(says: str, literal: Any) -> Kind:
    return Kind(says, (str,), frozenset(get_args(literal)))


def maybe(kind: Kind) -> Kind:
    """The kind of a column that may hold nothing."""
    return replace(kind, types=(*kind.types, type(None)))


Form = Mapping[str, Any]
"""The types of the members that a JSON object may have, or the values; None is always allowed."""


def _object(says: str, form: Form) -> Kind:
    def read(text: str) -> Any:
        found = _json(text)
        if found is not None and not _has_form(found, form):
            raise ValueError
        return found

    return Kind(says, (str, type(None)), read=read)


def _json(text: str) -> Any:
    """The value of a JSON text. Raises ValueError where it is deeper than any that is written."""
    found = from_text(text)
    if text.count("{") + text.count("[") > _MAX_DEPTH:
        inside = [found]
        for _ in range(_MAX_DEPTH):
            inside = [item for one in inside for item in _items(one)]
            if not inside:
                return found
        if any(isinstance(one, dict | list) for one in inside):
            raise ValueError
    return found


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _has_form(found: Any, form: Form) -> bool:
    return isinstance(found, dict) and all(
        _is_of(found[name], kind)
        for name, kind in form.items()
        if name in found and found[name] is not None
    )


def _is_of(member: Any, kind: Any) -> bool:
    if isinstance(kind, frozenset):
        return isinstance(member, str) and member in kind
    if type(member) is list:
        return list in kind and all(type(one) is str for one in member)
    return type(member) in kind


TEXT = Kind("text", (str,))
COUNT = Kind("a number from 0 up", (int,), range(_MAX_COUNT))
MOMENT = Kind("a moment since 1970", (int,), range(2**63))
JSON = Kind("JSON", (str, type(None)), read=_json)
RUN_STATE = _one_of("a state of a run", RunState)
APPROVAL_STATE = _one_of("a state of an approval", ApprovalState)
SAFETY = _one_of("a safety class", Safety)
OUTCOME = _one_of("an outcome", Outcome)
ABOUT = _object(
    "JSON about an invocation", {"began": (int,), "module": (str,), "topology": (bool,)}
)
ERROR = _object(
    "an error as JSON",
    {
        "kind": (str,),
        "message": (str,),
        "code": (str, int),
        "step": (str,),
        "attempt": (int,),
        "outcome": frozenset(get_args(Outcome)),
        "retryAfter": (int, float),
        "final": (bool,),
        "place": (str,),
    },
)
FROZEN = _object(
    "what a person is asked, as JSON",
    {
        "path": (str,),
        "message": (str,),
        "approvers": (list,),
        "approved_by": (list,),
        "quorum": (int,),
    },
)


class Page(NamedTuple, Generic[T]):
    """The rows of a query that could be read, and what is damaged of the others."""

    rows: list[T]
    damaged: list[Damaged]


_HASHED = frozenset((str, int, type(None)))


def hashed(rows: list[Any], what: str, journal: str) -> list[Any]:
    """Rows whose columns are hashed as they are. Raises :class:`Damaged` for octets, for example.

    ``what`` they are: the plural of a noun.
    """
    for row in rows:
        if not _HASHED.issuperset(map(type, row)):
            raise Damaged(f"{what} in the journal {journal}", "not all is text, number or nothing")
    return rows


class Wrong(ValueError):
    """The columns of a row, each of the right kind, do not go together; the text says why."""


class Shape(Generic[T]):
    """The columns of a query, in their order, and what is made of their values.

    ``what`` the row is about (``run``), whose id is the first column.
    """

    def __init__(
        self, what: str, make: Callable[..., T], columns: Mapping[str, Kind], table: str = ""
    ) -> None:
        self.columns = ", ".join(columns)
        self._what = what
        self._make = make
        self._names = [_named(column, table) for column in columns]
        self._kinds = list(columns.values())
        listed = list(enumerate(self._kinds))
        self._readers = [(at, kind.read) for at, kind in listed if kind.read is not None]
        self._among = [(at, kind.among) for at, kind in listed if kind.among is not None]
        # The types of rows that were found right: most rows have the same.
        self._sound: set[tuple[type, ...]] = set()

    def read(self, row: Any, journal: str) -> T:
        """What a row of the journal of that name holds. Raises :class:`Damaged`."""
        types = tuple(map(type, row))
        if types not in self._sound:
            for at, kind in enumerate(self._kinds):
                if types[at] not in kind.types:
                    raise self._damaged(row, journal, self._wrong(at, row[at]))
            self._sound.add(types)
        for at, among in self._among:
            if row[at] is not None and row[at] not in among:
                raise self._damaged(row, journal, self._wrong(at, row[at]))
        values = list(row)
        for at, read in self._readers:
            if row[at] is not None:
                try:
                    values[at] = read(row[at])
                except (ValueError, RecursionError):
                    raise self._damaged(row, journal, self._wrong(at, row[at])) from None
        try:
            return self._make(*values)
        except Wrong as wrong:
            raise self._damaged(row, journal, str(wrong)) from None

    def page(self, rows: Iterable[Any], journal: str) -> Page[T]:
        """What the rows hold that can be read."""
        page: Page[T] = Page([], [])
        for row in rows:
            try:
                page.rows.append(self.read(row, journal))
            except Damaged as damaged:
                page.damaged.append(damaged)
        return page

    def _wrong(self, at: int, found: Any) -> str:
        how = "is missing" if found is None else f"is not {self._kinds[at].says}"
        return f"`{self._names[at]}` {how}"

    def _damaged(self, row: Any, journal: str, why: str) -> Damaged:
        what, id = named(self._what, row[0])
        return Damaged(f"{what} in the journal {journal}", why, id=id)


def _named(column: str, table: str) -> str:
    alias, dot, name = column.rpartition(".")
    return f"{_TABLES[alias]}.{name}" if dot else f"{table}.{column}"


def named(what: str, id: Any) -> tuple[str, str | None]:
    """``the run r-7``, and its id; an id that is none, or would not be readable, is not quoted."""
    if isinstance(id, str) and 0 < len(id) <= _MAX_ID_CHARACTERS and id.isprintable():
        return f"the {what} {id}", id
    return f"{'an' if what[0] in 'aeiou' else 'a'} {what} without a readable id", None

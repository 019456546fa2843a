"""One SQL statement: its tokens, and its placeholders as the driver wants them.

``?`` and ``:name`` work on both dialects. A list of bindings goes with ``?``, an object with
``:name``; the other notation is then left alone, so that PostgreSQL's operator ``?`` and its slices
``[1:n]`` can be written. What stands in strings, comments and quoted names is never a placeholder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from definitions.failures import failed

Dialect = Literal["sqlite", "postgresql"]
Bindings = Sequence[Any] | Mapping[str, Any]

COMMON = r"""
    (?P<space>\s+|--[^\n]*)
  | (?P<comment>/\*)
  | (?P<quoted>{quoted})
  | (?P<open>['"`]|\$(?:[^\W\d]\w*)?\$)
  | (?P<word>[^\W\d][\w$]*)
  | (?P<name>:[^\W\d]\w*)
  | (?P<mark>\?)
  | (?P<end>;)
  | (?P<other>::|[\d.]+[\w$]*|.)
"""
SQLITE_QUOTED = r"""'(?:[^']|'')*+'|"(?:[^"]|"")*+"|`(?:[^`]|``)*+`|\[[^\]]*\]"""
POSTGRESQL_QUOTED = (
    r"""[eE]'(?:[^'\\]|\\.|'')*+'|'(?:[^']|'')*+'|"(?:[^"]|"")*+"|`"""
    r"""|\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$"""
)
TOKENS: Mapping[Dialect, re.Pattern[str]] = {
    "sqlite": re.compile(COMMON.format(quoted=SQLITE_QUOTED), re.VERBOSE | re.DOTALL),
    "postgresql": re.compile(COMMON.format(quoted=POSTGRESQL_QUOTED), re.VERBOSE | re.DOTALL),
}
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
    """Kinds and texts of the tokens; comments are ``space``."""
    place = 0
    pattern = TOKENS[dialect]
    while place < len(sql):
        match = pattern.match(sql, place)
        assert match is not None, "the last alternative takes any character"
        kind, end = match.lastgroup or "quoted", match.end()
        if kind == "tag":
            kind = "quoted"
        if kind == "open":
            raise failed("SYNTAX", f"{match.group()} at character {place + 1} is not closed")
        if kind == "comment":
            kind, end = "space", _comment_end(sql, place, nested=dialect == "postgresql")
        yield kind, sql[place:end]
        place = end


def _comment_end(sql: str, start: int, *, nested: bool) -> int:
    """Where a block comment ends; PostgreSQL counts the comments inside it."""
    depth = 0
    for match in re.compile(r"/\*|\*/").finditer(sql, start):
        if match.group() == "*/":
            depth -= 1
        elif nested or match.start() == start:
            depth += 1
        if depth == 0:
            return match.end()
    raise failed("SYNTAX", f"/* at character {start + 1} is not closed")

"""SQL as text: its tokens in the dialects of SQLite and PostgreSQL, and its placeholders.

``?`` and ``:name`` are placeholders. What stands in strings, comments and quoted names is none, nor
is the ``::`` of a cast; a block comment may hold others in PostgreSQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal

from kernel.structs import struct

Dialect = Literal["sqlite", "postgresql"]

_COMMON: Final = r"""
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
_SQLITE_QUOTED: Final = r"""'(?:[^']|'')*+'|"(?:[^"]|"")*+"|`(?:[^`]|``)*+`|\[[^\]]*\]"""
_POSTGRESQL_QUOTED: Final = (
    r"""[eE]'(?:[^'\\]|\\.|'')*+'|'(?:[^']|'')*+'|"(?:[^"]|"")*+"|`"""
    r"""|\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$"""
)
_TOKENS: Final[Mapping[Dialect, re.Pattern[str]]] = {
    "sqlite": re.compile(_COMMON.format(quoted=_SQLITE_QUOTED), re.VERBOSE | re.DOTALL),
    "postgresql": re.compile(_COMMON.format(quoted=_POSTGRESQL_QUOTED), re.VERBOSE | re.DOTALL),
}
_COMMENT: Final = re.compile(r"/\*|\*/")
_WITH_COLONS: Final = frozenset(("JSON_OBJECT", "JSON_OBJECTAGG"))
"""Functions of PostgreSQL between whose arguments a colon may stand."""


def sql_tokens(sql: str, dialect: Dialect) -> Iterator[tuple[str, str]]:
    """The kinds and the texts of the tokens of a statement.

    ``space`` (comments too), ``quoted``, ``word``, ``name`` (``:name``), ``mark`` (``?``), ``end``
    (``;``) and ``other``. Raises ``ValueError`` for a quote or a comment that is not closed.
    """
    place = 0
    pattern = _TOKENS[dialect]
    while place < len(sql):
        match = pattern.match(sql, place)
        assert match is not None, "the last alternative takes any character"
        kind, end = match.lastgroup or "quoted", match.end()
        if kind == "tag":
            kind = "quoted"
        if kind == "open":
            raise ValueError(f"{match.group()} at character {place + 1} is not closed")
        if kind == "comment":
            kind, end = "space", _comment_end(sql, place, nested=dialect == "postgresql")
        yield kind, sql[place:end]
        place = end


def _comment_end(sql: str, start: int, *, nested: bool) -> int:
    """Where a block comment ends; PostgreSQL counts the comments inside it."""
    depth = 0
    for match in _COMMENT.finditer(sql, start):
        if match.group() == "*/":
            depth -= 1
        elif nested or match.start() == start:
            depth += 1
        if depth == 0:
            return match.end()
    raise ValueError(f"/* at character {start + 1} is not closed")


@struct
class Placeholders:
    """The placeholders of a statement; ``names`` have no colon, ``marks`` counts the ``?``.

    ``certain`` are those of the names that are placeholders whatever is bound: the colon of a slice
    ``[1:n]`` and that of ``JSON_OBJECT('k':v)`` stand for themselves where no object is bound.
    """

    names: frozenset[str]
    marks: int
    certain: frozenset[str]


def placeholders(sql: str, dialect: Dialect) -> Placeholders | None:
    """The placeholders of a statement; None where a quote or a comment is not closed."""
    names, certain = set[str](), set[str]()
    marks = depth = 0
    words = False
    try:
        for kind, text in sql_tokens(sql, dialect):
            depth += (text == "[") - (text == "]")
            if kind == "word":
                words = words or text.upper() in _WITH_COLONS
            elif kind == "mark":
                marks += 1
            elif kind == "name":
                names.add(text[1:])
                if depth <= 0:
                    certain.add(text[1:])
    except ValueError:
        return None
    return Placeholders(frozenset(names), marks, frozenset(() if words else certain))

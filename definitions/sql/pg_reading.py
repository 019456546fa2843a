"""What PostgreSQL sends, as JSON.

The driver would make Python objects of it, which cannot hold all that the server can send: no year
before 1 or after 9999, no infinite date, no 24:00:00. So each value comes as the server's own text,
whose forms are those of the manual's chapter 8, "Data Types".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from kernel import read_json

from .pg_types import oid_of, type_of
from .values import base64_of, number

if TYPE_CHECKING:
    from sqlalchemy import Connection

Reader = Callable[[str], Any]

TIME = re.compile(r"(?:(\d{4}-\d\d-\d\d) )?(\d\d:\d\d:\d\d(?:\.\d+)?)([+-]\d\d(?::\d\d){0,2})?")
INTERVAL = re.compile(
    r"(?:(-?\d+) days? ?)?(?:([+-]?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?", re.ASCII
)
ESCAPED = re.compile(r"\\(.)", re.DOTALL)
SECONDS_A_DAY = 86_400


def readers_of(connection: Connection, oids: list[int]) -> list[Reader]:
    """For each column, given by the number of its type, what makes JSON of the server's text."""
    return [_reader(connection, oid) for oid in oids]


def _reader(connection: Connection, oid: int) -> Reader:
    found = type_of(connection, oid)
    if found.element is None:
        return _scalars().get(found.oid, str)
    element = _reader(connection, found.element)
    return partial(_array, element=element, delimiter=found.delimiter)


@cache
def _scalars() -> dict[int, Reader]:
    """All other types are text as it is: numeric, date, range, enum, record, …"""
    return {
        oid_of(name): reader
        for reader, names in (
            (lambda text: text == "t", ["bool"]),
            (int, ["int2", "int4", "int8", "oid"]),
            (lambda text: number(float(text)), ["float4", "float8"]),
            (_json, ["json", "jsonb"]),
            (_bytes, ["bytea"]),
            (_time, ["timestamp", "timestamptz", "timetz"]),
            (_interval, ["interval"]),
        )
        for name in names
    }


def _json(text: str) -> Any:
    try:
        return read_json(text)
    except ValueError:
        # PostgreSQL takes what is no JSON for us: half a surrogate pair, numbers without bounds.
        return text


def _bytes(text: str) -> str:
    if text.startswith("\\x"):
        return base64_of(bytes.fromhex(text[2:]))
    from psycopg.pq import Escaping

    return base64_of(bytes(Escaping().unescape_bytea(text.encode())))


def _time(text: str) -> str:
    """RFC 3339, where that has such a time."""
    match = TIME.fullmatch(text)
    if match is None:
        return text
    day, clock, offset = match.groups()
    time = f"{day}T{clock}" if day else clock
    if offset in (None, "+00"):
        return f"{time}Z" if offset else time
    if len(offset) == len("+00:00:00") and day:
        # Local mean time, of before there were time zones: RFC 3339 has no seconds in an offset.
        try:
            moment = datetime.fromisoformat(time + offset).astimezone(UTC)
        except (OverflowError, ValueError):
            return text
        return moment.isoformat().replace("+00:00", "Z")
    return f"{time}{offset}:00" if len(offset) == len("+00") else time + offset


def _interval(text: str) -> str:
    """Seconds; text for months and years, which are not so many seconds."""
    match = INTERVAL.fullmatch(text)
    if match is None or not text:
        return text
    days, sign, hours, minutes, seconds, fraction = match.groups()
    time = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    microseconds = time * 1_000_000 + int((fraction or "0").ljust(6, "0"))
    total = int(days or 0) * SECONDS_A_DAY * 1_000_000
    total += -microseconds if sign == "-" else microseconds
    whole, rest = divmod(abs(total), 1_000_000)
    return f"{'-' if total < 0 else ''}{whole}{f'.{rest:06}'.rstrip('0') if rest else ''}s"


@cache
def _tokens(delimiter: str) -> re.Pattern[str]:
    end = re.escape(delimiter)
    return re.compile(rf'[{{}}{end}]|"(?:[^"\\]|\\.)*+"|[^{{}}"{end}]+', re.DOTALL)


def _array(text: str, element: Reader, delimiter: str) -> Any:
    levels: list[list[Any]] = [[]]
    # Before the first brace are its bounds, if they do not begin at 1: ``[0:1]={a,b}``.
    for match in _tokens(delimiter).finditer(text, text.index("{")):
        token = match.group()
        if token == "{":
            levels.append([])
        elif token == "}":
            levels[-2].append(levels.pop())
        elif token[0] == '"':
            levels[-1].append(element(ESCAPED.sub(r"\1", token[1:-1])))
        elif token != delimiter:
            levels[-1].append(None if token == "NULL" else element(token))
    return levels[0][0]

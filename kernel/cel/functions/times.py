"""Timestamps and durations: text, parts, time zones (CEL specification, Timezones)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Final

from kernel.cel.errors import Problem
from kernel.cel.functions.table import Function, library, on
from kernel.cel.values import SECOND, Duration, Timestamp, duration, native, timestamp

_standard = library("standard")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_TIMESTAMP = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(?:[Zz]|([-+])([0-9]{2}):([0-9]{2}))"
)


def parse_timestamp(text: str) -> Timestamp:
    """The timestamp of RFC 3339 text, with up to nine digits of a second."""
    match = _TIMESTAMP.fullmatch(text) if len(text) <= 40 else None
    if match is None:
        raise Problem("bad-argument", "the string is not an RFC 3339 timestamp")
    date, time, fraction, sign, hours, minutes = match.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{time}+00:00")
    except ValueError:
        raise Problem("bad-argument", "the string is not a date and time that exists") from None
    offset = int(hours) * 3600 + int(minutes) * 60 if sign else 0
    if offset >= 86_400 or (sign and int(minutes) > 59):
        raise Problem("bad-argument", "the offset from UTC does not exist")
    seconds = (moment - _EPOCH) // timedelta(seconds=1)
    seconds += offset if sign == "-" else -offset
    return timestamp(seconds * SECOND + int((fraction or "0").ljust(9, "0")))


def from_unix_seconds(seconds: int) -> Timestamp:
    """The timestamp of seconds since 1970."""
    return timestamp(seconds * SECOND)


def unix_seconds(value: Any) -> int:
    """The whole seconds since 1970."""
    return int(native(value).nanoseconds // SECOND)


def _fraction(nanoseconds: int) -> str:
    return f".{nanoseconds:09}".rstrip("0").rstrip(".")


def timestamp_text(value: Any) -> str:
    """The RFC 3339 text in UTC, with as many digits of a second as are needed."""
    seconds, nanoseconds = divmod(native(value).nanoseconds, SECOND)
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment.replace(tzinfo=None).isoformat()}{_fraction(nanoseconds)}Z"


def duration_text(value: Any) -> str:
    """The text in seconds, such as ``1.5s``, exactly."""
    total = native(value).nanoseconds
    seconds, nanoseconds = divmod(abs(total), SECOND)
    return f"{'-' if total < 0 else ''}{seconds}{_fraction(nanoseconds)}s"


_UNITS: Final = {
    "h": 3600 * SECOND,
    "m": 60 * SECOND,
    "s": SECOND,
    "ms": 1_000_000,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ns": 1,
}
_PART = re.compile(r"(?:([0-9]++)(?:\.([0-9]*+))?|\.([0-9]++))(ms|us|µs|μs|ns|h|m|s)")
_MAX_DURATION_LENGTH: Final = 200


def parse_duration(text: str) -> Duration:
    """The duration of text such as ``-1h30m2.5s`` (units h, m, s, ms, us, ns; or ``0``)."""
    body = text[1:] if text[:1] in ("-", "+") else text
    total = 0 if body == "0" else _sum_of_parts(body)
    return duration(-total if text[:1] == "-" else total)


def _sum_of_parts(text: str) -> int:
    position = total = 0
    while 0 < len(text) <= _MAX_DURATION_LENGTH:
        match = _PART.match(text, position)
        if match is None:
            break
        whole, decimals, only_decimals, unit = match.groups()
        digits = decimals or only_decimals or ""
        total += int(whole or "0") * _UNITS[unit]
        total += int(digits or "0") * _UNITS[unit] // int(10 ** len(digits))
        position = match.end()
        if position == len(text):
            return total
    raise Problem("bad-argument", "the string is not a duration such as '1h30m' or '1.5s'")


_OFFSET = re.compile(r"([-+]?)([0-9]{2}):([0-9]{2})")


@lru_cache(maxsize=256)
def _zone(name: str) -> Any:
    """The time zone of a name or of an offset such as ``+02:00``."""
    match = _OFFSET.fullmatch(name)
    if match:
        span = timedelta(hours=int(match[2]), minutes=int(match[3]))
        if span < timedelta(days=1) and int(match[3]) < 60:
            return timezone(-span if match[1] == "-" else span)
    elif len(name) <= 64:
        from zoneinfo import ZoneInfo  # for start-up time

        try:
            return ZoneInfo(name)
        except (ValueError, OSError, KeyError):
            pass
    raise Problem("bad-argument", "the time zone is not known")


def _local(value: Any, zone: str) -> datetime:
    seconds = native(value).nanoseconds // SECOND
    moment = _EPOCH + timedelta(seconds=seconds)
    if zone == "UTC":
        return moment
    try:
        return moment.astimezone(_zone(zone))
    except OverflowError:
        raise Problem("overflow", "the local time is outside of the years 1 to 9999") from None


def _part(
    name: str, doc: str, example: str, of: Callable[[datetime], int], unit: int | None = None
) -> Function:
    """A part of a timestamp; with a ``unit`` also of a duration, which is whole in that unit."""
    overloads = [
        on("timestamp.() -> int", lambda value: of(_local(value, "UTC"))),
        on("timestamp.(string) -> int", lambda value, zone: of(_local(value, zone))),
    ]
    if unit:
        overloads.append(
            on("duration.() -> int", lambda value: _truncated(native(value).nanoseconds, unit))
        )
    return _standard(name, doc, example, *overloads)


def _truncated(nanoseconds: int, unit: int) -> int:
    return -(-nanoseconds // unit) if nanoseconds < 0 else nanoseconds // unit


def _milliseconds(value: Any) -> int:
    return int(native(value).nanoseconds % SECOND // 1_000_000)


def _milliseconds_in(value: Any, zone: str) -> int:
    _local(value, zone)
    return _milliseconds(value)


def _milliseconds_of_duration(value: Any) -> int:
    nanoseconds = native(value).nanoseconds
    milliseconds = _truncated(nanoseconds, 1_000_000)
    return milliseconds % 1000 if nanoseconds >= 0 else -(-milliseconds % 1000)


_T: Final = "timestamp('2009-02-13T23:31:30.5Z')"

FUNCTIONS: Final = (
    _part("getFullYear", "The year.", f"{_T}.getFullYear() == 2009", lambda t: t.year),
    _part("getMonth", "The month, from 0.", f"{_T}.getMonth() == 1", lambda t: t.month - 1),
    _part("getDate", "The day of the month, from 1.", f"{_T}.getDate() == 13", lambda t: t.day),
    _part(
        "getDayOfMonth",
        "The day of the month, from 0.",
        f"{_T}.getDayOfMonth() == 12",
        lambda t: t.day - 1,
    ),
    _part(
        "getDayOfWeek",
        "The day of the week, Sunday is 0.",
        f"{_T}.getDayOfWeek() == 5",
        lambda t: t.isoweekday() % 7,
    ),
    _part(
        "getDayOfYear",
        "The day of the year, from 0.",
        f"{_T}.getDayOfYear() == 43",
        lambda t: t.timetuple().tm_yday - 1,
    ),
    _part(
        "getHours",
        "The hour of a timestamp; a duration in whole hours.",
        f"{_T}.getHours('+01:00') == 0",
        lambda t: t.hour,
        3600 * SECOND,
    ),
    _part(
        "getMinutes",
        "The minute of a timestamp; a duration in whole minutes.",
        "duration('1h30m').getMinutes() == 90",
        lambda t: t.minute,
        60 * SECOND,
    ),
    _part(
        "getSeconds",
        "The second of a timestamp; a duration in whole seconds.",
        "duration('1m').getSeconds() == 60",
        lambda t: t.second,
        SECOND,
    ),
    _standard(
        "getMilliseconds",
        "The milliseconds within the second.",
        f"{_T}.getMilliseconds() == 500",
        on("timestamp.() -> int", _milliseconds),
        on("timestamp.(string) -> int", _milliseconds_in),
        on("duration.() -> int", _milliseconds_of_duration),
    ),
)

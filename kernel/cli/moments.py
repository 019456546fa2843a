"""Times and durations of the journal, for people and for programs."""

from __future__ import annotations

from datetime import UTC, datetime

_SECOND = 1_000_000_000


def rfc3339(nanoseconds: int, digits: int = 6) -> str:
    """A moment in UTC, with so many digits behind the second (RFC 3339)."""
    seconds, rest = divmod(nanoseconds, _SECOND)
    moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{f'{rest:09}'[:digits]}Z" if digits else f"{moment}Z"


def lasting(nanoseconds: int | None) -> str:
    """A duration: ``0.4ms``, ``120ms``, ``3.20s``, ``3m05s``, ``2h07m``, ``4d03h``, or nothing."""
    if nanoseconds is None:
        return ""
    seconds = max(nanoseconds, 0) / _SECOND
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms" if seconds >= 0.01 else f"{seconds * 1000:.1f}ms"
    if seconds < 60:
        return f"{seconds:.2f}s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h{minutes:02}m"
    return f"{hours // 24}d{hours % 24:02}h"

"""Durations of the journal, for people."""

from __future__ import annotations

_SECOND = 1_000_000_000


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

"""Tables, marks and durations on standard output, in colour where colours are wanted."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any
from uuid import UUID

import click

from kernel.cli.render import use_color

_MARKS: Mapping[str, tuple[str, str | None]] = {
    **dict.fromkeys(("succeeded", "approved", "spent", "deduplicated"), ("✓", "green")),
    **dict.fromkeys(("failed", "rejected", "denied"), ("✗", "red")),
    **dict.fromkeys(("parked", "pending"), ("‖", "yellow")),
    "unknown": ("?", "yellow"),
    "cancelled": ("–", None),
}
_OTHER = ("…", "cyan")


def mark(how: str) -> str:
    """The sign of an outcome or a state."""
    return _MARKS.get(how, _OTHER)[0]


def color(how: str) -> str | None:
    """The colour of an outcome or a state."""
    return _MARKS.get(how, _OTHER)[1]


def say(text: str, fg: str | None = None) -> None:
    """One line on standard output."""
    click.secho(text, fg=fg, color=use_color(sys.stdout))


def plain(text: str) -> str:
    """A text on one line, without what would steer a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def short(name: str) -> str:
    """As much of an id as people need; what is no UUID stays whole."""
    try:
        return name[:8] if str(UUID(name)) == name else name
    except ValueError:
        return name


def lasting(nanoseconds: int | None) -> str:
    """A duration: ``0.4ms``, ``120ms``, ``3.20s``, ``3m05s``, ``2h07m``, ``4d03h``, or nothing."""
    if nanoseconds is None:
        return ""
    seconds = max(nanoseconds, 0) / 1_000_000_000
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


def compact(value: Any, most: int = 0) -> str:
    """A JSON value on one line, cut behind so many characters."""
    text = plain(json.dumps(value, ensure_ascii=False))
    return f"{text[:most]}…" if most and len(text) > most else text


def lines_of(value: Any) -> list[str]:
    """A JSON value, as it is easiest to read: short on one line, else indented."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) > 80 and isinstance(value, dict | list):
        text = json.dumps(value, ensure_ascii=False, indent=2)
    return [plain(line) for line in text.split("\n")]


def show_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], colors: Iterable[str | None] = ()
) -> None:
    """Rows under a header, each in its colour."""
    show_columns([header, *(tuple(map(plain, row)) for row in rows)], (None, *colors))


def show_columns(table: Sequence[Sequence[str]], colors: Iterable[str | None] = ()) -> None:
    """The lines of a table with their columns aligned."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line, fg in zip_longest(table, colors):
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        say("  ".join(cells).rstrip(), fg)

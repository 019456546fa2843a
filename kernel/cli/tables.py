"""Tables, marks and durations on standard output, in colour where colours are wanted.

What is printed fits the terminal, or 80 columns where there is none: what is longer goes on in the
next line, and columns of a table for which there is no room are left out.
"""

from __future__ import annotations

import json
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any
from uuid import UUID

import click

from kernel.cli.render import use_color
from kernel.events.event import rfc3339

_MARKS: Mapping[str, tuple[str, str | None]] = {
    **dict.fromkeys(("succeeded", "approved", "spent", "deduplicated"), ("✓", "green")),
    **dict.fromkeys(("failed", "rejected", "denied"), ("✗", "red")),
    **dict.fromkeys(("parked", "pending", "queued"), ("‖", "yellow")),
    "unknown": ("?", "yellow"),
    "cancelled": ("–", None),
}
_OTHER = ("…", "cyan")
_MIN_COLUMNS = 40
_PUNCTUATION = "/.-_,"
"""After these a word is broken that is too long for a line, the first of them that is there."""


def mark(how: str) -> str:
    """The sign of an outcome or a state."""
    return _MARKS.get(how, _OTHER)[0]


def color(how: str) -> str | None:
    """The colour of an outcome or a state."""
    return _MARKS.get(how, _OTHER)[1]


def say(text: str, fg: str | None = None, hang: int | None = None) -> None:
    """A line on standard output, folded; ``hang`` columns are left free before what goes on."""
    inset = len(text) - len(text.lstrip()) + 2 if hang is None else hang
    for line in folded(text, columns(), inset):
        click.secho(line, fg=fg, color=use_color(sys.stdout))


def columns() -> int:
    """How many columns there are: those of the terminal, or of the variable ``COLUMNS``, or 80."""
    return max(shutil.get_terminal_size().columns, _MIN_COLUMNS)


def folded(text: str, width: int, hang: int = 0) -> list[str]:
    """A text in lines of at most ``width`` columns, broken between words where that can be."""
    lines, inset = [], " " * min(hang, width // 2)
    while _width(text) > width:
        cut = _cut(text, _fitting(text, width))
        lines.append(text[:cut].rstrip())
        text = inset + text[cut:].lstrip()
    return [*lines, text]


def _cut(text: str, most: int) -> int:
    """Where a text is broken, at ``most``: after a space, else after punctuation, else there."""
    begun = len(text) - len(text.lstrip())
    for found in (text.rfind(" ", begun, most + 1), *map(text[:most].rfind, _PUNCTUATION)):
        if found > begun:
            return found + 1
    return most


def _width(text: str) -> int:
    """How many columns a terminal needs for a text."""
    return len(text) if text.isascii() else sum(map(_width_of, text))


def _width_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fitting(text: str, width: int) -> int:
    """How many characters of a text fit into a width; at least one."""
    used = 0
    for number, character in enumerate(text):
        used += _width_of(character)
        if used > width:
            return max(number, 1)
    return len(text)


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


def minute(nanoseconds: int) -> str:
    """A moment in UTC to the minute, for tables."""
    return rfc3339(nanoseconds, 0)[:16].replace("T", " ")


def compact(value: Any, most: int = 0) -> str:
    """A JSON value on one line, cut behind so many characters."""
    text = plain(json.dumps(value, ensure_ascii=False))
    return f"{text[:most]}…" if most and len(text) > most else text


def lines_of(value: Any) -> list[str]:
    """A JSON value, as it is easiest to read: short on one line, else indented."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) > columns() - 13 and isinstance(value, dict | list):
        text = json.dumps(value, ensure_ascii=False, indent=2)
    return [plain(line) for line in text.split("\n")]


def show_table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    colors: Iterable[str | None] = (),
    optional: Sequence[str] = (),
) -> None:
    """Rows under a header, each in its colour, as wide as the terminal; a row may be one cell.

    The columns ``optional`` are left out where they are empty, and one after the other as long as
    there is no room for all.
    """
    table = [tuple(header), *(tuple(map(plain, row)) for row in rows)]
    aligned = [row for row in table if any(row[1:])]
    widths = [max(map(_width, column)) for column in zip(*aligned, strict=True)]
    shown = list(range(len(header)))
    for at in map(header.index, optional):
        if not any(row[at] for row in table[1:]):
            shown.remove(at)
    for at in map(header.index, optional):
        if at in shown and _needed(widths[one] for one in shown) > columns():
            shown.remove(at)
    widths = [min(width, columns()) if at in shown else 0 for at, width in enumerate(widths)]
    while _needed(widths[at] for at in shown) > columns():
        widths[widths.index(max(widths))] -= 1
    for row, fg in zip_longest(table, (None, *colors)):
        if not any(row[1:]):
            say(row[0], fg)
            continue
        cells = [_cell(row[at], widths[at]) for at in shown]
        for line in zip_longest(*cells, fillvalue=""):
            padded = (_padded(text, widths[at]) for text, at in zip(line, shown, strict=True))
            click.secho("  ".join(padded).rstrip(), fg=fg, color=use_color(sys.stdout))


def _needed(widths: Iterable[int]) -> int:
    listed = list(widths)
    return sum(listed) + 2 * (len(listed) - 1)


def _cell(text: str, width: int) -> list[str]:
    return folded(text, width, len(text) - len(text.lstrip()) + 2 if text[:1] == " " else 0)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def show_columns(table: Sequence[Sequence[str]]) -> None:
    """The lines of a table with their columns aligned, as wide as they are."""
    widths = [max(map(_width, column)) for column in zip(*table, strict=True)]
    for line in table:
        cells = (_padded(cell, width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())

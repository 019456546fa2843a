"""Answers on standard output, everything else on standard error."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable
from typing import IO, Any

import click

from kernel.cli.streams import carried, is_utf8
from kernel.errors import Fault


def show(value: Any, form: str, file: IO[str] | None = None) -> None:
    """Print a value as JSON or YAML, on standard output if nothing else is said."""
    if form == "yaml":
        click.echo(to_yaml(value, file), file, nl=False)
    else:
        click.echo(to_json(value, file), file)


def to_json(value: Any, file: IO[str] | None = None) -> str:
    """``value`` as JSON, indented, as the stream that it goes to carries it."""
    return carried(json.dumps(value, ensure_ascii=False, indent=2, default=str), file)


def to_yaml(value: Any, file: IO[str] | None = None) -> str:
    """``value`` as a YAML document, as the stream that it goes to carries it."""
    from ruamel.yaml import YAML  # for start-up time

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.allow_unicode = is_utf8(file)
    buffer = io.StringIO()
    yaml.dump(value, buffer)
    return buffer.getvalue()


def use_color(file: IO[str] | None = None) -> bool:
    """Whether what is printed may be coloured: on a terminal whose user does not say no.

    ``file`` is standard error if nothing else is said.
    """
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") != "dumb"
    return (file or sys.stderr).isatty() and wanted


def show_faults(faults: Iterable[Fault], of: str = "the manifest") -> None:
    """All faults, each with its place, the line, and the way out; ``of`` what they are."""
    listed = list(faults)
    for fault in listed:
        place = f"{fault.span}: " if fault.span else ""
        in_red(f"{place}{fault.code} ", bold=True, nl=False)
        click.echo(fault.message, err=True)
        _excerpt(fault)
        if fault.help:
            click.echo(f"    {fault.help}", err=True)
    count = len(listed)
    faulty = f"{count} fault{'s' if count != 1 else ''} in {of}"
    click.echo(f"{faulty}; nothing was run", err=True)


def _excerpt(fault: Fault) -> None:
    """The line that a fault is on, with a caret under it."""
    if fault.span is None:
        return
    try:
        with open(fault.span.file, encoding="utf-8-sig") as file:
            line = next(
                (text for number, text in enumerate(file, 1) if number == fault.span.line), ""
            )
    except (OSError, UnicodeDecodeError):
        return
    line = line.rstrip("\r\n")
    if not line.strip() or len(line) > 200:
        return
    last = fault.span.end_column if fault.span.end_line == fault.span.line else len(line) + 1
    width = max(min(last, len(line) + 1) - fault.span.column, 1)
    click.echo(f"    {line}", err=True)
    in_red(f"    {' ' * (fault.span.column - 1)}{'^' * width}")


def in_red(text: str, *, bold: bool = False, nl: bool = True) -> None:
    """Print on standard error, in red where colours are wanted."""
    click.secho(text, fg="red", bold=bold, nl=nl, err=True, color=use_color())

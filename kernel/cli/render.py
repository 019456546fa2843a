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
from kernel.errors import Fault, Span


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
        _excerpt(fault.span)
        if fault.help:
            click.echo(f"    {fault.help}", err=True)
    count = len(listed)
    faulty = f"{count} fault{'s' if count != 1 else ''} in {of}"
    click.echo(f"{faulty}; nothing was run", err=True)


def _excerpt(span: Span | None) -> None:
    """The line of a place, from the text that was read, with carets under the place."""
    if span is None or span.text is None:
        return
    # For start-up time.
    from analyzer.report.excerpt import excerpt
    from kernel.manifest.source import Source

    line = Source(span.file, span.text).line(span.line).rstrip()
    if not line:
        return
    end = span.end_column - 1 if span.end_line == span.line else len(line)
    shown, carets = excerpt(line, span.column - 1, end)
    click.echo(f"    {shown}", err=True)
    in_red(f"    {carets}")


def in_red(text: str, *, bold: bool = False, nl: bool = True) -> None:
    """Print on standard error, in red where colours are wanted."""
    click.secho(text, fg="red", bold=bold, nl=nl, err=True, color=use_color())

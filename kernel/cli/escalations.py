"""``kernel escalations``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kernel.cli.options import JOURNAL, output

if TYPE_CHECKING:
    from kernel.journal import Invocation

_HEADER = ("EXECUTION", "TARGET", "CLASS", "RUN", "PATH", "SINCE", "ERROR")
_WIDEST = 100


@click.command("escalations")
@JOURNAL
@output("text", "json", "yaml")
def command(journal: str, form: str) -> None:
    """List the unknown outcomes that wait for a person, the oldest first.

    Somebody has to find out whether the effect took place, and say so with `kernel resolve`.
    """
    from kernel.cli.journals import as_fields, over
    from kernel.cli.render import show

    found = over(journal, lambda opened: opened.escalations())
    if form != "text":
        show([as_fields(one) for one in found], form)
    elif not found:
        click.echo("no outcome waits for a person", err=True)
    else:
        _table(found)


def _said(error: Any) -> str:
    """What the error says, on one line."""
    from kernel.cli.tables import compact, plain

    match error:
        case {"message": str(message)}:
            text = plain(" ".join(message.split()))
            return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}…"
        case None:
            return ""
        case _:
            return compact(error, _WIDEST)


def _table(found: list[Invocation]) -> None:
    from kernel.cli.moments import rfc3339
    from kernel.cli.tables import short, show_table

    rows = [
        (
            *(one.execution, one.target, one.safety or "", short(one.run), one.path),
            rfc3339(one.concluded_at or one.claimed_at, 0),
            _said(one.error),
        )
        for one in found
    ]
    show_table(_HEADER, rows)

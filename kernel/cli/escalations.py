"""``kernel escalations``."""

from __future__ import annotations

from typing import Any

import click

from kernel.cli.journals import show_rows, with_journal
from kernel.cli.options import JOURNAL, output
from kernel.cli.tables import compact, minute, short
from kernel.journal import Invocation

_HEADER = ("EXECUTION", "TARGET", "CLASS", "RUN", "PATH", "SINCE", "ERROR")
_OPTIONAL = ("CLASS", "SINCE", "PATH")


@click.command("escalations")
@JOURNAL
@output()
def command(journal: str, form: str) -> None:
    """List the unknown outcomes that wait for a person, the oldest first.

    Somebody has to find out whether the effect took place, and say so with `kernel resolve`.
    """
    found = with_journal(journal, lambda opened: opened.escalations())
    show_rows(found, form, "no outcome waits for a person", _HEADER, _cells, _OPTIONAL)


def _said(error: Any) -> str:
    """What the error says, on one line."""
    match error:
        case {"message": str(message)}:
            return " ".join(message.split())
        case None:
            return ""
        case _:
            return compact(error)


def _cells(one: Invocation) -> tuple[str, ...]:
    return (
        *(short(one.execution), one.target, one.safety or "", short(one.run), one.path),
        *(minute(one.concluded_at or one.claimed_at), _said(one.error)),
    )

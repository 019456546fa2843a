"""``kernel escalations``."""

from __future__ import annotations

from typing import Any

import click

from kernel.cli.journals import Unread, list_rows
from kernel.cli.options import JOURNAL, output
from kernel.cli.tables import compact, minute, plain, short
from kernel.journal import Invocation, Journal

_HEADER = ("EXECUTION", "TARGET", "CLASS", "RUN", "PATH", "SINCE", "ERROR")
_OPTIONAL = ("CLASS", "SINCE", "PATH")


@click.command("escalations")
@JOURNAL
@output()
def command(journal: str, form: str) -> int:
    """List the unknown outcomes that wait for a person, the oldest first.

    Somebody has to find out whether the effect took place, and say so with `kernel resolve`. A call
    of a process that gives no sign of life waits for that process as well: it may still be made.
    When the process has ended, `kernel resume RUN --owner-is-dead` goes on without it.
    """

    async def find(opened: Journal, unread: Unread) -> list[Invocation]:
        return await opened.escalations(damaged=unread.append)

    none = "no outcome waits for a person"
    return list_rows(journal, find, form, none, _HEADER, _cells, _OPTIONAL)


def _said(error: Any) -> str:
    """What the error says, on one line."""
    match error:
        case {"message": str(message)}:
            return " ".join(message.split())
        case None:
            return ""
        case _:
            return compact(error)


def _why(one: Invocation) -> str:
    if one.outcome is not None:
        return _said(one.error)
    return f"{plain(one.holder or '')} gives no sign of life, and may still make the call"


def _cells(one: Invocation) -> tuple[str, ...]:
    return (
        *(short(one.execution), one.target, one.safety or "", short(one.run), one.path),
        *(minute(one.concluded_at or one.claimed_at), _why(one)),
    )

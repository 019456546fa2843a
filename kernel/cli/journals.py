"""What the commands over a journal share: opening what is there, ids by their beginning."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import fields
from typing import Any, Literal, TypeVar

import click

from kernel.cli.render import show
from kernel.cli.tables import color, plain, show_table
from kernel.errors import KernelError, UsageError
from kernel.events.event import rfc3339
from kernel.journal import Approval, Damaged, Journal, Run, open_journal

T = TypeVar("T")
Sort = Literal["run", "execution", "approval"]

_MAX_UNREAD = 20
"""So many rows that cannot be read are named one by one."""


def with_journal(address: str, work: Callable[[Journal], Awaitable[T]]) -> T:
    """Do something with the journal at an address. Raises :class:`JournalError`; makes none.

    What is recorded has the form that the journal says. If something fails on it all the same, the
    journal may be damaged in a way that nobody has thought of.
    """

    async def main() -> T:
        journal = await open_journal(address, create=False)
        try:
            return await work(journal)
        finally:
            await journal.close()

    try:
        return asyncio.run(main())
    except (KernelError, click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:
        how = f"{type(error).__name__} while it was read; KERNEL_DEBUG=1 tells where"
        raise Damaged(f"what is recorded in {named(address)}", how) from error


def named(address: str) -> str:
    """The journal at an address, which may hold a password."""
    is_url = address.startswith(("postgresql://", "postgres://"))
    return "the journal in PostgreSQL" if is_url else f"the journal {address}"


class Unread(list[Damaged]):
    """What could not be read of a journal, while the rest of it was."""

    def say(self) -> int:
        """Say what could not be read, and what can be done about it. Returns the exit status."""
        told = list(dict.fromkeys(f"{one.what} is damaged: {one.why}" for one in self))
        for sentence in told[:_MAX_UNREAD]:
            click.echo(f"Error: {plain(sentence)}", err=True)
        if len(told) > _MAX_UNREAD:
            click.echo(f"… and {len(told) - _MAX_UNREAD:,} more", err=True)
        for way_out in dict.fromkeys(one.way_out for one in self):
            click.echo(way_out, err=True)
        return 1 if self else 0


async def find_id(journal: Journal, prefix: str, *sorts: Sort) -> tuple[Sort, str]:
    """The one id that begins so, and of what it is. Raises :class:`UsageError`."""
    what = " or ".join(sorts)
    if not prefix:
        article = "an" if what[0] in "ae" else "a"
        raise UsageError(f"the id of {article} {what} is needed")
    found = await journal.find(prefix)
    ids: dict[Sort, tuple[str, ...]] = {
        "run": found.runs,
        "execution": found.executions,
        "approval": found.approvals,
    }
    matches: list[tuple[Sort, str]] = [(sort, one) for sort in sorts for one in ids[sort]]
    if not matches:
        raise UsageError(f"there is no {what} {prefix} in this journal")
    if len(matches) == 1 or matches[0][1] == prefix:
        return matches[0]
    listed = "".join(f"\n  {sort} {one}" for sort, one in matches)
    raise UsageError(f"`{prefix}` is the beginning of several ids:{listed}")


async def find_waiting(
    journal: Journal, prefix: str, sort: Literal["execution", "approval"]
) -> str:
    """The id of what waits for a person, by its own id or by that of the run that waits for it.

    Raises :class:`UsageError`.
    """
    found = await journal.find(prefix)
    if found.executions if sort == "execution" else found.approvals:
        return (await find_id(journal, prefix, sort))[1]
    _, run = await find_id(journal, prefix, sort, "run")
    if sort == "approval":
        none = "waits for no approval"
        ids = [one.approval for one in await journal.approvals("pending", run=run)]
    else:
        none = "has no unknown outcome"
        ids = [one.execution for one in await journal.escalations(run)]
    if len(ids) == 1:
        return ids[0]
    if not ids:
        raise UsageError(f"the run {run} {none}")
    listed = "".join(f"\n  {sort} {one}" for one in ids)
    raise UsageError(f"the run {run} waits for several:{listed}")


def person() -> str:
    """The principal of the person at the terminal: ``user:<login name>``."""
    try:
        return f"user:{getpass.getuser()}"
    except (KeyError, OSError):
        return f"user:{os.getuid()}"


def list_rows(
    address: str,
    find: Callable[[Journal, Unread], Awaitable[list[T]]],
    form: str,
    none: str,
    header: Sequence[str],
    cells: Callable[[T], Sequence[str]],
    optional: Sequence[str] = (),
) -> int:
    """Print rows of the journal: as a document, as a table, or that there are ``none``.

    Returns the exit status: 1 where some cannot be read, after those that can.
    """

    async def work(journal: Journal) -> int:
        unread = Unread()
        rows = await find(journal, unread)
        if form != "text":
            show([as_fields(row) for row in rows], form)
        elif rows:
            colors = [color(row.state) if isinstance(row, Run | Approval) else None for row in rows]
            show_table(header, map(cells, rows), colors, optional)
        elif not unread:
            click.echo(none, err=True)
        return unread.say()

    return with_journal(address, work)


def as_fields(row: Any) -> dict[str, Any]:
    """A row of the journal as JSON: times in RFC 3339, durations in milliseconds."""
    shown: dict[str, Any] = {}
    for each in fields(row):
        value = getattr(row, each.name)
        if each.name == "duration":
            shown["duration_ms"] = None if value is None else value / 1_000_000
        elif each.name == "at" or each.name.endswith("_at"):
            shown[each.name] = None if value is None else rfc3339(value)
        else:
            shown[each.name] = value
    return shown

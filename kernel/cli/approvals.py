"""``kernel approvals``."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import get_args

import click

from kernel.cli.journals import Unread, list_rows
from kernel.cli.options import JOURNAL, output
from kernel.cli.tables import mark, minute, short
from kernel.journal import Approval, Journal
from kernel.journal.rows import ApprovalState

_HEADER = (
    "APPROVAL", "STATE", "TARGET", "PATH", "REASON", "MESSAGE", "REQUESTER", "ASKED", "EXPIRES",
    "RUN",
)  # fmt: skip
_OPTIONAL = ("ASKED", "REQUESTER", "EXPIRES", "PATH", "RUN", "MESSAGE")


@click.command("approvals")
@JOURNAL
@click.option("--state", type=click.Choice(get_args(ApprovalState)), help="Only those.")
@output()
def command(journal: str, state: ApprovalState | None, form: str) -> int:
    """List the approvals that were asked for, the oldest first.

    `kernel approve` and `kernel deny` answer those that are pending.
    """
    now = time.time_ns()

    async def find(opened: Journal, unread: Unread) -> list[Approval]:
        asked = await opened.approvals(damaged=unread.append)
        return [one for one in (as_of(now, each) for each in asked) if state in (None, one.state)]

    none = "there are no such approvals" if state else "there are no approvals"
    return list_rows(journal, find, form, none, _HEADER, _cells, _OPTIONAL)


def as_of(now: int, one: Approval) -> Approval:
    """An approval as it is at a moment: a pending one has expired when its time is over."""
    due = one.state == "pending" and one.expires_at is not None and one.expires_at <= now
    return replace(one, state="expired") if due else one


def _cells(one: Approval) -> tuple[str, ...]:
    frozen = one.frozen or {}
    return (
        *(short(one.approval), f"{mark(one.state)} {one.state}", one.target),
        *(frozen.get("path") or "", one.reason, frozen.get("message") or ""),
        one.requester or "",
        *(minute(one.asked_at), minute(one.expires_at) if one.expires_at else ""),
        short(one.run),
    )

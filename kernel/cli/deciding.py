"""Decisions of people: on approvals, on unknown outcomes, and to cancel a run."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Literal

from kernel.cli.approvals import as_of
from kernel.cli.execution import recorded, show_approval, show_execution
from kernel.cli.journals import as_fields, find_id, find_waiting, person, with_journal
from kernel.cli.render import show
from kernel.cli.tables import color, mark, say
from kernel.errors import UsageError
from kernel.journal import Approval, Journal, Run


def decide(
    answer: Literal["approved", "denied"],
    *,
    journal: str,
    approval: str,
    principal: str | None,
    reason: str | None,
    form: str,
) -> None:
    """Answer a pending approval. Raises :class:`Refused` for one that is answered or expired."""

    async def work(opened: Journal) -> Approval:
        found = await find_waiting(opened, approval, "approval")
        asked = as_of(time.time_ns(), await opened.approval(found))
        if form == "text" and asked.state != "pending":
            show_approval(asked)
        return await opened.decide(found, answer, principal or person(), reason)

    decided = with_journal(journal, work)
    if form != "text":
        show(as_fields(decided), form)
        return
    show_approval(decided)
    print_resume(decided.run)


def resolve(
    landed: bool,
    outputs: Any,
    *,
    journal: str,
    execution: str,
    principal: str | None,
    reason: str | None,
    form: str,
) -> None:
    """Say what has become of an unknown outcome.

    Raises :class:`Refused` for any other, :class:`UsageError` for outputs that break the contract.
    """
    from kernel.cli.landed import conformed_outputs  # for start-up time: knows all that runs

    async def work(opened: Journal) -> None:
        waiting = await find_waiting(opened, execution, "execution")
        who = principal or person()
        said = await conformed_outputs(opened, waiting, outputs) if landed else None
        await opened.resolve(waiting, landed, who, outputs=said, reason=reason or "")
        found = await recorded(opened, waiting)
        if form != "text":
            show(found.as_fields(), form)
            return
        show_execution(found)
        print_resume(found.invocation.run)

    with_journal(journal, work)


def cancel_run(
    *, journal: str, run: str, principal: str | None, reason: str | None, form: str
) -> None:
    """Cancel a run. Raises :class:`Refused` when it has ended."""
    from kernel.runtime.cancelling import cancel  # for start-up time: knows all that runs

    async def work(opened: Journal) -> Run:
        _, found = await find_id(opened, run, "run")
        return await cancel(opened, found, principal or person(), reason)

    ended = with_journal(journal, work)
    if form != "text":
        show(as_fields(ended), form)
        return
    say(f"{mark(ended.state)} run {ended.run} is {ended.state}", color(ended.state))


def print_resume(run: str) -> None:
    """Print how the run is resumed."""
    say(f"\nkernel resume {run} goes on with the run")


def read_outputs(text: str | None) -> Any:
    """The outputs that a person gives: JSON, or ``@FILE``. Raises :class:`UsageError`."""
    if text is None:
        return None
    try:
        given = Path(text[1:]).read_text("utf-8") if text.startswith("@") else text
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--outputs {text} cannot be read: {error}") from None
    try:
        return json.loads(given, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--outputs is not JSON: {error}") from None


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number")

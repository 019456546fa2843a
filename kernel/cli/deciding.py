"""What people decide: approvals, and what has become of an unknown outcome."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kernel.cli.approvals import as_of
from kernel.cli.execution import recorded, show_approval, show_execution
from kernel.cli.journals import as_fields, find_id, find_waiting, over, person
from kernel.cli.render import show
from kernel.cli.tables import color, mark, say
from kernel.errors import UsageError

if TYPE_CHECKING:
    from kernel.journal import Approval, Journal, Run


def decide(
    address: str,
    prefix: str,
    answer: Literal["approved", "denied"],
    principal: str | None,
    reason: str | None,
    form: str,
) -> None:
    """Answer a pending approval. Raises :class:`Refused` for one that is answered or expired."""

    async def scene(journal: Journal) -> Approval:
        approval = await find_waiting(journal, prefix, "approval")
        asked = as_of(time.time_ns(), await journal.approval(approval))
        if form == "text" and asked.state != "pending":
            show_approval(asked)
        return await journal.decide(approval, answer, principal or person(), reason)

    decided = over(address, scene)
    if form != "text":
        show(as_fields(decided), form)
        return
    show_approval(decided)
    go_on(decided.run)


def resolve(
    address: str,
    prefix: str,
    landed: bool,
    outputs: Any,
    principal: str | None,
    reason: str,
    form: str,
) -> None:
    """Say what has become of an unknown outcome.

    Raises :class:`Refused` for any other, :class:`UsageError` for outputs that break the contract.
    """
    from kernel.cli.landed import by_contract

    async def scene(journal: Journal) -> None:
        execution = await find_waiting(journal, prefix, "execution")
        who = principal or person()
        said = await by_contract(journal, execution, outputs) if landed else None
        await journal.resolve(execution, landed, who, outputs=said, reason=reason)
        found = await recorded(journal, execution)
        if form != "text":
            show(found.as_fields(), form)
            return
        show_execution(found)
        go_on(found.invocation.run)

    over(address, scene)


def go_nowhere(
    prefix: str, address: str, principal: str | None, reason: str | None, form: str
) -> None:
    """Cancel a run. Raises :class:`Refused` when it has ended."""
    from kernel.runtime.cancelling import cancel

    async def scene(journal: Journal) -> Run:
        _, run = await find_id(journal, prefix, "run")
        return await cancel(journal, run, principal or person(), reason)

    ended = over(address, scene)
    if form != "text":
        show(as_fields(ended), form)
        return
    say(f"{mark(ended.state)} run {ended.run} is {ended.state}", color(ended.state))


def go_on(run: str) -> None:
    """Say how the run goes on."""
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

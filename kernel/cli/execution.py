"""All that is recorded of one execution, and its steps in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from kernel.cli.journals import Unread, as_fields
from kernel.cli.tables import color, compact, lasting, lines_of, mark, plain, say
from kernel.cli.tree import IN_FLIGHT
from kernel.errors import UsageError
from kernel.events.event import rfc3339
from kernel.journal import Approval, Invocation, Journal, Note
from kernel.structs import struct


@struct
class Step:
    """A step of a trace: what was decided or done, and when (entry.md, Trace)."""

    step: str
    status: str
    at: int
    detail: Any = None


@struct
class Recorded:
    """An execution with its steps and approvals, and what of these could not be read."""

    invocation: Invocation
    steps: tuple[Step, ...]
    approvals: tuple[Approval, ...]
    unread: Unread

    def as_fields(self) -> dict[str, Any]:
        """As JSON."""
        return {
            **as_fields(self.invocation),
            "trace": [as_fields(step) for step in self.steps],
            "approvals": [as_fields(one) for one in self.approvals],
        }


async def recorded(journal: Journal, execution: str) -> Recorded:
    """All that is recorded of an execution. Raises :class:`UsageError`."""
    invocation = await journal.invocation(execution)
    if invocation is None:
        raise UsageError(f"there is no execution {execution} in this journal")
    unread = Unread()
    notes = await journal.trace(execution, damaged=unread.append)
    approvals = await journal.approvals(execution=execution, damaged=unread.append)
    return Recorded(invocation, steps_of(invocation, notes, approvals), tuple(approvals), unread)


def steps_of(
    invocation: Invocation, notes: list[Note], approvals: list[Approval]
) -> tuple[Step, ...]:
    """What was noted, and what the rows tell beside it: commit, approvals and outcome."""
    noted = {note.step for note in notes}
    told = [step for step in _told(invocation, approvals) if step.step not in noted]
    steps = [Step(note.step, note.status, note.at, note.detail) for note in notes]
    return tuple(sorted([*_commit(invocation, noted), *steps, *told], key=lambda step: step.at))


def _commit(invocation: Invocation, noted: set[str]) -> Iterator[Step]:
    if "commit" not in noted and invocation.claimed_at != invocation.concluded_at:
        yield Step("commit", "recorded", invocation.claimed_at, {"epoch": invocation.epoch})


def _told(invocation: Invocation, approvals: list[Approval]) -> Iterator[Step]:
    for one in approvals:
        asked = {"approval": one.approval, "reason": one.reason, "requester": one.requester}
        yield Step("approval", "pending", one.asked_at, asked)
        if one.decided_at is not None:
            answer = {"approval": one.approval, "by": one.decided_by, "reason": one.note}
            yield Step("approval", one.state, one.decided_at, answer)
    if invocation.outcome is not None and invocation.concluded_at is not None:
        end = {"number": invocation.number, "attempts": invocation.attempts}
        by = {"by": invocation.by} if invocation.by else {}
        yield Step("outcome", invocation.outcome, invocation.concluded_at, {**end, **by})


# Text


def show_execution(found: Recorded) -> None:
    """Print all that is recorded of an execution."""
    one = found.invocation
    how = one.outcome or IN_FLIGHT
    say(f"{mark(how)} {plain(one.path) or 'the call'}  {plain(one.target)}  {how}", color(how))
    for name, text in _facts(one):
        say(f"  {name:<10} {plain(text)}", hang=13)
    for name in ("inputs", "about", "outputs", "error"):
        if (value := getattr(one, name)) is not None:
            _value(name, value)
    say("  trace")
    width = max((len(step.step) for step in found.steps), default=0)
    for step in found.steps:
        detail = "" if step.detail is None else f"  {compact(step.detail)}"
        said = f"{plain(step.step):<{width}}  {plain(step.status)}"
        say(f"    {rfc3339(step.at, 3)}  {said}{detail}", color(step.status), 30)
    for approval in found.approvals:
        click.echo()
        show_approval(approval)


def _facts(one: Invocation) -> Iterator[tuple[str, str]]:
    yield "execution", one.execution
    yield "run", one.run
    yield "class", one.safety or "none declared"
    if one.key is not None:
        yield "key", f"{one.key} (scope {one.scope})" if one.scope else one.key
    yield "inputs are", one.inputs_hash
    yield "epoch", str(one.epoch)
    yield "attempts", str(one.attempts)
    yield "claimed", rfc3339(one.claimed_at, 3)
    if one.concluded_at is not None:
        by = f" by {one.by}" if one.by else ""
        yield "concluded", f"{rfc3339(one.concluded_at, 3)}{by}, number {one.number} of the run"
    if one.duration is not None:
        yield "took", lasting(one.duration)


def _value(name: str, value: Any) -> None:
    first, *rest = lines_of(value)
    say(f"  {name:<10} {first}", hang=15)
    for line in rest:
        say(f"  {'':<10} {line}")


def show_approval(one: Approval) -> None:
    """Print what a person is asked, with what was frozen, and the answer."""
    title = f"approval {plain(one.approval)}  {plain(one.target)}"
    say(f"{mark(one.state)} {title}  {one.state}", color(one.state))
    frozen = one.frozen if isinstance(one.frozen, dict) else {}
    if frozen.get("message"):
        say(f"  message    {plain(frozen['message'])}")
    say(f"  reason     {plain(one.reason)}")
    if frozen.get("approvers"):
        say(f"  approvers  {plain(', '.join(frozen['approvers']))}")
    if (frozen.get("quorum") or 1) > 1:
        given = frozen.get("approved_by") or []
        of = f"{len(given)} of {frozen['quorum']}" if one.state == "pending" else frozen["quorum"]
        by = f": {plain(', '.join(given))}" if given else ""
        say(f"  quorum     {of}{by}")
    by = f" by {plain(one.requester)}" if one.requester else ""
    say(f"  asked      {rfc3339(one.asked_at, 3)}{by}")
    if one.expires_at is not None:
        say(f"  expires    {rfc3339(one.expires_at, 3)}")
    say(f"  run        {plain(one.run)}")
    say(f"  execution  {plain(one.execution)}")
    _value("frozen", one.frozen)
    if one.decided_at is not None:
        by = f" by {plain(one.decided_by)}" if one.decided_by else ""
        why = f": {plain(one.note)}" if one.note else ""
        say(f"  decided    {rfc3339(one.decided_at, 3)}{by}{why}")

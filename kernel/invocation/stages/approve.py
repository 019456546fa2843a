"""Stage 9, approve: where the class, a policy or the call site asks for it, a person decides.

The invocation waits in the journal. When it is approved, the pipeline goes on at stage 7: with the
state of the world as it is then, not as it was when the approval was asked for.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from kernel.cel import CelError, Template, to_json
from kernel.errors import (
    Denied,
    Expired,
    ExpressionError,
    InvalidState,
    Parked,
    Path,
    Rejected,
    Suspended,
)
from kernel.events.event import rfc3339
from kernel.invocation.history import History
from kernel.invocation.invocation import Invocation, Plan, Stage, go_through
from kernel.invocation.recovery.claims import kept_inputs
from kernel.invocation.stages import authorise
from kernel.invocation.stages.expect import looked_at
from kernel.journal.errors import JournalError, Refused
from kernel.journal.rows import Approval, NewApproval
from kernel.topology.callsite import ApprovalRequest
from kernel.topology.context import type_name
from kernel.topology.tasks import to_the_end

_EXPIRY_NANOSECONDS = 24 * 3600 * 10**9
"""Until an approval that nobody decides expires, unless a policy says otherwise."""

_POLL_SECONDS = 0.5
"""Between two looks at an approval that a call out of a service waits for."""


def prepare(plan: Plan) -> Stage | None:
    """The stage is needed if the class, a policy or the call site may ask for an approval."""
    site, instance = plan.site, plan.instance
    declared = instance.definition.safety
    may_be_bound = declared is not None and declared not in (
        "idempotent", "write-once-checkable", "irreversible",
    )  # fmt: skip
    by_policy = authorise.may_demand(plan)
    if site.approval is None and not may_be_bound and not by_policy:
        return None

    def approve(invocation: Invocation) -> Awaitable[None] | None:
        reason = _reason(invocation)
        if reason is not None:
            return _approved(invocation, reason)
        return _not_needed_any_more(invocation) if invocation.was_in_flight else None

    return approve


def _reason(invocation: Invocation) -> str | None:
    """Why an approval is needed, or None."""
    decision = invocation.decision
    if decision is not None and decision.effect == "require-approval":
        return decision.reason
    instance, site = invocation.plan.instance, invocation.plan.site
    if invocation.safety == "approval-bound":
        return f"{instance.definition.kind} is approval-bound"
    if site.approval is None:
        return None
    path = (*site.path, *site.approval.path)
    wanted = _evaluated(invocation, site.approval.when, path)
    if wanted is True or wanted == "required":
        return "the call site asks for it"
    if wanted is False:
        return None
    raise ExpressionError(
        f"`{path[-1]}` is `required` or a bool, but its value is {type_name(wanted)}",
        span=invocation.context.span(path),
    )


def _evaluated(invocation: Invocation, template: Template, path: Path) -> Any:
    context = invocation.context
    bindings = {**context.bindings, "invocation": invocation.to_cel()}
    try:
        return template.evaluate(bindings)
    except CelError as error:
        raise context.failed_expression(error, path) from None


def _message(invocation: Invocation, request: ApprovalRequest | None) -> str | None:
    """What the call site tells the person who is to decide."""
    if request is None or request.message is None:
        return None
    path = (*invocation.plan.site.path, "approval", "message")
    text = _evaluated(invocation, request.message, path)
    if isinstance(text, str):
        return text
    raise ExpressionError(
        f"`message` is text, but its value is {type_name(text)}",
        span=invocation.context.span(path),
    )


async def _approved(invocation: Invocation, reason: str) -> None:
    """Return when a person has approved the call. What was asked is taken back with the call."""
    try:
        await _decided(invocation, reason)
    except asyncio.CancelledError:
        history = invocation.history
        if history is not None and not history.activity.is_suspended:
            await to_the_end(_withdraw(history, invocation))
        raise


async def _decided(invocation: Invocation, reason: str) -> None:
    history, address = invocation.history, invocation.plan.instance.address
    if invocation.context.atomic is not None:
        why = "and an atomic call around it cannot wait for one"
        raise InvalidState(
            f"{address} needs an approval ({reason}), {why}: put `approval` on that call"
        )
    if history is None:
        raise Rejected(f"{address} needs an approval ({reason}), but there is no journal for it")
    asked: str | None = None
    while True:
        approval = await _latest(history, invocation)
        spent = approval is not None and approval.state == "spent"
        if spent and await _was_spent_on_attempt(history, invocation):
            return  # the outcome of the attempt that it allowed is found out, or it goes on
        if approval is None or approval.state in ("spent", "invalidated"):
            approval = await _ask(history, invocation, reason)
        match approval.state:
            case "pending":
                asks = approval.approval != asked
                await _wait_for_decision(history, invocation, approval, asks=asks)
                asked = approval.approval  # one answer may not be enough, or not count
            case "denied":
                raise _denied(approval)
            case "expired":
                raise Expired("nobody decided in time")
            case "approved":
                if await _still_holds(history, invocation, approval):
                    # Spent last, and durably: what is noted before it is kept with it.
                    detail = {"by": approval.decided_by}
                    await history.note(invocation.id, "approval", "approved", detail)
                    await history.guard(history.journal.spend(approval.approval))
                    invocation.approval = approval
                    return


async def _not_needed_any_more(invocation: Invocation) -> None:
    """Take back an approval that an earlier process asked for; but a person's no counts."""
    history = invocation.history
    assert history is not None
    approval = await _latest(history, invocation)
    if approval is None:
        return
    if approval.state == "denied":
        raise _denied(approval)
    with suppress(Refused):
        why = "no approval is needed any more"
        await history.journal.decide(approval.approval, "invalidated", "kernel", why)


def _denied(approval: Approval) -> Denied:
    who = f"{approval.decided_by} said no"
    return Denied(f"{who}: {approval.note}" if approval.note else who)


async def _was_spent_on_attempt(history: History, invocation: Invocation) -> bool:
    """Whether an approval was spent on an attempt, rather than because the world had changed.

    Where each attempt needs one of its own, not on an attempt that has failed since.
    """
    instance = invocation.plan.instance
    if not invocation.was_in_flight and not instance.is_topology:
        return False
    notes = await history.guard(history.journal.trace(invocation.id))
    ends = ("failed",) if invocation.safety == "approval-bound" else ()
    said = [one.status for one in notes if one.step == "approval" or one.status in ends]
    return bool(said) and said[-1] == "approved"


async def _latest(history: History, invocation: Invocation) -> Approval | None:
    await history.guard(history.journal.expire())
    found = await history.guard(history.journal.approvals(execution=invocation.id))
    return found[-1] if found else None


async def _ask(history: History, invocation: Invocation, reason: str) -> Approval:
    run = invocation.context.run
    instance = invocation.plan.instance
    request, site = invocation.plan.site.approval, invocation.plan.site
    frozen = {
        "target": instance.address,
        "message": history.references.hide(_message(invocation, request)),
        "inputs": kept_inputs(invocation, history),
        "path": invocation.path,
        "looked_at": history.references.hide(await looked_at(invocation)),
        "principal": run.principal,
        "approvers": None if request is None else request.approvers,
        "quorum": 1 if request is None else request.quorum,
    }
    if site.target.fields:
        frozen["resource"] = history.references.hide(to_json(dict(site.target.fields)))
    limits = (authorise.terms_of(invocation).expires, None if request is None else request.expires)
    milliseconds = min((limit for limit in limits if limit is not None), default=None)
    expires = _EXPIRY_NANOSECONDS if milliseconds is None else int(milliseconds * 1e6)
    new = NewApproval(
        str(uuid.uuid4()), invocation.id, run.id, instance.address,
        frozen, reason, run.principal, time.time_ns() + expires,
    )  # fmt: skip
    await history.guard(history.open_run())
    asked = await history.guard(history.journal.ask(new))
    await history.note(invocation.id, "approval", "pending", {"approval": asked.approval})
    invocation.tell("Parked", {"approval": asked.approval, "reason": reason})
    return asked


async def _wait_for_decision(
    history: History, invocation: Invocation, approval: Approval, *, asks: bool
) -> None:
    """The person at the terminal decides, or the run waits until somebody has decided."""
    ask = invocation.plan.runtime.ask if asks else None
    answer = None if ask is None else await ask(approval)
    until = approval.expires_at
    if answer is None and until is not None and time.time_ns() >= until:
        return
    if answer is None:
        if not history.is_replayable:
            # Nobody could go on with this run: the call waits here.
            _tell_caller(history, invocation, approval)
            await asyncio.sleep(_POLL_SECONDS)
            return
        with invocation.waiting():
            await history.activity.park(invocation.path, approval)
        raise Suspended
    state: Any = "approved" if answer.approved else "denied"
    try:
        await history.journal.decide(approval.approval, state, answer.who, answer.reason)
    except JournalError:
        return  # somebody else was faster, or it has expired: look again


def _tell_caller(history: History, invocation: Invocation, approval: Approval) -> None:
    """Tell the caller of a call out of a Service that it waits for a person."""
    caller = invocation.context.run.caller
    if caller is not None:
        until = None if approval.expires_at is None else rfc3339(approval.expires_at, 0)
        told = {
            "run": history.run,
            "execution": invocation.id,
            "approval": {"id": approval.approval, "expires_at": until},
        }
        why = f"{approval.target} waits for an approval ({approval.reason})"
        caller.parked(Parked(why, data=told))


async def _withdraw(history: History, invocation: Invocation) -> None:
    """Take back what nobody has decided, also where the journal was just being told to ask."""
    journal, why = history.journal, "the call was cancelled"
    with suppress(JournalError):  # the conclusion of the call, which follows, meets it too
        # The journal writes in order: when this is done, a question that was being written is there
        await journal.expire()
        for approval in await journal.approvals("pending", execution=invocation.id):
            with suppress(Refused):  # somebody has decided meanwhile
                await journal.decide(approval.approval, "invalidated", "kernel", why)


async def _still_holds(history: History, invocation: Invocation, approval: Approval) -> bool:
    """Whether the call is still the one that was approved; stage 7 is asked again first.

    The inputs must be the same, and if the policy is strict, the values that ``expect`` reads.
    """
    await go_through(invocation, invocation.plan.authorise_again)
    live = {"inputs": kept_inputs(invocation, history)}
    if authorise.terms_of(invocation).threshold == "strict":
        live["looked_at"] = history.references.hide(await looked_at(invocation))
    was = {name: approval.frozen.get(name) for name in live}
    if live == was:
        return True
    detail = {"was": was, "is": live}
    await history.note(invocation.id, "approval", "invalidated", detail)
    await history.guard(history.journal.spend(approval.approval, "invalidated"))
    return False

"""Stage 6, limit: at most so many invocations of a topology at a time, in each group.

A ticket is taken before anything of the topology runs, and is given back with the conclusion. It
stays while the invocation is parked or sleeps, and while its process is dead: then those that wait
say what holds the slot, and how to go on with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress

from kernel.cel import CelError
from kernel.errors import Concurrency as Full
from kernel.errors import ExpressionError
from kernel.invocation import slots
from kernel.invocation.activity import Activity
from kernel.invocation.history import History
from kernel.invocation.invocation import Invocation, Plan, Stage
from kernel.journal.errors import Damaged, Refused
from kernel.journal.owners import is_gone
from kernel.journal.rows import NewTicket, Standing, Ticket
from kernel.journal.values import checked_key, digest_of_text
from kernel.topology.concurrency import Concurrency, concurrency_of
from kernel.topology.context import type_name

_FIRST_POLL_SECONDS, _MAX_POLL_SECONDS = 0.02, 0.5

_MAX_CHARACTERS = 200
"""A longer text names a topology or a group by its digest, for which every index has room."""

_MAX_NAMED = 3
"""So many holders are named to those that wait."""


def prepare(plan: Plan) -> Stage | None:
    """The stage is needed if the target says ``concurrency``."""
    found = concurrency_of(plan.instance.definition, plan.instance.resource)
    if found is None:
        return None
    plan.is_limited = True
    topology = _topology(plan)

    async def limit(invocation: Invocation) -> None:
        new = NewTicket(
            invocation.id, invocation.context.run.id, invocation.path,
            topology, _group(invocation, found), found.limit,
        )  # fmt: skip
        history, waits = invocation.context.run.history, found.full != "reject"
        standing = await slots.enter(invocation, new, waits=waits)
        if standing.ticket is None and history and await slots.leave_orphans(history, standing):
            standing = await slots.enter(invocation, new, waits=waits)
        if standing.ticket is None:
            raise await _refusal(invocation, standing)
        if not standing.holds:
            await _Queued(invocation, found, standing.ticket).wait(standing)

    return limit


def _topology(plan: Plan) -> str:
    """The topology, by its module and address; one without a name by its fields as well."""
    instance = plan.instance
    address = f"{plan.runtime.module_of(instance)} {instance.address}"
    if not instance.resource.name:
        address = f"{address} {digest_of_text(repr(instance.resource.fields))[:16]}"
    return address if len(address) <= _MAX_CHARACTERS else digest_of_text(address)


def _group(invocation: Invocation, found: Concurrency) -> str:
    """The text that names the group of a call; with a secret in it, or a long one, its digest."""
    if found.group is None:
        return ""
    instance, path = invocation.plan.instance, (*found.path, "group")
    is_body = instance.definition.body is not None
    scope = instance.home if is_body else instance.scope
    document = instance.definition.document if is_body else instance.resource.document
    try:
        text = found.group.evaluate({"inputs": invocation.inputs, "vars": scope.vars})
    except CelError as error:
        raise ExpressionError(
            f"`group` of `{path[-2]}`: {error}", span=document.span(path)
        ) from None
    if not isinstance(text, str):
        raise ExpressionError(
            f"`group` is text, but its value is {type_name(text)}", span=document.span(path)
        )
    try:
        checked_key(text or None)
    except Refused:
        text = digest_of_text(text)
    history = invocation.context.run.history
    kept = text if history is None else history.kept_key(text)
    return kept if len(kept) <= _MAX_CHARACTERS else digest_of_text(kept)


async def _refusal(invocation: Invocation, standing: Standing) -> Full:
    """The error of a call to which no ticket was given."""
    address = invocation.plan.instance.address
    if standing.waits_for_itself:
        return Full(
            f"{address} was not called: it would wait for itself, since every slot of its "
            "concurrency group is held by a call that waits for this one"
        )
    who = await _who_holds(invocation, standing)
    return Full(f"{address} was not called: no slot of its concurrency group is free; {who[0]}")


class _Queued:
    """An invocation that waits for its slot."""

    def __init__(self, invocation: Invocation, found: Concurrency, ticket: Ticket) -> None:
        self._invocation = invocation
        self._ticket = ticket
        self._cancels = found.full == "cancel-running"
        self._asked: set[str] = set()  # the runs whose cancellation this one has asked for
        self._told = ""

    async def wait(self, standing: Standing) -> None:
        """Return when the ticket has a slot."""
        invocation, history = self._invocation, self._invocation.context.run.history
        if history is None:
            await self._until_held(standing, None)
            return
        noted = {"topology": self._ticket.topology, "before": standing.before}
        await history.note(invocation.id, "limit", "queued", noted)
        counted = _Counted(history.activity)
        try:
            await self._until_held(standing, counted)
        finally:
            counted.end()
        await history.note(invocation.id, "limit", "held")

    async def _until_held(self, standing: Standing, counted: _Counted | None) -> None:
        invocation, history = self._invocation, self._invocation.context.run.history
        pause, is_woken = _FIRST_POLL_SECONDS, True
        with invocation.plan.runtime.waiting.listed(self._ticket) as turn:
            while not standing.holds:
                if history is not None and await slots.leave_orphans(history, standing):
                    standing = await slots.look(invocation, self._ticket)
                    continue
                looks_closely = not self._told or pause == _MAX_POLL_SECONDS
                if looks_closely or (turn.is_in_front and is_woken):
                    await self._tell(standing, counted)
                if self._cancels:
                    await self._cancel_older(standing)
                polls = turn.is_in_front and history is not None
                is_woken = await turn.wait(pause if polls else None)
                pause = _FIRST_POLL_SECONDS if is_woken else min(pause * 2, _MAX_POLL_SECONDS)
                standing = await slots.look(invocation, self._ticket)

    async def _tell(self, standing: Standing, counted: _Counted | None) -> None:
        """Tell subscribers what is waited for, when that has changed."""
        who, is_at_work = await _who_holds(self._invocation, standing)
        if counted is not None:
            counted.set(is_at_work)
        if who != self._told:
            self._told = who
            self._invocation.tell("Queued", {"before": standing.before, "reason": who})

    async def _cancel_older(self, standing: Standing) -> None:
        """Cancel the oldest, so many that a slot is free; the calls of this run are waited for."""
        invocation = self._invocation
        run, runtime = invocation.context.run, invocation.plan.runtime
        too_many = standing.older[: standing.before - self._ticket.slots + 1]
        older = [one for one in too_many if one.run != run.id]
        address = invocation.plan.instance.address
        why = f"{address} was called in run {run.id}, and cancels older calls"
        if run.history is None:
            for one in older:
                runtime.tickets.cancel(one, why)
            return
        runs = {one.run for one in older} - self._asked
        self._asked |= runs
        cancel = runtime.cancel_run
        if cancel is not None:
            who = run.principal or "the kernel"
            await asyncio.gather(
                *(
                    _cancelled(run.history, cancel(run.history.journal, one, who, why))
                    for one in runs
                )
            )


async def _cancelled(history: History, cancelling: Awaitable[object]) -> None:
    with suppress(Refused, Damaged):  # the run has ended meanwhile, or cannot be read
        await history.guard(cancelling, Refused, Damaged)


class _Counted:
    """Whether a call that waits counts as under way: as long as the slot may become free by itself.

    If it does not, and the rest of the run waits for people, the run is suspended.
    """

    def __init__(self, activity: Activity) -> None:
        self._activity = activity
        self._is_counted = True
        activity.begin()

    def set(self, is_at_work: bool) -> None:
        """Count the call, or stop counting it."""
        if is_at_work == self._is_counted:
            return
        self._is_counted = is_at_work
        if is_at_work:
            self._activity.begin()
        else:
            self._activity.wait()
            self._activity.suspend_if_idle()

    def end(self) -> None:
        """The call has its slot, or does not wait any more."""
        if self._is_counted:
            self._activity.end()


async def _who_holds(invocation: Invocation, standing: Standing) -> tuple[str, bool]:
    """Which calls hold the slots, how to go on with them, and whether one of them is at work."""
    history = invocation.context.run.history
    named = []
    is_at_work = not standing.older
    for one in standing.older[:_MAX_NAMED]:
        how, works = ("", True) if history is None else await _how_it_goes(history, one)
        is_at_work = is_at_work or works
        named.append(f"{one.path or 'the call'} of run {one.run}{how}")
    more = standing.before - len(named)
    others = f", and {more:,} more before it" if more > 0 and named else ""
    what = "it waits behind" if standing.before > len(named) else "the slot is held by"
    return f"{what} {'; '.join(named)}{others}", is_at_work


async def _how_it_goes(history: History, ticket: Ticket) -> tuple[str, bool]:
    """What becomes of a call before another, and whether a process works on its run."""
    if ticket.run == history.run:
        return "", True
    try:
        run = await history.guard(history.journal.run(ticket.run), Damaged)
    except Damaged as damaged:
        return f" ({damaged})", False
    if run is None:
        return "", False
    ways = f"`kernel resume {run.run}`, or `kernel cancel {run.run}`"
    match run.state:
        case "parked":
            return f", which waits for a person (`kernel approvals`, then {ways})", False
        case "unknown":
            return (
                f", of which a person has to say what became (`kernel escalations`, {ways})",
                False,
            )
        case "running":
            lease = await history.guard(history.journal.lease(run.run))
            if await history.guard(is_gone(history.journal, lease.owner)):
                return f", on which no process works ({ways})", False
    return "", True

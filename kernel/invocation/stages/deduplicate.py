"""Stage 5, deduplicate: calls with the same idempotency key have one effect, and one answer."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

from kernel.errors import Conflict, Suspended
from kernel.invocation.history import History
from kernel.invocation.invocation import Answered, Invocation, Plan, Stage
from kernel.invocation.recovery.answers import answer_for
from kernel.invocation.recovery.claims import (
    as_it_began,
    claim,
    is_left,
    record_outcome,
    take_up,
)
from kernel.invocation.runtime import Runtime
from kernel.journal import rows
from kernel.journal.owners import is_gone
from kernel.journal.values import digest_of_text

_KEY_TTL_NANOSECONDS = 24 * 3600 * 10**9
"""A key is kept so long after its claim, once its invocation is concluded."""

_FORGET_INTERVAL_SECONDS = 600.0
"""Between two times at which expired keys are deleted."""

_MAX_FORGOTTEN_KEYS = 10_000

_FIRST_POLL_SECONDS, _MAX_POLL_SECONDS = 0.02, 0.5

_MAX_WAIT_SECONDS = 30.0
"""A call out of a Service waits so long for one with the same key."""

Seen = tuple[rows.Lease | None, float]
"""A lease, and since when it is the same, on the monotonic clock."""


def prepare(plan: Plan) -> Stage | None:
    """The stage is needed if there is a journal and the call site gives an idempotency key."""
    if not plan.is_recorded or plan.site.idempotency_key is None:
        return None
    instance = plan.instance
    place = "" if plan.site.key_scope is None else f" {plan.site.key_scope}"
    fields = "" if instance.resource.name else f" {_digest(instance.resource.fields)}"

    async def deduplicate(invocation: Invocation) -> None:
        history = invocation.history
        if history is None or invocation.claim is not None:
            return
        as_it_began(invocation, history)
        await _forget(history, invocation.plan.runtime)
        run = invocation.context.run
        module = run.runtime.module_of(instance)
        scope = f"{run.principal or ''} {module} {instance.address}{fields}{place}"
        seen: Seen
        since = time.monotonic()
        pause, seen = _FIRST_POLL_SECONDS, (None, 0.0)
        while True:
            key, ttl = invocation.idempotency_key, _KEY_TTL_NANOSECONDS
            got = await claim(invocation, history, key=key, scope=scope, ttl=ttl)
            if not isinstance(got, rows.InFlight) or is_left(history, got.invocation):
                break
            if run.caller is not None and time.monotonic() - since > _MAX_WAIT_SECONDS:
                raise Conflict(
                    "a call with the same idempotency key is being worked on",
                    code="IN_FLIGHT",
                    retry_after=1000,
                )
            seen = await _wait(invocation, history, got.invocation, pause, seen)
            pause = min(pause * 2, _MAX_POLL_SECONDS)
        if isinstance(got, rows.Recorded):
            await _answer(invocation, history, got.invocation)
        else:
            take_up(invocation, history, got)

    return deduplicate


def _digest(fields: Mapping[str, Any]) -> str:
    """Tells a resource without a name from others of its kind."""
    return digest_of_text(json.dumps(fields, sort_keys=True, default=str))[:16]


async def _forget(history: History, runtime: Runtime) -> None:
    """Delete expired keys now and then, so that they do not pile up."""
    now = time.monotonic()
    if runtime.forgot is None or now - runtime.forgot >= _FORGET_INTERVAL_SECONDS:
        runtime.forgot = now
        await history.guard(history.journal.forget_keys(_MAX_FORGOTTEN_KEYS))


async def _wait(
    invocation: Invocation, history: History, row: rows.Invocation, seconds: float, seen: Seen
) -> Seen:
    """Wait for the call that holds the key. Raises :class:`Conflict` when no process works on it.

    Then a run that another process can replay is handed over instead, once it does nothing else.
    While this waits for a call that waits for a person, its own run may be suspended as well.
    A process that gave its lease back had concluded the call before: so the call is looked at
    again after the lease.
    """
    lease = await history.guard(history.journal.lease(row.run))
    now = time.monotonic()
    seen = seen if seen[0] == lease else (lease, now)
    is_silent = now - seen[1] > history.lease.timing.patience_seconds
    has_no_process = is_silent or await history.guard(is_gone(history.journal, lease.owner))
    why = None
    if has_no_process and row.run not in invocation.plan.runtime.recovering:
        holder = await history.guard(history.journal.invocation(row.execution))
        if holder is None or holder.outcome is not None or holder.epoch != row.epoch:
            return seen
        why = await _who_holds(history, holder)
        if not history.is_replayable:
            raise Conflict(why, code="IN_FLIGHT")
    activity = history.activity
    with invocation.waiting():
        activity.suspend_if_idle()
        if why is not None and activity.is_idle and not (activity.parked or activity.held):
            activity.hand_over(why)
            raise Suspended
        await asyncio.sleep(seconds)
    return seen


async def _who_holds(history: History, row: rows.Invocation) -> str:
    """Which call holds the key, when no process works on it now."""
    holder = await history.guard(history.journal.run(row.run))
    if row.holder is not None:
        how = f"waits for {row.holder}, which gives no sign of life (`kernel escalations`)"
    elif holder is not None and holder.state == "parked":
        how = "waits for an approval (`kernel approvals`)"
    else:
        how = f"is not worked on now: `kernel resume {row.run}` goes on with it"
    return f"the same key is held by {row.path} of run {row.run}, which {how}"


async def _answer(invocation: Invocation, history: History, row: rows.Invocation) -> None:
    try:
        answer_for(invocation, history, row)
    except Answered:
        pass
    else:
        return  # it is made again: it is idempotent, and its result was not kept
    ending = rows.Conclusion("deduplicated", row.outputs, attempts=0)
    await record_outcome(invocation, history, ending)
    await history.note(invocation.id, "deduplicate", "deduplicated", {"execution": row.execution})
    invocation.tell("Deduplicated", {"execution": row.execution})
    caller = invocation.context.run.caller
    if caller is not None and invocation.plan.site.key_scope is not None:
        caller.replayed()
    raise Answered

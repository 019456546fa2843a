"""Attempts of what has a commit record: by outcome and safety class return, retry, reconcile, ask.

The table stands in pipeline.md (Outcomes and safety classes).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from kernel.errors import InvocationError, Unknown
from kernel.invocation import approve, authorise
from kernel.invocation.attempt import limit_of, one_attempt
from kernel.invocation.history import error_to_json
from kernel.invocation.reconcile import find_out, settle_within
from kernel.invocation.retry import next_delay
from kernel.invocation.tell import tell_error
from kernel.invocation.threads import current_attempt
from kernel.invocation.values import copied
from kernel.safety import CHECKED

if TYPE_CHECKING:
    from kernel.invocation.history import History
    from kernel.invocation.invocation import Invocation
    from kernel.invocation.plan import Plan, Stage
    from kernel.invocation.work import Body
    from kernel.journal.rows import Note


def recorded_attempts(plan: Plan, work: Body) -> Callable[[Invocation], Awaitable[None]]:
    """The loop of attempts, which goes on where an earlier process left it."""
    site = plan.site
    ask_again = approve.prepare(plan)
    may_go_on = authorise.check(plan) if not plan.instance.is_topology else None

    async def careful(invocation: Invocation) -> None:
        history = invocation.history
        assert history is not None
        assert invocation.claim is not None
        began = time.monotonic()
        if invocation.was_in_flight:
            began -= max(time.time_ns() - invocation.began, 0) / 1e9
            if await _go_on(invocation, history, _spent(began), ask_again):
                return
            waiting = None if may_go_on is None or invocation.approval else may_go_on(invocation)
            if waiting is not None:
                await waiting
        elif invocation.claim.attempts:
            invocation.attempt = invocation.claim.attempts + 1
        inputs = invocation.inputs
        while True:
            invocation.inputs = copied(inputs)
            if history.is_behind:
                await history.finish_replay()
            if history.is_doubtful:
                await history.assert_held()
            try:
                limit = limit_of(site, _spent(began))
                invocation.outputs = await _attempt(work, invocation, limit)
                return
            except InvocationError as error:
                if _is_checked(invocation, error) and await _reconcile(invocation, error):
                    return
                delay = await _delay(invocation, error, _spent(began))
                if delay is None:
                    raise
                await _retry(invocation, history, error, delay)

    return careful


async def _attempt(work: Body, invocation: Invocation, limit: float | None) -> Any:
    token = current_attempt.set(invocation.begin_attempt)
    try:
        return await one_attempt(work, invocation, limit)
    finally:
        current_attempt.reset(token)


def _is_checked(invocation: Invocation, error: InvocationError) -> bool:
    return error.outcome == "unknown" and invocation.plan.instance.contract.safety in CHECKED


def _spent(began: float) -> float:
    return (time.monotonic() - began) * 1000


async def _delay(invocation: Invocation, error: InvocationError, spent: float) -> float | None:
    retry = invocation.plan.site.retry
    return None if retry is None else await next_delay(retry, invocation, error, spent)


async def _reconcile(invocation: Invocation, error: InvocationError) -> bool:
    """Whether the effect of an unknown attempt landed; if it did not, the attempt has failed."""
    found = await find_out(invocation)
    if found.landed:
        invocation.outputs = found.outputs
        invocation.is_adopted = True
        return True
    if found.landed is False:
        error.outcome = "failed"
        await settle_within(invocation, landed=False)
    else:
        error.message = f"{error.message}; whether it took effect is not known: {found.why}"
        error.args = (error.message,)
    return False


async def _retry(
    invocation: Invocation, history: History, error: InvocationError, delay: float
) -> None:
    """Note the failure, wait, and note that the next attempt begins."""
    assert invocation.claim is not None
    invocation.context.run.hide_secrets(error)
    tell_error(invocation, "Retried", error, delay=delay)
    until = time.time_ns() + int(delay * 1e6)
    detail = {"error": error_to_json(error), "until": until}
    await _note(invocation, history, "failed", detail)
    with history.timed():
        await asyncio.sleep(delay / 1000)
    invocation.attempt += 1
    await _note(invocation, history, "began", None)


async def _note(invocation: Invocation, history: History, status: str, detail: Any) -> None:
    assert invocation.claim is not None
    await history.guard(
        history.journal.attempted(
            invocation.id,
            invocation.claim.epoch,
            invocation.attempt,
            status,
            history.references.hide(detail),
        )
    )


async def _go_on(
    invocation: Invocation, history: History, spent: float, ask_again: Stage | None
) -> bool:
    """Take up what a process left that ended before the outcome was recorded.

    True when the effect has landed, with its outputs. Otherwise the next attempt may be made.
    Raises :class:`Unknown` where only a person can say.
    """
    notes = await history.guard(history.journal.trace(invocation.id))
    tried = [one for one in notes if one.step == "attempt"]
    assert invocation.claim is not None
    if tried:
        invocation.attempt = max(invocation.claim.attempts, 1)
    if tried and tried[-1].status == "failed":
        # It had failed for certain, and the next attempt had not begun.
        until = (tried[-1].detail or {}).get("until", 0)
        await asyncio.sleep(min(max(until - time.time_ns(), 0) / 1e9, _longest(invocation)))
        invocation.attempt += 1
        await _note(invocation, history, "began", None)
        return False
    if invocation.approval is not None or _is_parked(notes):
        return False
    safety = invocation.plan.instance.contract.safety
    if safety == "idempotent" or invocation.plan.instance.is_topology:
        return False  # a topology is walked again, and what it called answers for itself
    message = "the process ended before the outcome was recorded"
    error = Unknown(message, code="INTERRUPTED", attempt=invocation.attempt)
    if safety in CHECKED:
        if await _reconcile(invocation, error):
            return True
        if error.outcome == "unknown":
            raise error
        if safety == "approval-bound" and ask_again is not None:
            invocation.was_in_flight = False
            waiting = ask_again(invocation)  # a new approval for a new attempt
            if waiting is not None:
                await waiting
        return False
    if safety is None:
        delay = await _delay(invocation, error, spent)
        if delay is not None:
            await _retry(invocation, history, error, delay)
            return False
    error.message = f"{message}; whether it took effect is not known"
    error.args = (error.message,)
    raise error


def may_have_landed(notes: Sequence[Note]) -> bool:
    """Whether the process that left a call in flight had made it, by the trace of the call."""
    tried = [one for one in notes if one.step == "attempt"]
    return not _is_parked(notes) and (not tried or tried[-1].status != "failed")


def _is_parked(notes: Any) -> bool:
    """Whether the process ended while a person was asked: nothing was attempted then."""
    asked = [one for one in notes if one.step == "approval"]
    return bool(asked) and asked[-1].status in ("pending", "invalidated")


def _longest(invocation: Invocation) -> float:
    """Seconds that no pause between two attempts exceeds: a clock may jump."""
    from kernel.invocation.retry import delay_after

    retry = invocation.plan.site.retry
    return 0.0 if retry is None else delay_after(retry, max(invocation.attempt, 1), None) / 1000

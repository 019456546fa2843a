"""Stage 12, conclude: the outcome into the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from kernel.errors import ExpressionError, InvalidState, InvocationError, Suspended, ValidationError
from kernel.invocation.history import History
from kernel.invocation.invocation import Invocation, Plan, Stage
from kernel.invocation.recovery.claims import record_outcome
from kernel.invocation.recovery.endings import (
    cut_off,
    failed,
    landed,
    may_take_effect,
    succeeded,
    without_outputs,
)
from kernel.invocation.recovery.interrupted import may_have_landed
from kernel.invocation.recovery.reconcile import find_out, settle_within
from kernel.invocation.slots import give_back, give_back_in_memory
from kernel.invocation.time_limits import note_cut_off
from kernel.journal.errors import Fenced, TooLarge
from kernel.journal.rows import Conclusion
from kernel.run_paths import is_within


def prepare(plan: Plan) -> Stage | None:
    """Only with a journal."""
    if not plan.is_recorded:
        return give_back if plan.is_limited else None

    async def conclude_success(invocation: Invocation) -> None:
        history = invocation.history
        if history is not None and (history.is_replayable or invocation.claim):
            await _write(invocation, history, succeeded(invocation, history))
            if invocation.is_adopted:
                await settle_within(invocation, landed=True)
        if invocation.ticket is not None:
            await give_back(invocation)
        invocation.release()

    return conclude_success


async def _write(invocation: Invocation, history: History, ending: Conclusion) -> None:
    try:
        await record_outcome(invocation, history, ending)
    except TooLarge as error:
        if invocation.claim is not None:
            # It has landed, and the run goes on with the outputs while this process lives.
            await record_outcome(invocation, history, without_outputs(ending, error))


def prepare_failure(plan: Plan) -> Callable[[Invocation, BaseException], Awaitable[None]]:
    """The function that records an invocation which a stage ended by raising."""
    if not plan.is_recorded:
        return _unrecorded

    async def conclude_failure(invocation: Invocation, error: BaseException) -> None:
        history = invocation.history
        if history is None:
            await _leave(invocation, error)
            return
        is_lost = history.fault is not None and isinstance(error, asyncio.CancelledError)
        if history.activity.is_suspended or isinstance(error, Suspended) or is_lost:
            await _give_up(invocation, history)
            invocation.release()
            return
        try:
            # An outcome that was recorded just before the cancellation stays.
            ending = None if invocation.is_concluded else await _ending(invocation, history, error)
            if ending is not None:
                await _write(invocation, history, ending)
                if isinstance(error, InvocationError):
                    error.is_escalated = ending.outcome == "unknown" and history.is_replayable
            await _leave(invocation, error)
        except asyncio.CancelledError:
            # Cancelled here as well, perhaps while a check was asked: a person has to find out.
            if invocation.claim is not None and not invocation.is_concluded:
                await record_outcome(invocation, history, cut_off(invocation))
            await _leave(invocation, error)
            raise
        finally:
            invocation.release()

    return conclude_failure


async def _unrecorded(invocation: Invocation, error: BaseException) -> None:
    """Tell the time limits around a call that it was cancelled, and may have taken effect."""
    is_safe = invocation.safety == "idempotent"
    if isinstance(error, asyncio.CancelledError) and invocation.has_own_effect and not is_safe:
        note_cut_off(invocation.path)
    if invocation.ticket is not None:
        await give_back_in_memory(invocation, error)


async def _leave(invocation: Invocation, error: BaseException) -> None:
    """Give the slot back of a call that ended without a record of that, unless it may go on.

    It may where the run stops as it is, and where a person says what became of a call within.
    """
    history = invocation.context.run.history
    if invocation.ticket is None or history is None:
        return
    is_stopped = history.activity.is_suspended or history.fault is not None
    is_open = isinstance(error, InvocationError) and error.outcome == "unknown"
    if is_open and history.is_replayable:
        # Where the run goes on nevertheless, a later call of its own need not wait for this one.
        history.tickets.discard(invocation.id)
    elif not is_stopped:
        await give_back(invocation)


async def _give_up(invocation: Invocation, history: History) -> None:
    """Leave a call whose run another process has taken over, if it is certainly not at work."""
    claim = invocation.claim
    is_lost = isinstance(history.fault, Fenced)
    if is_lost and claim and not invocation.is_concluded and not invocation.has_live_attempt:
        made = invocation.is_made or invocation.was_in_flight
        await history.release(invocation.id, claim.epoch, made=made)


async def _ending(
    invocation: Invocation, history: History, error: BaseException
) -> Conclusion | None:
    if isinstance(error, asyncio.CancelledError):
        if invocation.was_in_flight and not invocation.is_attempted:
            if not await _may_have_been_made(invocation, history):
                # The end of the run concludes it, unless a later attempt goes on with it.
                history.taken_up.discard(invocation.id)
                return None
            invocation.is_attempted = True
        return await _cancelled(invocation, history) if invocation.claim else None
    if not isinstance(error, InvocationError):
        return None
    if await _hides_an_interrupted_call(invocation, error):
        error.reword(f"{error.message}; whether it took effect before is not known")
        error.outcome = "unknown"
    pure = isinstance(error, (ExpressionError, ValidationError))
    if pure and not (invocation.claim or invocation.is_attempted):
        return None  # it is the same again, with inputs that are no JSON perhaps
    if error.outcome == "unknown" and invocation.plan.instance.is_topology:
        if error.is_escalated or not history.is_replayable:
            return None  # a person says what became of a call within
        if await _is_at_work_within(invocation, history):
            return None
    return failed(invocation, error)


async def _may_have_been_made(invocation: Invocation, history: History) -> bool:
    """Whether an earlier process may have made a call, by the trace; a topology makes none."""
    if invocation.plan.instance.is_topology:
        return False
    return may_have_landed(await history.guard(history.journal.trace(invocation.id)))


async def _is_at_work_within(invocation: Invocation, history: History) -> bool:
    """Whether a call within is still at work, of which a person has to say what became of it."""
    rows = await history.guard(history.journal.unresolved(run=history.run))
    return any(is_within(row.path, invocation.path) and may_take_effect(row) for row in rows)


async def _hides_an_interrupted_call(invocation: Invocation, error: InvocationError) -> bool:
    """Whether an error came before the outcome of an earlier process was found out."""
    if not invocation.was_in_flight or invocation.is_attempted or invocation.history is None:
        return False
    if invocation.safety == "idempotent":
        return False
    if not isinstance(error, (ExpressionError, InvalidState, ValidationError)):
        return False
    history = invocation.history
    return may_have_landed(await history.guard(history.journal.trace(invocation.id)))


async def _cancelled(invocation: Invocation, history: History) -> Conclusion:
    """The end of a cancelled call: where its definition has a check, that is asked."""
    if not (invocation.is_attempted and invocation.has_own_effect):
        return cut_off(invocation)
    found = await find_out(invocation, repeats=0)
    if found.landed is True:
        return landed(invocation, history, found.outputs)
    return cut_off(invocation, found.landed)

"""Stage 12, conclude: the outcome into the journal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kernel.errors import (
    Cancelled,
    ExpressionError,
    InvalidState,
    InvocationError,
    OutputError,
    Suspended,
    Unknown,
    ValidationError,
)
from kernel.invocation import validate_outputs
from kernel.invocation.history import error_to_json
from kernel.journal.errors import TooLarge
from kernel.journal.rows import Conclusion

if TYPE_CHECKING:
    from kernel.invocation.history import History
    from kernel.invocation.invocation import Invocation
    from kernel.invocation.plan import Plan, Stage


def prepare(plan: Plan) -> Stage | None:
    """Only with a journal."""
    if not plan.is_recorded:
        return None

    async def conclude(invocation: Invocation) -> None:
        history = invocation.history
        if history is None or not (history.is_replayable or invocation.claim):
            invocation.release()
            return
        ending = Conclusion(
            "succeeded",
            _kept(invocation, history),
            attempts=invocation.attempt,
            duration=_duration(invocation),
        )
        await _write(invocation, history, ending)
        if invocation.is_adopted:
            from kernel.invocation.reconcile import settle_within

            await settle_within(invocation, landed=True)
        invocation.release()

    return conclude


def _kept(invocation: Invocation, history: History) -> Any:
    """The outputs, as they are kept."""
    outputs = invocation.plan.instance.contract.outputs
    return history.references.hide(
        invocation.outputs, None if outputs is None else outputs.redaction
    )


async def _write(invocation: Invocation, history: History, ending: Conclusion) -> None:
    try:
        await history.conclude(invocation, ending)
    except TooLarge as error:
        if invocation.claim is not None:
            # It has landed, and the run goes on with the outputs while this process lives.
            await history.conclude(invocation, without_outputs(ending, error))


def without_outputs(ending: Conclusion, error: TooLarge) -> Conclusion:
    """The end of a call whose outputs cannot be kept."""
    why = error_to_json(OutputError(f"its result is not kept: {error}"))
    return replace(ending, outputs=None, error=why)


def landed(invocation: Invocation, history: History, outputs: Any) -> Conclusion:
    """The end of a call that a check has found, whose outputs are held to the contract."""
    invocation.outputs = outputs
    try:
        validate_outputs.prepare(invocation.plan)(invocation)
    except OutputError as error:
        return _failed(invocation, error)
    kept = _kept(invocation, history)
    return Conclusion("succeeded", kept, attempts=invocation.attempt)


def prepare_failure(
    plan: Plan,
) -> Callable[[Invocation, BaseException], Awaitable[None]] | None:
    """What records an invocation that ended by raising."""
    if not plan.is_recorded:
        return None

    async def conclude_failure(invocation: Invocation, error: BaseException) -> None:
        history = invocation.history
        is_still = history is None or history.suspended or history.met is not None
        if history is None or is_still or isinstance(error, Suspended):
            return
        try:
            # What was concluded as the cancellation came stays so.
            ending = None if invocation.is_concluded else await _ending(invocation, history, error)
            if ending is not None:
                await _write(invocation, history, ending)
                if isinstance(error, InvocationError):
                    error.is_escalated = ending.outcome == "unknown" and history.is_replayable
        except asyncio.CancelledError:
            # Cancelled here as well, perhaps while a check was asked: a person has to find out.
            if invocation.claim is not None and not invocation.is_concluded:
                await history.conclude(invocation, _cut_off(invocation))
            raise
        finally:
            invocation.release()

    return conclude_failure


async def _ending(
    invocation: Invocation, history: History, error: BaseException
) -> Conclusion | None:
    if isinstance(error, asyncio.CancelledError):
        if invocation.was_in_flight and not invocation.is_attempted:
            return None  # an earlier process has attempted it: the end of the run concludes it
        return await _cancelled(invocation, history) if invocation.claim else None
    if not isinstance(error, InvocationError):
        return None
    if await _hides_what_was_left(invocation, error):
        error.message = f"{error.message}; whether it took effect before is not known"
        error.args, error.outcome = (error.message,), "unknown"
    pure = isinstance(error, (ExpressionError, ValidationError))
    if pure and not (invocation.claim or invocation.is_attempted):
        return None  # it is the same again, with inputs that are no JSON perhaps
    if error.outcome == "unknown" and invocation.plan.instance.is_topology:
        return None  # what it called is recorded so, and a person may say what became of it
    return _failed(invocation, error)


async def _hides_what_was_left(invocation: Invocation, error: InvocationError) -> bool:
    """Whether a call that a process left in flight did not even come to be found out about."""
    if not invocation.was_in_flight or invocation.is_attempted or invocation.history is None:
        return False
    if invocation.plan.instance.contract.safety == "idempotent":
        return False
    if not isinstance(error, (ExpressionError, InvalidState, ValidationError)):
        return False
    from kernel.invocation.careful import may_have_landed

    history = invocation.history
    return may_have_landed(await history.guard(history.journal.trace(invocation.id)))


def _failed(invocation: Invocation, error: InvocationError) -> Conclusion:
    landed = True if isinstance(error, OutputError) else None
    if error.outcome == "unknown" and invocation.plan.instance.contract.safety == "idempotent":
        error.outcome = "failed"  # it may be made again: nobody has to find out
    return Conclusion(
        error.outcome,
        error=error_to_json(error),
        attempts=invocation.attempt if invocation.is_attempted else 0,
        duration=_duration(invocation),
        landed=landed,
    )


async def _cancelled(invocation: Invocation, history: History) -> Conclusion:
    """A call that was cancelled in flight may have taken effect: where it can be, it is asked."""
    if not _may_have_landed(invocation):
        return _cut_off(invocation)
    from kernel.invocation.reconcile import find_out

    found: Any = await find_out(invocation, max_checks=0)
    if found.landed is True:
        return landed(invocation, history, found.outputs)
    return _cut_off(invocation, found.landed)


def _may_have_landed(invocation: Invocation) -> bool:
    instance = invocation.plan.instance
    is_keyed = invocation.plan.site.idempotency_key is not None
    if instance.is_topology and instance.definition.check is None and not is_keyed:
        return False  # what it called answers for itself
    return invocation.is_attempted


def _cut_off(invocation: Invocation, has_landed: bool | None = None) -> Conclusion:
    """The end of a call that was cancelled, and did not land as far as is known."""
    if not invocation.is_attempted:
        return _failed(invocation, Cancelled("the call was cancelled before it was made"))
    is_sure = has_landed is False or invocation.plan.instance.contract.safety == "idempotent"
    if is_sure or not _may_have_landed(invocation):
        return _failed(invocation, Cancelled("the call was cancelled", attempt=invocation.attempt))
    message = "the call was cancelled in flight; whether it took effect is not known"
    return _failed(invocation, Unknown(message, code="CANCELLED", attempt=invocation.attempt))


def _duration(invocation: Invocation) -> int:
    return max(time.time_ns() - invocation.began, 0)

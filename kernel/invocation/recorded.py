"""Decisions and pauses are steps of a walk that call nothing, and are recorded like calls.

In a replay each gives what it gave at first, in the order in which that was recorded.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from kernel.errors import Cancelled, Conflict, InvocationError
from kernel.invocation.context import EvaluationContext
from kernel.invocation.history import History, error_from_json, error_to_json
from kernel.journal.errors import Damaged, TooLarge
from kernel.journal.rows import Conclusion, Intent, Won
from kernel.journal.rows import Invocation as Row
from kernel.journal.values import digest_of
from kernel.structs import struct

DECISION = "decision"
PAUSE = "pause"
"""The target that the journal holds for operations that are no calls."""


@struct
class Claim:
    """The record that an operation has begun."""

    execution: str
    epoch: int
    began: int
    inputs: Mapping[str, Any]
    was_in_flight: bool = False
    """An earlier process claimed it."""


@struct
class Operation:
    """A decision or a pause at a path of a run."""

    path: str
    target: str
    do: Callable[[Claim | None], Awaitable[Any]]
    """Gives the value, or raises an error that is recorded as well."""
    too_large: Callable[[TooLarge], InvocationError]
    """The error of a value that cannot be kept."""
    inputs: Mapping[str, Any] | None = None
    """Of an operation that takes its time: it is claimed with them before it is done."""
    to_json: Callable[[Any], Any] = lambda value: value
    from_json: Callable[[Any], Any] = lambda value: value


async def recorded(context: EvaluationContext, operation: Operation) -> Any:
    """Do an operation and record its value or its error; or give those that are recorded."""
    history = context.run.history
    if history is None or context.atomic is not None or not history.is_replayable:
        return await operation.do(None)
    row = history.concluded.get(operation.path)
    if row is not None and row.outcome == "cancelled":
        return await operation.do(None)  # until the same cancellation comes again
    if row is not None:
        await history.replay_order.wait(row.number or 0)
        return _answer(history, operation, row)
    claim = None if operation.inputs is None else await _claim(context, history, operation)
    return await _done(context, history, operation, claim)


def _answer(history: History, operation: Operation, row: Row) -> Any:
    if row.outcome != "succeeded":
        raise error_from_json(row.error)
    return operation.from_json(history.references.show(row.outputs))


async def _done(
    context: EvaluationContext, history: History, operation: Operation, claim: Claim | None
) -> Any:
    is_concluded = False

    async def conclude(ending: Conclusion) -> None:
        nonlocal is_concluded
        is_concluded = True
        if claim is None:
            await history.record(_intent(context, history, operation), ending)
        else:
            await history.finalize(claim.execution, claim.epoch, ending)

    try:
        value = await operation.do(claim)
        kept = history.references.hide(operation.to_json(value), with_learned=True)
        await conclude(Conclusion("succeeded", kept, duration=_duration(claim)))
        return value
    except asyncio.CancelledError:
        # An outcome that was recorded just before the cancellation stays.
        if not (is_concluded or history.activity.is_suspended):
            await conclude(_failed(context, Cancelled("the pause was cancelled"), claim))
        raise
    except TooLarge as error:
        failure = operation.too_large(error)
    except InvocationError as error:
        failure = error
    await conclude(_failed(context, failure, claim))
    raise failure


def _failed(context: EvaluationContext, error: InvocationError, claim: Claim | None) -> Conclusion:
    context.run.hide_secrets(error)
    return Conclusion(error.outcome, error=error_to_json(error), duration=_duration(claim))


def _duration(claim: Claim | None) -> int | None:
    return None if claim is None else max(time.time_ns() - claim.began, 0)


async def _claim(context: EvaluationContext, history: History, operation: Operation) -> Claim:
    row = history.in_flight.get(operation.path)
    if row is not None:
        if not isinstance(row.inputs, dict) or digest_of(row.inputs) != row.inputs_hash:
            what = f"the pause at {row.path} in run {row.run}"
            raise history.stop(Damaged(what, "its inputs are not those of its hash"))
        return Claim(row.execution, row.epoch, row.claimed_at, row.inputs, was_in_flight=True)
    intent = _intent(context, history, operation)
    history.open.add(intent.execution)  # even if this is cancelled: the claim is not taken back
    got = await history.guard(history.journal.claim(intent))
    if not isinstance(got, Won):
        where = f"{operation.path} of run {history.run}"
        raise Conflict(f"{where} is recorded already", code="IN_FLIGHT")
    return Claim(got.execution, got.epoch, time.time_ns(), intent.inputs)


def _intent(context: EvaluationContext, history: History, operation: Operation) -> Intent:
    return Intent(
        execution=context.run.execution(operation.path),
        run=history.run,
        path=operation.path,
        target=operation.target,
        inputs_hash=digest_of(operation.inputs),
        lease=history.lease.epoch,
        safety="idempotent",
        inputs=operation.inputs,
    )

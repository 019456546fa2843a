"""The pauses of a run: until time has passed, or until an event comes (language.md, Topologies).

In a run that is recorded, a pause is claimed at its path with the moment of its end: a process that
goes on with the run waits until then, and an event that came meanwhile is not missed.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from kernel.errors import OutputError, Timeout
from kernel.events import Event
from kernel.events.event import Pattern
from kernel.events.references import References
from kernel.invocation.context import EvaluationContext
from kernel.invocation.history import History, error_from_json
from kernel.invocation.recorded import DECISION, PAUSE, Claim, Operation, recorded
from kernel.invocation.runtime import Runtime
from kernel.invocation.values import copied
from kernel.journal.errors import JournalError, TooLarge
from kernel.journal.rows import Invocation as Row

_ATTRIBUTES = ("type", "subject", "time", "id", "data")


async def sleep(context: EvaluationContext, path: str, milliseconds: float) -> None:
    """Let time pass; the run is not suspended meanwhile."""
    history = context.run.history
    with nullcontext() if history is None else history.activity.sleeping(milliseconds / 1000):
        await _passed(context, path, milliseconds)


async def pass_time(context: EvaluationContext, path: str, milliseconds: float) -> None:
    """Return when the time of a step is over, which began when it was first asked for.

    In a run that is gone on with, first the walk comes to the calls that were in flight.
    """
    history = context.run.history
    with nullcontext() if history is None else history.activity.timed():
        await _passed(context, path, milliseconds, is_limit=True)


async def _passed(
    context: EvaluationContext, path: str, milliseconds: float, *, is_limit: bool = False
) -> None:
    async def wait(claim: Claim | None) -> None:
        history = context.run.history
        if is_limit and history is not None and claim is not None and claim.was_in_flight:
            await history.replay_order.finish()
        await asyncio.sleep(_left(claim, milliseconds))

    until = {"until": _until(milliseconds)}
    await recorded(context, Operation(path, PAUSE, wait, _too_large, until))


async def wait_for(
    context: EvaluationContext, path: str, pattern: str, timeout: float | None
) -> Any:
    """Wait for an event of a pattern, of any run; give it as subscribers get it.

    Raises :class:`Timeout` with the code ``TIMEOUT`` after so many milliseconds.
    """
    runtime, history = context.run.runtime, context.run.history
    wanted = Pattern.of(pattern)
    with _listening(runtime, wanted) as heard:

        async def wait(claim: Claim | None) -> Any:
            if history is not None and claim is not None and claim.was_in_flight:
                missed = await _missed(runtime, history, wanted, claim.inputs["after"])
                if missed is not None:
                    return missed
            seconds = None if timeout is None else _left(claim, timeout)
            done, _ = await asyncio.wait((heard,), timeout=seconds)
            if done:
                return heard.result()
            raise Timeout(
                f"no event `{pattern}` came within {timeout:g} ms", code="TIMEOUT", outcome="failed"
            )

        if history is None:
            return await wait(None)
        inputs = {
            "pattern": history.references.hide(pattern),
            "until": None if timeout is None else _until(timeout),
            "after": history.last,
        }
        operation = Operation(path, PAUSE, wait, _too_large, inputs)
        with history.activity.pausing(math.inf if timeout is None else timeout / 1000):
            return await recorded(context, operation)


def _too_large(error: TooLarge) -> OutputError:
    return OutputError(f"the event that came cannot be recorded: {error}")


def _until(milliseconds: float) -> int:
    return time.time_ns() + int(milliseconds * 1e6)


def _left(claim: Claim | None, milliseconds: float) -> float:
    """How many seconds of a pause are left; never more than all, for a clock may jump."""
    until: int | None = claim.inputs["until"] if claim and claim.was_in_flight else None
    if until is None:
        return milliseconds / 1000
    return min(max(until - time.time_ns(), 0) / 1e9, milliseconds / 1000)


# Events


@contextmanager
def _listening(runtime: Runtime, pattern: Pattern) -> Iterator[asyncio.Future[Any]]:
    """Give a future that has the next event of a pattern as its result."""
    heard: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def hear(event: Event) -> None:
        if not heard.done() and pattern.matches(event):
            heard.set_result(_value(runtime, event))

    end = runtime.bus.subscribe(hear, pattern.type)
    try:
        yield heard
    finally:
        end()


def _value(runtime: Runtime, event: Event) -> Any:
    """An event as a value of CEL, redacted: so it is the same wherever it is recorded."""
    told = event.to_dict()
    value = {name: told.get(name) for name in _ATTRIBUTES}
    return copied(runtime.redactor.value(value) if runtime.redactor else value)


async def _missed(runtime: Runtime, history: History, pattern: Pattern, after: int) -> Any:
    """The first event of a pattern in this run after the conclusion of that number."""
    try:
        async for row in history.journal.concluded(history.run, after):
            event = _event(history.references, row)
            if event is not None and pattern.matches(event):
                return _value(runtime, event)
    except JournalError as error:
        raise history.stop(error) from error
    return None


def _event(references: References, row: Row) -> Event | None:
    """The event that told of a conclusion (stage 13); None for a pause or a decision."""
    if row.target in (PAUSE, DECISION) or row.outcome == "deduplicated":
        return None
    if row.outcome == "succeeded":
        what, data = "Invoked", row.outputs
    else:
        rejected = row.outcome == "rejected" and not row.attempts
        what = "Rejected" if rejected else "Cancelled" if row.outcome == "cancelled" else "Failed"
        error = error_from_json(row.error).to_cel()
        data = {"error": error, "attempt": row.attempts}
    return Event(
        f"{row.target.replace('/', '.', 1)}.{what}",
        references.redacted(data),
        row.concluded_at or 0,
        lambda: {"id": row.execution},
        subject=row.path,
    )

"""The pauses of a run: until time has passed, or until an event comes (language.md, Topologies).

In a run that is recorded, a pause is claimed at its path with the moment of its end: who goes on
with the run waits for what is left of it, and an event that came meanwhile is not missed.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kernel.errors import Cancelled, Conflict, InvocationError, OutputError, Timeout
from kernel.events import Event
from kernel.events.pattern import Pattern
from kernel.invocation import decisions
from kernel.invocation.history import error_from_json, error_to_json
from kernel.invocation.values import copied
from kernel.journal.errors import JournalError, TooLarge
from kernel.journal.rows import Conclusion, Intent, Won
from kernel.journal.values import digest_of

if TYPE_CHECKING:
    from kernel.events.references import References
    from kernel.invocation.context import EvaluationContext
    from kernel.invocation.history import History
    from kernel.invocation.run import Run
    from kernel.invocation.runtime import Runtime
    from kernel.journal.rows import Invocation as Row

TARGET = "pause"
"""What is recorded where an invocation has its target."""

_ATTRIBUTES = ("type", "subject", "time", "id", "data")


@dataclass(frozen=True, slots=True)
class Claim:
    """A pause that is recorded as begun; ``was_in_flight``: by a process that has ended since."""

    execution: str
    epoch: int
    began: int
    inputs: Mapping[str, Any]
    was_in_flight: bool = False


Wait = Callable[[Claim | None], Awaitable[Any]]


async def sleep(context: EvaluationContext, path: str, milliseconds: float) -> None:
    """Let time pass; the run is not suspended meanwhile."""

    async def wait(claim: Claim | None) -> None:
        await asyncio.sleep(_left(claim, milliseconds))

    history = context.run.history
    if history is None:
        await wait(None)
        return
    with history.sleeping(milliseconds / 1000):
        await _recorded(context, history, path, {"until": _until(milliseconds)}, wait)


async def wait_for(
    context: EvaluationContext, path: str, pattern: str, timeout: float | None
) -> Any:
    """The next event of a pattern, of whatever run, as subscribers are told it.

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
        with history.pausing(math.inf if timeout is None else timeout / 1000):
            return await _recorded(context, history, path, inputs, wait)


def _until(milliseconds: float) -> int:
    return time.time_ns() + int(milliseconds * 1e6)


def _left(claim: Claim | None, milliseconds: float) -> float:
    """Seconds of so long a pause that are left; never more than all, for a clock may jump."""
    until: int | None = None
    if claim is not None and claim.was_in_flight:
        until = claim.inputs["until"]
    if until is None:
        return milliseconds / 1000
    return min(max(until - time.time_ns(), 0) / 1e9, milliseconds / 1000)


# Events


@contextmanager
def _listening(runtime: Runtime, pattern: Pattern) -> Iterator[asyncio.Future[Any]]:
    """The next event of a pattern."""
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
    """An event as a value of CEL; what is redacted is the same wherever it is recorded."""
    told = event.to_dict()
    value = {name: told.get(name) for name in _ATTRIBUTES}
    return copied(runtime.redactor.value(value) if runtime.redactor else value)


async def _missed(runtime: Runtime, history: History, pattern: Pattern, after: int) -> Any:
    """The first event of a pattern that was told in this run after so many conclusions."""
    try:
        async for row in history.journal.concluded(history.run, after):
            event = _event(history.references, row)
            if event is not None and pattern.matches(event):
                return _value(runtime, event)
    except JournalError as error:
        raise history.stop(error) from error
    return None


def _event(references: References, row: Row) -> Event | None:
    """What was told of a conclusion (stage 13); nothing of a pause or a decision."""
    if row.target in (TARGET, decisions.TARGET) or row.outcome == "deduplicated":
        return None
    if row.outcome == "succeeded":
        what, data = "Invoked", row.outputs
    else:
        rejected = row.outcome == "rejected" and not row.attempts
        what = "Rejected" if rejected else "Cancelled" if row.outcome == "cancelled" else "Failed"
        error = {key: part for key, part in row.error.items() if key != "retryAfter"}
        data = {"error": error, "attempt": row.attempts}
    return Event(
        f"{row.target.replace('/', '.', 1)}.{what}",
        references.redacted(data),
        row.concluded_at or 0,
        lambda: {"id": row.execution},
        subject=row.path,
    )


# The journal


async def _recorded(
    context: EvaluationContext, history: History, path: str, inputs: Mapping[str, Any], wait: Wait
) -> Any:
    """What a pause gives: as it is recorded already, or as it comes, and is recorded then."""
    if context.atomic is not None or not history.is_replayable:
        return await wait(None)
    if history.met is not None:
        await _rehearse(history, history.met, path, inputs)
    row = history.concluded.get(path)
    if row is not None and row.outcome == "cancelled":
        return await wait(None)  # until what cancelled it does so again
    if row is not None:
        await history.replay_order.wait(row.number or 0)
        return _answer(history, row)
    claim = await _claim(context.run, history, path, inputs)
    try:
        value = await wait(claim)
        ending = Conclusion("succeeded", history.references.hide(value), duration=_spent(claim))
        await history.finalize(claim.execution, claim.epoch, ending)
        return value
    except asyncio.CancelledError:
        if not history.suspended:
            await _fail(context.run, history, claim, Cancelled("the pause was cancelled"))
        raise
    except TooLarge as error:
        too_large = OutputError(f"the event that came cannot be recorded: {error}")
        await _fail(context.run, history, claim, too_large)
        raise too_large from None
    except InvocationError as error:
        await _fail(context.run, history, claim, error)
        raise


async def _claim(run: Run, history: History, path: str, inputs: Mapping[str, Any]) -> Claim:
    row = history.in_flight.get(path)
    if row is not None:
        return Claim(row.execution, row.epoch, row.claimed_at, row.inputs, was_in_flight=True)
    intent = Intent(
        execution=run.execution(path),
        run=history.run,
        path=path,
        target=TARGET,
        inputs_hash=digest_of(inputs),
        lease=history.lease.epoch,
        safety="idempotent",
        inputs=inputs,
    )
    got = await history.guard(history.journal.claim(intent))
    if not isinstance(got, Won):
        raise Conflict(f"{path} of run {history.run} is recorded already", code="IN_FLIGHT")
    return Claim(got.execution, got.epoch, time.time_ns(), inputs)


def _answer(history: History, row: Row) -> Any:
    if row.outcome != "succeeded":
        raise error_from_json(row.error)
    return history.references.show(row.outputs)


async def _fail(run: Run, history: History, claim: Claim, error: InvocationError) -> None:
    run.hide_secrets(error)
    ending = Conclusion(error.outcome, error=error_to_json(error), duration=_spent(claim))
    await history.finalize(claim.execution, claim.epoch, ending)


def _spent(claim: Claim) -> int:
    return max(time.time_ns() - claim.began, 0)


async def _rehearse(
    history: History, met: dict[str, bool], path: str, inputs: Mapping[str, Any]
) -> None:
    """Come back where the same pause is concluded, else stay here."""
    row = history.concluded.get(path) or history.in_flight.get(path)
    if row is not None:
        met[path] = True
        recorded = row.inputs or {}
        same = row.target == TARGET and recorded.get("pattern") == inputs.get("pattern")
        if not same:
            history.differences.append(f"{path} was another {row.target}")
        elif row.outcome is not None and row.outcome != "cancelled":
            return
    await asyncio.get_running_loop().create_future()

"""Executing a run: its body is run, and the journal learns how the run ended, or why it stopped."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from kernel.errors import Cancelled, InvocationError, Parked, Suspended, raise_from
from kernel.invocation.history import History, error_from_json, error_to_json
from kernel.invocation.recovery.endings import may_take_effect
from kernel.invocation.run import Run, RunBody
from kernel.journal.errors import Damaged, Fenced, JournalError, Refused, TooLarge
from kernel.journal.rows import Approval, Invocation, RunState
from kernel.runtime.cancelling import abandon, unresolved_of
from kernel.schema import is_atom
from kernel.topology.tasks import until_ended

_MAX_ERROR_TEXT = 4_000
"""Characters of a message, or a code, of an error that is too large for the journal."""


async def execute(run: Run, body: RunBody, kept: Callable[[Any], Any]) -> Any:
    """Run the body of an open run and record how it ended; the journal keeps ``kept(result)``.

    Returns what the body gives. Raises what the body raises; :class:`Parked` when the run waits for
    people, :class:`InvocationError` with the code ``INTERRUPTED`` when the journal failed.
    """
    history = _history_of(run)
    task = history.activity.task = asyncio.ensure_future(body())
    history.lease.start_heartbeat()
    try:
        result = await _end_of(task)
    except InvocationError as error:
        if history.activity.is_suspended:
            raise_from(await _suspended(run, history), error)
        run.hide_secrets(error)
        await finish(history, _state(error), error=error_to_json(error))
        raise
    except (asyncio.CancelledError, Suspended):
        if history.activity.is_suspended:
            raise await _suspended(run, history) from None
        cancelled = Cancelled(history.activity.why_cancelled or "the run was cancelled")
        await finish(history, "cancelled", error=error_to_json(cancelled))
        if history.activity.why_cancelled:
            raise cancelled from None  # nobody has cancelled the caller
        raise
    except JournalError as fault:
        history.stop(fault)
        raise await _suspended(run, history) from fault
    except Exception as failure:
        await finish(history, "failed", error={"message": str(failure)})
        raise
    else:
        if history.activity.is_suspended:
            raise await _suspended(run, history)
        await finish(history, "succeeded", result=kept(result))
        return result
    finally:
        history.lease.end()


async def execute_served_call(run: Run, body: RunBody) -> Any:
    """Make a call out of a Service, whose run is opened in the journal with its first record."""
    history = _history_of(run)
    outcome: RunState = "succeeded"
    task = history.activity.task = asyncio.ensure_future(body())
    try:
        return await _end_of(task)
    except InvocationError as error:
        outcome = _state(error)
        raise
    except BaseException:
        outcome = "cancelled"
        if history.fault is not None:
            raise await _interrupted(history, history.fault) from None
        if history.activity.why_cancelled:
            raise Cancelled(history.activity.why_cancelled) from None
        raise
    finally:
        history.lease.end()
        if history.lease.is_there and not history.activity.is_suspended:
            await finish(history, outcome)


def _history_of(run: Run) -> History:
    assert run.history is not None
    return run.history


async def _end_of(task: asyncio.Future[Any]) -> Any:
    """What a task gives; a cancellation of the caller cancels the task and waits for its end."""
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            task.cancel()
            await until_ended((task,))
        raise


def _state(error: InvocationError) -> RunState:
    return error.outcome if error.outcome in ("unknown", "cancelled", "rejected") else "failed"


# The end of a run


async def finish(
    history: History, state: RunState, *, result: Any = None, error: Any = None
) -> None:
    """Record the end of a run, and conclude its intents that have no outcome.

    A run of unknown outcome goes on: only calls that this process has left at work are concluded,
    as unknown.
    """
    try:
        if state == "unknown":
            await _conclude_open(history, may_take_effect)
        else:
            await _conclude_rest(history)
        try:
            await history.journal.finish_run(history.lease.row, state, result, error)
        except TooLarge as large:
            why = {"message": f"the result is not kept: {large}", "code": "RESULT_NOT_KEPT"}
            told = why if error is None else _outline(error)
            await history.journal.finish_run(history.lease.row, state, None, told)
    except JournalError as failure:
        history.stop(failure)
        raise await _interrupted(history, failure) from failure


async def _conclude_rest(history: History) -> None:
    """Conclude intents of an earlier process, and those whose conclusion was cut off."""
    if history.in_flight:
        await _conclude_in_flight(history)
    await _conclude_open(history, lambda _: True)


async def _conclude_open(history: History, is_meant: Callable[[Invocation], bool]) -> None:
    """Conclude calls that this process has claimed, whose conclusion was cut off."""
    for execution in tuple(history.open):
        row = await history.journal.invocation(execution)
        if row is not None and row.outcome is None and is_meant(row):
            await abandon(history.journal, row, row.epoch, "the run ended")


async def _conclude_in_flight(history: History) -> None:
    """Conclude intents of an earlier process at paths that the run has not come to again.

    The decision of a person may have led the run another way: past a ``catch``, for example, when
    the error is none any more.
    """
    why = "the run went on without it"
    asked = await history.journal.approvals("pending", run=history.run)
    for row in await unresolved_of(history.journal, history.run):
        found = history.in_flight.get(row.path)
        if found is None:
            continue
        with contextlib.suppress(*([Fenced] if row.holder else [])):  # its owner has returned
            epoch = found.epoch
            if row.holder is not None:
                epoch = await history.journal.fence(history.lease.row, row.execution, row.epoch)
            await abandon(history.journal, row, epoch, why)
    for approval in asked:
        with contextlib.suppress(Refused):
            await history.journal.decide(approval.approval, "invalidated", "kernel", why)


def _outline(error: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an error that the journal keeps when the whole is too large."""
    return {name: _shortened(error.get(name)) for name in ("kind", "message", "code")}


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_MAX_ERROR_TEXT]
    return value if is_atom(value) else None


# The errors of a run that stops and can be resumed


def _asks(approval: Approval) -> str:
    """Why a person is asked, and what the call site tells that person."""
    message = approval.frozen.get("message")
    return f"{approval.reason}: {message}" if message else approval.reason


async def _suspended(run: Run, history: History) -> InvocationError:
    """Give back the lease of a run that stops where it is; the error that says why it stops."""
    fault = history.fault
    if history.activity.is_handed_over and fault is None:
        return await _handed_over(history)
    waiting, held = list(history.activity.parked.values()), list(history.activity.held.values())
    if fault is None and not (waiting or held):
        error = history.activity.escalated[0]
        run.hide_secrets(error)
        await finish(history, "unknown", error=error_to_json(error))
        return error
    await _give_back(history, "running" if fault is not None else "parked")
    if fault is not None:
        return await _interrupted(history, fault)
    why = []
    if waiting:
        names = ", ".join(f"{one.target} ({_asks(one)})" for one in waiting)
        why.append(f"the run waits for an approval of {names}")
    why += [
        f"{one.target} at {one.path} waits for {one.holder}, which gives no sign of life and may "
        "still make the call"
        for one in held
    ]
    ids = [one.approval for one in waiting]
    paths = [one.frozen.get("path") for one in waiting]
    silent = [one.execution for one in held]
    return Parked(
        "; ".join(why),
        data={"run": history.run, "approvals": ids, "paths": paths, "silent": silent},
    )


async def _handed_over(history: History) -> InvocationError:
    await _give_back(history, "running")
    message = f"the run is left where it is; `kernel resume {history.run}` goes on with it"
    if why := history.activity.why_handed_over:
        return InvocationError(f"{why}. Until then {message}", code="IN_FLIGHT")
    return InvocationError(message, code="LEFT")


async def _give_back(history: History, state: RunState) -> None:
    with contextlib.suppress(JournalError):
        await history.journal.finish_run(history.lease.row, state)


async def _interrupted(history: History, fault: JournalError) -> InvocationError:
    """The error of a run that cannot be recorded any further: of the journal, or a cancellation."""
    if isinstance(fault, Damaged):
        return InvocationError(f"the run stopped: {fault}", code="INTERRUPTED")
    if not isinstance(fault, Fenced):
        return InvocationError(
            f"the run stopped, because the journal failed: {fault}; "
            f"`kernel resume {history.run}` goes on with it",
            code="INTERRUPTED",
        )
    with contextlib.suppress(JournalError):
        found = await history.journal.run(history.run)
        if found is not None and found.state == "cancelled":
            return error_from_json(found.error or {"kind": Cancelled.category})
    return InvocationError(
        f"the run stopped: {history.run} has been taken over by another process; "
        f"`kernel trace {history.run}` tells",
        code="INTERRUPTED",
    )

"""Stage 10, attempt: the controller, with timeout and retry.

An attempt ends as succeeded, failed (known not to have taken effect, or the callee said no) or
unknown; a controller says which by what it raises (pipeline.md, Outcomes).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from kernel.errors import ControllerError, InvocationError, Outcome, Timeout
from kernel.invocation.context import too_deep
from kernel.invocation.retry import next_delay
from kernel.invocation.tell import tell_error
from kernel.invocation.values import fresh, to_json
from kernel.invocation.work import Work, work_of
from kernel.schema import SchemaError, check_json
from kernel.topology.tasks import TooLate, within

if TYPE_CHECKING:
    from kernel.invocation.invocation import Invocation
    from kernel.invocation.plan import Plan, Stage
    from kernel.registry.contract import Contract

_OUTCOMES: Mapping[str, Outcome] = {"failed": "failed", "unknown": "unknown"}


def plan(plan: Plan) -> Stage:
    """The bare call, or the loop of attempts where the call site has retry or timeout."""
    work = work_of(plan.instance, plan.threads)
    contract = plan.instance.contract
    if plan.site.retry is None and plan.site.timeout is None:

        async def once(invocation: Invocation) -> None:
            try:
                invocation.outputs = await work(invocation)
            except Exception as error:
                raise failure(error, contract, invocation) from error
            except (asyncio.CancelledError, SystemExit) as error:
                raise _stopped(error, invocation) from error

        return once
    return _repeated(plan, work)


def _repeated(plan: Plan, work: Work) -> Callable[[Invocation], Awaitable[None]]:
    retry, timeout = plan.site.retry, plan.site.timeout

    async def attempts(invocation: Invocation) -> None:
        began = time.monotonic()
        inputs = invocation.inputs
        while True:
            invocation.inputs = fresh(inputs)
            spent = (time.monotonic() - began) * 1000
            limit = timeout
            if retry is not None and retry.deadline is not None:
                left = max(retry.deadline - spent, 0.0)
                limit = left if limit is None else min(limit, left)
            try:
                invocation.outputs = await _attempt(work, invocation, limit)
                return
            except InvocationError as error:
                spent = (time.monotonic() - began) * 1000
                delay = None if retry is None else next_delay(retry, invocation, error, spent)
                if delay is None:
                    raise
                tell_error(invocation, "Retried", error, delay=delay)
            await asyncio.sleep(delay / 1000)
            invocation.attempt += 1

    return attempts


async def _attempt(work: Work, invocation: Invocation, limit: float | None) -> Any:
    """One attempt, at most ``limit`` milliseconds long."""
    contract = invocation.plan.instance.contract
    try:
        if limit is None:
            return await work(invocation)
        return await _limited(work, invocation, limit)
    except Exception as error:
        raise failure(error, contract, invocation) from error
    except (asyncio.CancelledError, SystemExit) as error:
        raise _stopped(error, invocation) from error


async def _limited(work: Work, invocation: Invocation, limit: float) -> Any:
    async def contained() -> Any:
        try:
            return await work(invocation)
        except SystemExit as error:  # out of a task it would stop the loop, with all that runs
            raise _stopped(error, invocation) from error

    try:
        return await within(limit / 1000, contained())
    except TooLate:
        raise Timeout(
            f"{invocation.plan.instance.address} took longer than {limit:g} ms",
            attempt=invocation.attempt,
        ) from None


def failure(error: Exception, contract: Contract, invocation: Invocation) -> InvocationError:
    """What a controller raised, as the error of its invocation.

    ``code``, ``data``, ``outcome`` and ``retry_after`` are read from any exception that has them;
    a declared error code may say that its outcome is unknown.
    """
    if isinstance(error, InvocationError):
        return error
    if isinstance(error, RecursionError) and invocation.plan.instance.topology is not None:
        return too_deep(invocation.path)
    code = _code(error)
    declared = contract.errors.get(code)
    outcome = _OUTCOMES.get(str(_attribute(error, "outcome")))
    if outcome is None and declared is not None:
        outcome = declared.outcome
    retry_after = _attribute(error, "retry_after")
    if isinstance(retry_after, bool) or not isinstance(retry_after, (int, float)):
        retry_after = None
    if isinstance(error, TimeoutError) and outcome is None:
        outcome = "unknown"
    return ControllerError(
        invocation.context.run.world.log.text(error),
        code=code,
        data=_data(error, invocation),
        attempt=invocation.attempt,
        outcome=outcome,
        retry_after=retry_after,
    )


def _attribute(error: Exception, name: str) -> Any:
    """An attribute of an exception that may be anybody's: one that cannot be read is not there."""
    try:
        return getattr(error, name, None)
    except Exception:
        return None


def _code(error: Exception) -> str | int:
    """Its ``code`` where that is a string or an integer (of an enumeration: its value)."""
    code = _attribute(error, "code")
    if isinstance(code, str):
        return str.__str__(code)
    if isinstance(code, int) and not isinstance(code, bool):
        return int(code)
    return type(error).__name__


def _data(error: Exception, invocation: Invocation) -> Any:
    """Its ``data``, if that is JSON; as text, if not."""
    data = _attribute(error, "data")
    try:
        return check_json(to_json(data))
    except SchemaError:
        return invocation.context.run.world.log.text(data)


def _stopped(error: BaseException, invocation: Invocation) -> BaseException:
    """A real cancellation passes; a controller that raises one by itself has failed."""
    task = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError) and (task is None or task.cancelling()):
        return error
    return ControllerError(
        f"{invocation.plan.instance.address} raised {type(error).__name__}",
        code=type(error).__name__,
        attempt=invocation.attempt,
    )

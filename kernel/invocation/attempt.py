"""Stage 10, attempt: the controller, with timeout and retry.

An attempt ends as succeeded, failed (known not to have taken effect, or the callee said no) or
unknown; a controller says which by what it raises (pipeline.md, Outcomes).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from kernel.cel import to_json
from kernel.errors import ControllerError, Failure, InvocationError, Outcome, Timeout
from kernel.invocation.context import too_deep
from kernel.invocation.retry import next_delay
from kernel.invocation.tell import tell_error
from kernel.invocation.values import copied
from kernel.invocation.work import Body, body_of
from kernel.safety import ONCE
from kernel.schema import SchemaError, check_json, is_atom
from kernel.topology.tasks import TooLate, within

if TYPE_CHECKING:
    from kernel.invocation.invocation import Invocation
    from kernel.invocation.plan import Plan, Stage
    from kernel.registry.contract import Contract
    from kernel.topology.callsite import CallSite

_OUTCOMES: Mapping[str, Outcome] = {"failed": "failed", "unknown": "unknown"}


def prepare(plan: Plan) -> Stage:
    """The bare call, or the loop of attempts where the call site has retry or timeout.

    What has a commit record is attempted with care (:mod:`kernel.invocation.careful`).
    """
    work = body_of(plan.instance, plan.threads)
    simple = _simple(plan, work)
    if not plan.is_recorded:
        return simple
    from kernel.invocation.careful import recorded_attempts

    careful = recorded_attempts(plan, work)

    def attempt(invocation: Invocation) -> Awaitable[None]:
        invocation.is_attempted = True
        return simple(invocation) if invocation.claim is None else careful(invocation)

    return attempt


def _simple(plan: Plan, work: Body) -> Callable[[Invocation], Awaitable[None]]:
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


def _repeated(plan: Plan, work: Body) -> Callable[[Invocation], Awaitable[None]]:
    retry = plan.site.retry

    async def attempts(invocation: Invocation) -> None:
        began = time.monotonic()
        inputs = invocation.inputs
        while True:
            invocation.inputs = copied(inputs)
            spent = (time.monotonic() - began) * 1000
            try:
                invocation.outputs = await one_attempt(work, invocation, limit_of(plan.site, spent))
                return
            except InvocationError as error:
                spent = (time.monotonic() - began) * 1000
                delay = await next_delay(retry, invocation, error, spent) if retry else None
                if delay is None:
                    raise
                tell_error(invocation, "Retried", error, delay=delay)
            with _timed(invocation):
                await asyncio.sleep(delay / 1000)
            invocation.attempt += 1

    return attempts


def _timed(invocation: Invocation) -> AbstractContextManager[None]:
    """While an attempt will end, or the next one begin, by the clock alone."""
    history = invocation.history
    return nullcontext() if history is None else history.timed()


def limit_of(site: CallSite, spent: float) -> float | None:
    """Milliseconds that the next attempt may take, when so many are spent already."""
    retry, limit = site.retry, site.timeout
    if retry is None or retry.deadline is None:
        return limit
    left = max(retry.deadline - spent, 0.0)
    return left if limit is None else min(limit, left)


async def one_attempt(work: Body, invocation: Invocation, limit: float | None) -> Any:
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


async def _limited(work: Body, invocation: Invocation, limit: float) -> Any:
    async def contained() -> Any:
        try:
            return await work(invocation)
        except SystemExit as error:  # out of a task it would stop the loop, with all that runs
            raise _stopped(error, invocation) from error

    try:
        with _timed(invocation):
            return await within(limit / 1000, contained())
    except TooLate as late:
        if late.left is not None:
            ended = invocation.begin_attempt()
            late.left.add_done_callback(lambda _: ended())
        raise Timeout(
            f"{invocation.plan.instance.address} took longer than {limit:g} ms",
            attempt=invocation.attempt,
        ) from None


def failure(error: Exception, contract: Contract, invocation: Invocation) -> InvocationError:
    """What a controller raised, as the error of its invocation.

    ``code``, ``data``, ``outcome`` and ``retry_after`` are read from any exception that has them;
    a declared error code may say that its outcome is unknown. An exception that has no code and is
    not declared is an accident: where a call must not be made twice, its outcome is unknown.
    """
    if isinstance(error, InvocationError):
        return error
    if isinstance(error, RecursionError) and invocation.plan.instance.is_topology:
        return too_deep(invocation.path)
    code = _code(error)
    declared = contract.errors.get(code)
    outcome = _OUTCOMES.get(str(_attribute(error, "outcome")))
    if outcome is None and declared is not None:
        outcome = declared.outcome
    retry_after = _attribute(error, "retry_after")
    if isinstance(retry_after, bool) or not isinstance(retry_after, (int, float)):
        retry_after = None
    accident = declared is None and contract.safety in ONCE and not _is_deliberate(error)
    if outcome is None and (accident or isinstance(error, TimeoutError)):
        outcome = "unknown"
    return ControllerError(
        invocation.context.run.runtime.log.text(error),
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


def _is_deliberate(error: Exception) -> bool:
    """Whether a controller raised it to say that it failed."""
    code = _attribute(error, "code")
    return isinstance(error, Failure) or (isinstance(code, str | int) and type(code) is not bool)


def _code(error: Exception) -> str | int:
    """Its ``code`` where that is a string or an integer (of an enumeration: its value)."""
    code = _attribute(error, "code")
    if isinstance(code, str):
        return str.__str__(code)
    if isinstance(code, int) and not isinstance(code, bool) and is_atom(int(code)):
        return int(code)
    return type(error).__name__


def _data(error: Exception, invocation: Invocation) -> Any:
    """Its ``data``, if that is JSON; as text, if not."""
    data = _attribute(error, "data")
    try:
        return check_json(to_json(data))
    except SchemaError:
        return invocation.context.run.runtime.log.text(data)


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

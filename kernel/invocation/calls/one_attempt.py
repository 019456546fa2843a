"""One attempt: one call of the controller, and the error that it ends with.

An attempt ends as succeeded, failed (known not to have taken effect, or the callee said no) or
unknown; a controller says which by what it raises (pipeline.md, Outcomes).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from kernel.errors import ControllerError, InvocationError, Outcome, Timeout, raise_from
from kernel.invocation.calls.controller import Body
from kernel.invocation.context import too_deep
from kernel.invocation.invocation import Invocation
from kernel.invocation.time_limits import GRACE_SECONDS, cutting_off
from kernel.registry.contract import Contract
from kernel.registry.origin import place_of
from kernel.registry.raised import attribute, code_of, data_of, is_deliberate, retry_after
from kernel.safety import ONCE
from kernel.topology.tasks import TooLate, within

_OUTCOMES: Mapping[str, Outcome] = {"failed": "failed", "unknown": "unknown"}


async def one_attempt(body: Body, invocation: Invocation, limit: float | None = None) -> Any:
    """Call the controller once, for ``limit`` milliseconds at most; give its outputs."""
    try:
        if limit is None:
            return await body(invocation)
        return await _limited(body, invocation, limit)
    except Exception as error:
        raise_from(failure(error, invocation), error)
    except (asyncio.CancelledError, SystemExit) as error:
        raise_from(stopped(error, invocation), error)


async def _limited(body: Body, invocation: Invocation, limit: float) -> Any:
    address = invocation.plan.instance.address
    if limit <= 0:
        why = f"{address} was not called: no time is left for the attempt"
        raise Timeout(why, attempt=invocation.attempt, outcome="failed")

    async def contained() -> Any:
        try:
            return await body(invocation)
        except SystemExit as error:  # out of a task it would stop the loop, with all that runs
            raise_from(stopped(error, invocation), error)

    own = invocation.has_own_effect
    with cutting_off() as cut_off:
        try:
            with invocation.timed():
                return await within(limit / 1000, contained(), *(() if own else (GRACE_SECONDS,)))
        except TooLate as late:
            if late.abandoned is not None:
                ended = invocation.begin_attempt()
                late.abandoned.add_done_callback(lambda _: ended())
            is_certain = not (own or cut_off or late.abandoned)
            error = Timeout(
                f"{address} took longer than {limit:g} ms",
                attempt=invocation.attempt,
                outcome="failed" if is_certain else "unknown",
            )
            history = invocation.history
            error.is_escalated = bool(cut_off and history and history.is_replayable)
            raise error from None


def failure(error: Exception, invocation: Invocation) -> InvocationError:
    """Make the error of an invocation of what its controller raised.

    See :mod:`kernel.registry.raised` for what is read from it.
    """
    instance = invocation.plan.instance
    if isinstance(error, InvocationError):
        error.is_final = error.is_final or _is_final(error.code, instance.contract)
        return error
    if isinstance(error, RecursionError) and instance.is_topology:
        return too_deep(invocation.path)
    code = code_of(error)
    made = ControllerError(
        invocation.plan.runtime.log.text(error),
        code=code,
        data=data_of(error, invocation.plan.runtime.log),
        attempt=invocation.attempt,
        outcome=_outcome(error, code, invocation),
        retry_after=retry_after(error),
    )
    place = place_of(error)
    made.place = None if place is None else invocation.plan.runtime.log.text(place)
    made.is_final = _is_final(code, instance.contract)
    return made


def _is_final(code: str | int, contract: Contract) -> bool:
    """Whether the definition declares that errors of that code are never retried."""
    declared = contract.errors.get(code)
    return declared is not None and declared.retryable is False


def _outcome(error: Exception, code: str | int, invocation: Invocation) -> Outcome | None:
    """The outcome that an error says itself, or that is declared for its code.

    An exception that has no code and is not declared is an accident: where a call must not be made
    twice, its outcome is unknown.
    """
    declared = invocation.plan.instance.contract.errors.get(code)
    outcome = _OUTCOMES.get(str(attribute(error, "outcome")))
    if outcome is None and declared is not None:
        outcome = declared.outcome
    is_accident = declared is None and invocation.safety in ONCE and not is_deliberate(error)
    if outcome is None and (is_accident or isinstance(error, TimeoutError)):
        outcome = "unknown"
    return outcome


def stopped(error: BaseException, invocation: Invocation) -> BaseException:
    """Let a real cancellation pass; a controller that raises one by itself has failed."""
    task = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError) and (task is None or task.cancelling()):
        return error
    return ControllerError(
        f"{invocation.plan.instance.address} raised {type(error).__name__}",
        code=type(error).__name__,
        attempt=invocation.attempt,
    )

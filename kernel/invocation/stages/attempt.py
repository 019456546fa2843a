"""Stage 10, attempt: the controller, with timeout and retry."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from kernel.errors import raise_from
from kernel.invocation.calls.controller import Body, body_of
from kernel.invocation.calls.one_attempt import failure, stopped
from kernel.invocation.invocation import Invocation, Plan, Stage, go_through
from kernel.invocation.recovery.attempts import JournalRecord, NoRecord, attempts
from kernel.invocation.recovery.interrupted import go_on


def prepare(plan: Plan) -> Stage:
    """The bare call, or the loop of attempts where the call site has retry or timeout.

    What has a commit record is attempted in the loop, which notes each attempt in the journal.
    """
    body = body_of(plan.instance, plan.runtime.threads)
    unrecorded = _unrecorded(plan, body)
    if not plan.is_recorded:
        return unrecorded
    recorded = _recorded(plan, body)

    def attempt(invocation: Invocation) -> Awaitable[None]:
        invocation.is_attempted = True
        return unrecorded(invocation) if invocation.claim is None else recorded(invocation)

    return attempt


def _unrecorded(plan: Plan, body: Body) -> Callable[[Invocation], Awaitable[None]]:
    if plan.site.retry is None and plan.site.timeout is None:

        async def once(invocation: Invocation) -> None:
            try:
                invocation.outputs = await body(invocation)
            except Exception as error:
                raise_from(failure(error, invocation), error)
            except (asyncio.CancelledError, SystemExit) as error:
                raise_from(stopped(error, invocation), error)

        return once
    return lambda invocation: attempts(invocation, body, NoRecord(), time.monotonic())


def _recorded(plan: Plan, body: Body) -> Callable[[Invocation], Awaitable[None]]:
    async def attempted(invocation: Invocation) -> None:
        history = invocation.history
        assert history is not None
        assert invocation.claim is not None
        began, record = time.monotonic(), JournalRecord(invocation, history)
        if invocation.was_in_flight:
            began -= max(time.time_ns() - invocation.began, 0) / 1e9
            if await go_on(invocation, history, record, began):
                return
            if not (plan.instance.is_topology or invocation.approval):
                await go_through(invocation, plan.authorise_again)
        elif invocation.claim.attempts:
            invocation.attempt = invocation.claim.attempts + 1
        await attempts(invocation, body, record, began)

    return attempted

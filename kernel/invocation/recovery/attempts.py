"""The loop of attempts: by outcome and safety class return, reconcile, retry, or ask a person.

The table stands in pipeline.md (Outcomes and safety classes).
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from kernel.errors import InvocationError
from kernel.invocation.calls.controller import Body
from kernel.invocation.calls.one_attempt import one_attempt
from kernel.invocation.history import History, error_to_json
from kernel.invocation.invocation import Invocation, go_through
from kernel.invocation.recovery.reconcile import reconcile
from kernel.invocation.recovery.retry import limit_of, next_delay
from kernel.invocation.values import copied
from kernel.safety import CHECKED
from kernel.threads import current_attempt


class NoRecord:
    """For a call without a commit record: it may be made again, so nothing is noted."""

    async def begin(self) -> None:
        """Before an attempt is made."""

    def end(self) -> None:
        """After an attempt, however it ended."""

    async def has_landed(self, error: InvocationError) -> bool:
        """Whether a failed attempt has taken effect; then the invocation has its outputs."""
        return False

    async def failed(self, error: InvocationError, delay: float) -> None:
        """An attempt has failed, and another one begins after so many milliseconds."""

    async def began(self) -> None:
        """An attempt after the first begins."""


class JournalRecord(NoRecord):
    """For a call with a commit record: each attempt is noted in its trace, in the journal."""

    def __init__(self, invocation: Invocation, history: History) -> None:
        self._invocation = invocation
        self._history = history

    async def begin(self) -> None:
        """Make sure that the walk has come to the end of the replay, and that the run is held.

        Threads that the controller starts until :meth:`end` are live attempts of the invocation.
        """
        invocation, history = self._invocation, self._history
        if history.replay_order.is_behind:
            await history.replay_order.finish()
        if history.lease.is_doubtful:
            await history.assert_held()
        if history.fault is not None:
            await history.halt(history.fault)
        if not invocation.plan.instance.is_topology:
            invocation.is_made = True
            history.at_work.add(invocation.id)
        self._outer = current_attempt.set(invocation.begin_attempt)

    def end(self) -> None:
        current_attempt.reset(self._outer)

    async def has_landed(self, error: InvocationError) -> bool:
        """Reconcile an unknown outcome, where the safety class has a ``check``."""
        invocation, history = self._invocation, self._history
        if error.outcome != "unknown" or invocation.safety not in CHECKED:
            return False
        if history.fault is not None:  # who has taken the run over asks the `check`
            history.ended(invocation.id)
            await history.halt(history.fault)
        if not invocation.has_live_attempt:
            history.ended(invocation.id)  # the `check` is a call of its own, which may be halted
        return await reconcile(invocation, error)

    async def failed(self, error: InvocationError, delay: float) -> None:
        """Note the failure, and until when the next attempt waits (nanoseconds since the epoch)."""
        until = time.time_ns() + int(delay * 1e6)
        await self._note("failed", {"error": error_to_json(error), "until": until})
        self._invocation.is_made = False
        self._history.ended(self._invocation.id)

    async def began(self) -> None:
        """Note it: from here on the call may have taken effect again."""
        if self._history.fault is not None:
            await self._history.halt(self._history.fault)
        await self._note("began", None)

    async def _note(self, status: str, detail: Any) -> None:
        invocation, history = self._invocation, self._history
        assert invocation.claim is not None
        hidden, epoch = history.references.hide(detail), invocation.claim.epoch
        noted = history.journal.attempted(invocation.id, epoch, invocation.attempt, status, hidden)
        await history.guard(noted)


async def attempts(invocation: Invocation, body: Body, record: NoRecord, began: float) -> None:
    """Attempt a call until it has its outputs, or raise the error of the last attempt.

    ``began`` is when the first attempt did, on the monotonic clock.
    """
    site, inputs = invocation.plan.site, invocation.inputs
    while True:
        invocation.inputs = copied(inputs)
        await record.begin()
        try:
            try:
                limit = limit_of(site, spent_since(began))
                invocation.outputs = await one_attempt(body, invocation, limit)
            finally:
                record.end()
            return
        except InvocationError as error:
            if await record.has_landed(error):
                return
            delay = await next_delay(invocation, error, spent_since(began))
            if delay is None:
                raise
            await begin_another(invocation, record, error, delay)


async def begin_another(
    invocation: Invocation, record: NoRecord, error: InvocationError, delay: float
) -> None:
    """Note that an attempt failed, wait, and note that the next one begins.

    Each attempt of what is approval-bound needs an approval of its own, if it came to the call.
    """
    invocation.context.run.hide_secrets(error)
    invocation.tell_error("Retried", error, delay=delay)
    await record.failed(error, delay)
    with invocation.timed():
        await asyncio.sleep(delay / 1000)
    is_bound = invocation.safety == "approval-bound"
    if is_bound and not error.is_before_call:
        await go_through(invocation, invocation.plan.approve_again)
    invocation.attempt += 1
    await record.began()


def spent_since(began: float) -> float:
    """Milliseconds since a time of the monotonic clock."""
    return (time.monotonic() - began) * 1000

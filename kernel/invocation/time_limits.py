"""The ``timeout`` of a step or a topology: the calls within are cancelled when time is over.

What ran out of time has failed; its outcome is unknown only if a call was cut off within it
of which nobody knows whether it took effect (language.md, Call site).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from kernel.errors import InvocationError, Timeout
from kernel.invocation.context import EvaluationContext
from kernel.topology.tasks import cancel_and_wait

GRACE_SECONDS = 30.0
"""So long, at most, until what was cut off has been recorded."""

_cut_off: ContextVar[tuple[list[str], ...]] = ContextVar("cut_off", default=())
"""For each limit around a place: the paths of the calls that were cut off with unknown outcome."""


def note_cut_off(path: str) -> None:
    """Note that the outcome of a call is unknown, since the call was cancelled in flight."""
    for found in _cut_off.get():
        found.append(path)


@contextmanager
def cutting_off() -> Iterator[list[str]]:
    """The paths of the calls that are cut off within a limit: those made by tasks begun here."""
    found: list[str] = []
    token = _cut_off.set((*_cut_off.get(), found))
    try:
        yield found
    finally:
        _cut_off.reset(token)


async def in_time(
    context: EvaluationContext, path: str, milliseconds: float, work: Coroutine[Any, Any, Any]
) -> Any:
    """What the work of the step at a path gives. Raises :class:`Timeout` when it takes longer."""
    with cutting_off() as found:
        doing = asyncio.ensure_future(work)
    passing = context.run.invoker.pass_time(context, f"{path}.timeout", milliseconds)
    timer = asyncio.ensure_future(passing)
    try:
        await asyncio.wait((timer, doing), return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
        timer.result()
        if (history := context.run.history) is not None and history.in_flight:
            # The walk comes to what was in flight before it is cut off, to tell of it.
            await history.replay_order.finish()
    finally:
        for task in (doing, timer):
            if not task.done():
                await cancel_and_wait(task, GRACE_SECONDS)
    late = Timeout(f"the step took longer than {milliseconds:g} ms", outcome="failed")
    if found or _has_ended_unknown(doing):
        late.outcome = "unknown"
        late.is_escalated = context.run.history is not None and context.run.history.is_replayable
    raise late


def _has_ended_unknown(doing: asyncio.Future[Any]) -> bool:
    """Whether the work ended by itself meanwhile, and nobody knows what became of a call in it."""
    error = doing.exception() if doing.done() and not doing.cancelled() else None
    return isinstance(error, InvocationError) and error.outcome == "unknown"

"""The ``timeout`` of a step: the calls within it are cancelled when the time is over.

A step that ran out of time has failed; its outcome is unknown only if a call was cut off within it
of which nobody knows whether it took effect (language.md, Call site).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any

from kernel.errors import Timeout
from kernel.invocation.context import EvaluationContext
from kernel.topology.tasks import cancel_and_wait

_GRACE_SECONDS = 30.0
"""So long, at most, until what was cut off has been recorded."""

_cut_off: ContextVar[tuple[list[str], ...]] = ContextVar("cut_off", default=())
"""For each limit around a place: the paths of the calls that were cut off with unknown outcome."""


def note_cut_off(path: str) -> None:
    """Note that the outcome of a call is unknown, since the call was cancelled in flight."""
    for found in _cut_off.get():
        found.append(path)


async def in_time(
    context: EvaluationContext, path: str, milliseconds: float, work: Coroutine[Any, Any, Any]
) -> Any:
    """What the work of the step at a path gives. Raises :class:`Timeout` when it takes longer."""
    found: list[str] = []
    token = _cut_off.set((*_cut_off.get(), found))
    doing = asyncio.ensure_future(work)
    _cut_off.reset(token)
    passing = context.run.invoker.pass_time(context, f"{path}.timeout", milliseconds)
    timer = asyncio.ensure_future(passing)
    try:
        await asyncio.wait((timer, doing), return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
        timer.result()
    finally:
        for task in (doing, timer):
            if not task.done():
                await cancel_and_wait(task, _GRACE_SECONDS)
    late = Timeout(f"the step took longer than {milliseconds:g} ms", outcome="failed")
    if found:
        late.outcome = "unknown"
        late.is_escalated = context.run.history is not None and context.run.history.is_replayable
    raise late

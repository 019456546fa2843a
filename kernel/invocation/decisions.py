"""Decisions of a run that read what differs from process to process: made once, and recorded.

All other expressions give the same in a replay, because they are pure (pipeline.md, The journal).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kernel.cel import from_types, with_types
from kernel.errors import ExpressionError, InvocationError
from kernel.invocation.history import error_from_json, error_to_json
from kernel.journal.errors import JournalError, TooLarge
from kernel.journal.rows import Conclusion, Intent, Won
from kernel.journal.values import digest_of

if TYPE_CHECKING:
    from kernel.invocation.context import EvaluationContext
    from kernel.invocation.history import History
    from kernel.invocation.run import Run

TARGET = "decision"
"""What is recorded where an invocation has its target."""


async def decide(context: EvaluationContext, path: str, find: Callable[[], Any]) -> Any:
    """What ``find`` gives or raises, as it did when the run came by this path before.

    Raises :class:`ExpressionError` when that is too large to be kept.
    """
    history = context.run.history
    if history is None or context.atomic is not None or not history.is_replayable:
        return find()
    row = history.concluded.get(path)
    if history.met is not None:
        if row is None:
            await asyncio.get_running_loop().create_future()
        history.met[path] = True
    if row is not None:
        await history.replay_order.wait(row.number or 0)
        if row.error is not None:
            raise error_from_json(row.error)
        return from_types(history.references.show(row.outputs))
    try:
        found = find()
        kept = history.references.hide(with_types(found))
        await _record(context.run, history, path, Conclusion("succeeded", kept))
        return found
    except TooLarge as error:
        failure: InvocationError = ExpressionError(f"what decides here cannot be kept: {error}")
    except InvocationError as error:
        failure = error
    context.run.hide_secrets(failure)
    ending = Conclusion(failure.outcome, error=error_to_json(failure))
    await _record(context.run, history, path, ending)
    raise failure


async def _record(run: Run, history: History, path: str, ending: Conclusion) -> None:
    """Raises :class:`TooLarge` for a value that is."""
    intent = Intent(
        execution=run.execution(path),
        run=history.run,
        path=path,
        target=TARGET,
        inputs_hash=digest_of(None),
        lease=history.lease.epoch,
        safety="idempotent",
    )
    try:
        answer = await history.journal.record(intent, ending)
    except TooLarge:
        raise
    except JournalError as error:
        raise history.stop(error) from error
    if isinstance(answer, Won):
        history.last = max(history.last, answer.number or 0)

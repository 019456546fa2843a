"""Decisions of a run that read what differs from process to process: made once, and recorded.

All other expressions give the same in a replay, because they are pure (pipeline.md, The journal).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kernel.cel import to_json
from kernel.journal.errors import JournalError, TooLarge
from kernel.journal.rows import Conclusion, Intent, Won
from kernel.journal.values import digest_of

if TYPE_CHECKING:
    from kernel.invocation.context import EvaluationContext

TARGET = "decision"
"""What is recorded where an invocation has its target."""


async def decide(context: EvaluationContext, path: str, find: Callable[[], Any]) -> Any:
    """What ``find`` gives, or what it gave when the run came by this path before."""
    history = context.run.history
    if history is None or not (context.is_recorded and history.is_replayable):
        return find()
    row = history.concluded.get(path)
    if history.met is not None:
        if row is None:
            await asyncio.get_running_loop().create_future()
        history.met[path] = True
    if row is not None:
        await history.turns.wait(row.number or 0)
        return history.references.show(row.outputs)
    found = find()
    if to_json(found) is not found:
        return found  # what is no JSON cannot come back as it was
    intent = Intent(
        execution=context.run.execution(path),
        run=history.run,
        path=path,
        target=TARGET,
        inputs_hash=digest_of(None),
        lease=history.held.epoch,
        safety="idempotent",
    )
    kept = Conclusion("succeeded", history.references.hide(found))
    try:
        answer = await history.journal.record(intent, kept)
    except TooLarge:
        return found
    except JournalError as error:
        raise history.stop(error) from error
    if isinstance(answer, Won):
        history.last = max(history.last, answer.number or 0)
    return found

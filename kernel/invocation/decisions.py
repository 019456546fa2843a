"""Decisions that read what differs from process to process: made once in a run, and recorded.

All other expressions give the same in a replay, because they are pure (pipeline.md, The journal).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernel.cel import from_types, with_types
from kernel.errors import ExpressionError
from kernel.invocation.context import EvaluationContext
from kernel.invocation.recorded import DECISION, Claim, Operation, recorded
from kernel.journal.errors import TooLarge


async def decide(context: EvaluationContext, path: str, find: Callable[[], Any]) -> Any:
    """Decide with ``find``; in a replay the decision, or the error, is that of the first time.

    Raises :class:`ExpressionError` for a decision that is too large to be kept.
    """

    async def do(_: Claim | None) -> Any:
        return find()

    operation = Operation(path, DECISION, do, _too_large, to_json=with_types, from_json=from_types)
    return await recorded(context, operation)


def _too_large(error: TooLarge) -> ExpressionError:
    return ExpressionError(f"what decides here cannot be kept: {error}")

"""Answers from the journal: an invocation that is concluded is not made again."""

from __future__ import annotations

from kernel.errors import InvocationError, OutputError
from kernel.events.references import LostSecret
from kernel.invocation.history import History, error_from_json
from kernel.invocation.invocation import Answered, Invocation
from kernel.journal.errors import Damaged
from kernel.journal.rows import Invocation as Row


def answer(invocation: Invocation, history: History, row: Row) -> None:
    """End an invocation as it is recorded: raise :class:`Answered`, or its error.

    One whose result was not kept (it holds a secret, it is too large) goes on, if it is idempotent.
    """
    if row.outcome != "rejected":
        invocation.context.around.note_call()
    if row.error is not None and row.outcome != "succeeded":
        error = error_from_json(row.error)
        error.is_escalated = row.outcome == "unknown" and history.is_replayable
        raise error
    if row.outcome not in ("succeeded", "deduplicated"):
        what = f"the outcome of {row.path} in run {row.run}"
        raise history.stop(Damaged(what, "it is a failure without an error"))
    why = row.error and row.error.get("message")
    try:
        invocation.outputs = history.references.show(row.outputs)
    except LostSecret as error:
        why = error
    if why is None:
        raise Answered
    if row.safety != "idempotent":
        raise OutputError(
            f"{row.target} was called, and its result cannot be used again: {why}",
            code="RESULT_NOT_KEPT",
        )


def answer_for(invocation: Invocation, history: History, row: Row) -> None:
    """End an invocation as the invocation ended that holds its key.

    If that outcome is unknown, a person resolves the holder; this call is not recorded.
    """
    try:
        answer(invocation, history, row)
    except InvocationError as error:
        if row.execution != invocation.id:
            where = f"with the same key, at {row.path} of run {row.run}"
            if row.outcome == "unknown":
                invocation.is_concluded = True
                said = f"whether it took effect is not known {where}: `kernel resolve"
                error.reword(f"{error.message} ({said} {row.execution}`)")
            else:
                error.reword(f"{error.message} (the earlier call ended like this {where})")
        raise

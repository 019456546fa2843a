"""The trace of an execution: what was decided and done, step by step."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.journal.rows import Note
from kernel.journal.session import Session
from kernel.journal.values import Text, from_text


def note(session: Session, now: int, execution: str, step: str, status: str, detail: Text) -> None:
    """Add a step to the trace of an execution."""
    session.change(
        """INSERT INTO kernel_trace (execution, number, step, status, noted_at, detail)
        SELECT ?, COALESCE(MAX(number), 0) + 1, ?, ?, ?, ? FROM kernel_trace WHERE execution = ?""",
        (execution, step, status, now, detail, execution),
    )


def trace(session: Session, execution: str) -> list[Note]:
    """The steps of an execution, in order."""
    return traces(session, (execution,))[execution]


def traces(session: Session, executions: Sequence[str]) -> dict[str, list[Note]]:
    """The steps of several executions, each in order."""
    found: dict[str, list[Note]] = {execution: [] for execution in executions}
    rows = session.rows(
        f"""SELECT execution, number, step, status, noted_at, detail FROM kernel_trace
        WHERE execution IN ({", ".join("?" * len(executions))}) ORDER BY execution, number""",
        executions,
    )
    for execution, number, step, status, at, text in rows:
        found[execution].append(Note(number, step, status, at, from_text(text)))
    return found

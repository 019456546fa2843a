"""The trace of an execution: what was decided and done, step by step."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.journal.reading import COUNT, JSON, MOMENT, TEXT, Page, Shape
from kernel.journal.rows import Note
from kernel.journal.session import Session
from kernel.journal.values import Text

_SHAPE = Shape(
    "execution",
    lambda execution, *note: (execution, Note(*note)),
    {
        "execution": TEXT,
        "number": COUNT,
        "step": TEXT,
        "status": TEXT,
        "noted_at": MOMENT,
        "detail": JSON,
    },
    "kernel_trace",
)


def note(session: Session, now: int, execution: str, step: str, status: str, detail: Text) -> None:
    """Add a step to the trace of an execution."""
    session.change(
        """INSERT INTO kernel_trace (execution, number, step, status, noted_at, detail)
        SELECT ?, COALESCE(MAX(number), 0) + 1, ?, ?, ?, ? FROM kernel_trace WHERE execution = ?""",
        (execution, step, status, now, detail, execution),
    )


def traces(session: Session, executions: Sequence[str]) -> Page[tuple[str, Note]]:
    """The steps of several executions, each in order, with the execution that each is of."""
    found = session.rows(
        f"""SELECT {_SHAPE.columns} FROM kernel_trace
        WHERE execution IN ({", ".join("?" * len(executions))}) ORDER BY execution, number""",
        executions,
    )
    return _SHAPE.page(found, session.name)

"""Lookups: recorded invocations by path, execution, state, or the beginning of an id."""

from __future__ import annotations

from typing import Any

from kernel.journal.reading import (
    ABOUT,
    COUNT,
    ERROR,
    JSON,
    MOMENT,
    OUTCOME,
    SAFETY,
    TEXT,
    Page,
    Shape,
    Wrong,
    maybe,
)
from kernel.journal.rows import Found, Invocation
from kernel.journal.session import Session, where


def _invocation(*values: Any) -> Invocation:
    found, conclusion = Invocation(*values[:-1]), values[-1]
    if conclusion != found.number:
        raise Wrong("its outcome is missing")
    if conclusion is not None and (found.outcome is None or found.concluded_at is None):
        raise Wrong("its outcome is not whole")
    return found


_SHAPE = Shape(
    "execution",
    _invocation,
    {
        "i.execution": TEXT,
        "i.run": TEXT,
        "i.path": TEXT,
        "i.target": TEXT,
        "i.safety": maybe(SAFETY),
        "i.idempotency_key": maybe(TEXT),
        "i.scope": TEXT,
        "i.inputs_hash": TEXT,
        "i.inputs": JSON,
        "i.about": ABOUT,
        "i.epoch": COUNT,
        "i.lease": COUNT,
        "i.attempts": COUNT,
        "i.claimed_at": MOMENT,
        "c.number": maybe(COUNT),
        "c.outcome": maybe(OUTCOME),
        "c.outputs": JSON,
        "c.error": ERROR,
        "c.duration": maybe(COUNT),
        "c.concluded_at": maybe(MOMENT),
        "c.decided_by": maybe(TEXT),
        "i.holder": maybe(TEXT),
        "i.conclusion": maybe(COUNT),
    },
)

_OUTCOME_OF = "c.run = i.run AND c.number = i.conclusion AND c.execution = i.execution"

_INVOCATION = f"""SELECT {_SHAPE.columns} FROM kernel_invocations i
    LEFT JOIN kernel_conclusions c ON {_OUTCOME_OF}"""

_CONCLUDED = f"""SELECT {_SHAPE.columns} FROM kernel_conclusions c
    JOIN kernel_invocations i ON i.execution = c.execution AND i.conclusion = c.number"""

_NUMBER = _SHAPE.columns.split(", ").index("c.number")

_IDS = {"kernel_runs": "run", "kernel_invocations": "execution", "kernel_approvals": "approval"}


def by_path(session: Session, run: str, path: str) -> Invocation | None:
    """The invocation at a path of a run."""
    return _one(session, f"{_INVOCATION} WHERE i.run = ? AND i.path = ?", run, path)


def by_execution(session: Session, execution: str) -> Invocation | None:
    """The invocation of an execution id."""
    return _one(session, f"{_INVOCATION} WHERE i.execution = ?", execution)


def concluded(
    session: Session, run: str, after: int, limit: int
) -> tuple[Page[Invocation], int | None]:
    """Invocations of a run in the order of their conclusions, whose number is above ``after``.

    Beside them the number after which there may be more; None where there are no more.
    """
    sql = f"{_CONCLUDED} WHERE c.run = ? AND c.number > ? ORDER BY c.number LIMIT ?"
    found = session.rows(sql, (run, after, limit))
    last = found[-1][_NUMBER] if len(found) == limit else None
    return _SHAPE.page(found, session.name), last if isinstance(last, int) else None


def unresolved(
    session: Session, before: int | None, run: str | None, limit: int
) -> Page[Invocation]:
    """Intents without an outcome, claimed ``before`` a time at the latest, the oldest first.

    An intent whose outcome is recorded and missing is damaged.
    """
    clause, values = where(("c.number IS NULL",), ("i.claimed_at <= ?", before), ("i.run = ?", run))
    sql = f"{_INVOCATION} {clause} ORDER BY i.claimed_at, i.execution LIMIT ?"
    return _SHAPE.page(session.rows(sql, (*values, limit)), session.name)


def escalations(session: Session, run: str | None, limit: int) -> Page[Invocation]:
    """Invocations of which a person has to say whether they took effect, the oldest first.

    They are unknown outcomes, and calls that a silent process may still make.
    """
    clause, values = where(("c.outcome = 'unknown'",), ("c.run = ?", run))
    sql = f"{_CONCLUDED} {clause} ORDER BY c.concluded_at, c.execution LIMIT ?"
    unknown = _SHAPE.page(session.rows(sql, (*values, limit)), session.name)
    clause, values = where(("i.holder IS NOT NULL",), ("i.conclusion IS NULL",), ("i.run = ?", run))
    sql = f"{_INVOCATION} {clause} ORDER BY i.claimed_at, i.execution LIMIT ?"
    held = _SHAPE.page(session.rows(sql, (*values, limit)), session.name)
    found = sorted(unknown.rows + held.rows, key=lambda row: row.concluded_at or row.claimed_at)
    return Page(found[:limit], unknown.damaged + held.damaged)


def find(session: Session, prefix: str, limit: int) -> Found:
    """The ids that begin with a prefix; where ids are equal to the prefix, these alone."""
    same = [_ids(session, table, column, "{} = ?", prefix) for table, column in _IDS.items()]
    if any(same):
        return Found(*same)
    begins = "substr({0}, 1, ?) = ? ORDER BY {0} LIMIT ?"
    values = (len(prefix), prefix, limit)
    return Found(*(_ids(session, table, column, begins, *values) for table, column in _IDS.items()))


def _ids(
    session: Session, table: str, column: str, where: str, *values: str | int
) -> tuple[str, ...]:
    found = session.rows(f"SELECT {column} FROM {table} WHERE {where.format(column)}", values)
    return tuple(row[0] for row in found if isinstance(row[0], str))


def _one(session: Session, sql: str, *values: str) -> Invocation | None:
    found = session.rows(sql, values)
    return _SHAPE.read(found[0], session.name) if found else None

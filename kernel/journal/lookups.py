"""Lookups: recorded invocations by path, execution, state, or the beginning of an id."""

from __future__ import annotations

from typing import Any

from kernel.journal.rows import Found, Invocation
from kernel.journal.session import Session, where
from kernel.journal.values import decoded

_COLUMNS = """SELECT i.execution, i.run, i.path, i.target, i.safety, i.idempotency_key, i.scope,
    i.inputs_hash, i.inputs, i.about, i.epoch, i.lease, i.attempts, i.claimed_at, c.number,
    c.outcome, c.outputs, c.error, c.duration, c.concluded_at, c.decided_by, i.holder"""

_INVOCATION = f"""{_COLUMNS} FROM kernel_invocations i
    LEFT JOIN kernel_conclusions c ON c.run = i.run AND c.number = i.conclusion"""

_CONCLUDED = f"""{_COLUMNS} FROM kernel_conclusions c
    JOIN kernel_invocations i ON i.execution = c.execution AND i.conclusion = c.number"""

_IDS = {"kernel_runs": "run", "kernel_invocations": "execution", "kernel_approvals": "approval"}


def by_path(session: Session, run: str, path: str) -> Invocation | None:
    """The invocation at a path of a run."""
    return _one(session, f"{_INVOCATION} WHERE i.run = ? AND i.path = ?", run, path)


def by_execution(session: Session, execution: str) -> Invocation | None:
    """The invocation of an execution id."""
    return _one(session, f"{_INVOCATION} WHERE i.execution = ?", execution)


def concluded(session: Session, run: str, after: int, limit: int) -> list[Invocation]:
    """Invocations of a run in the order of their conclusions, whose number is above ``after``."""
    sql = f"{_CONCLUDED} WHERE c.run = ? AND c.number > ? ORDER BY c.number LIMIT ?"
    return [_invocation(row) for row in session.rows(sql, (run, after, limit))]


def unresolved(
    session: Session, before: int | None, run: str | None, limit: int
) -> list[Invocation]:
    """Intents without an outcome, claimed ``before`` a time at the latest, the oldest first."""
    clause, values = where(
        ("i.conclusion IS NULL",), ("i.claimed_at <= ?", before), ("i.run = ?", run)
    )
    sql = f"{_INVOCATION} {clause} ORDER BY i.claimed_at, i.execution LIMIT ?"
    return [_invocation(row) for row in session.rows(sql, (*values, limit))]


def escalations(session: Session, run: str | None, limit: int) -> list[Invocation]:
    """Invocations of which a person has to say whether they took effect, the oldest first.

    They are unknown outcomes, and calls that a silent process may still make.
    """
    clause, values = where(("c.outcome = 'unknown'",), ("c.run = ?", run))
    sql = f"{_CONCLUDED} {clause} ORDER BY c.concluded_at, c.execution LIMIT ?"
    unknown = [_invocation(row) for row in session.rows(sql, (*values, limit))]
    clause, values = where(("i.holder IS NOT NULL",), ("i.conclusion IS NULL",), ("i.run = ?", run))
    sql = f"{_INVOCATION} {clause} ORDER BY i.claimed_at, i.execution LIMIT ?"
    held = [_invocation(row) for row in session.rows(sql, (*values, limit))]
    return sorted((*unknown, *held), key=lambda row: row.concluded_at or row.claimed_at)[:limit]


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
    return tuple(row[0] for row in found)


def _one(session: Session, sql: str, *values: str) -> Invocation | None:
    found = session.rows(sql, values)
    return _invocation(found[0]) if found else None


def _invocation(row: Any) -> Invocation:
    return Invocation(*decoded(row, 8, 9, 16, 17))  # inputs, about, outputs, error

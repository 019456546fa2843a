"""Verification: whether the record of a run is as the kernel wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kernel.journal.approvals import list_approvals
from kernel.journal.chain import Row, verify_chain
from kernel.journal.conclusions import FACTS
from kernel.journal.errors import Damaged
from kernel.journal.lookups import unresolved
from kernel.journal.reading import hashed
from kernel.journal.rows import Broken
from kernel.journal.runs import CHAIN, find_run, progress_of
from kernel.journal.seal import broken_seal
from kernel.journal.session import Session
from kernel.journal.trace import traces
from kernel.journal.values import digest_of_text, from_text

_PAGE_ROWS = 500
_NO_LIMIT = 2**62

_CONCLUSIONS = f"""SELECT c.number, i.path, c.previous, c.hash, c.run, c.number, {FACTS},
    c.epoch, c.attempts, c.outcome, c.outputs, c.error, c.landed, c.duration, c.concluded_at,
    c.decided_by
    FROM kernel_conclusions c
    LEFT JOIN kernel_invocations i ON i.execution = c.execution AND i.run = c.run
    WHERE c.run = ? AND c.number > ? ORDER BY c.number LIMIT ?"""

_CONCLUDED_BUT_OPEN = """SELECT c.number, i.path FROM
    (SELECT execution, MAX(number) AS number FROM kernel_conclusions
        WHERE run = ? GROUP BY execution) last
    JOIN kernel_conclusions c ON c.run = ? AND c.number = last.number
    JOIN kernel_invocations i ON i.execution = c.execution
    WHERE (i.conclusion IS NULL OR i.conclusion <> c.number)
    AND NOT (i.conclusion IS NULL AND c.decided_by IS NOT NULL AND c.outcome = 'failed')
    ORDER BY c.number LIMIT 1"""
"""Invocations that do not point at the last of their conclusions: they would be made again."""

_CONCLUSION_OF_ANOTHER = """SELECT i.conclusion, i.path FROM kernel_invocations i
    LEFT JOIN kernel_conclusions c
    ON c.run = i.run AND c.number = i.conclusion AND c.execution = i.execution
    WHERE i.run = ? AND i.conclusion IS NOT NULL AND c.number IS NULL
    ORDER BY i.conclusion LIMIT 1"""
"""Invocations that point at the conclusion of another: they would be answered with that."""

_MISPLACED = (
    (_CONCLUDED_BUT_OPEN, "is concluded, but is not recorded as such"),
    (_CONCLUSION_OF_ANOTHER, "is recorded as concluded there, and is not"),
)


def verify(session: Session, run: str) -> Broken | None:
    """The first place where the record of a run does not hold. Raises :class:`Refused`."""
    try:
        concluded, head = progress_of(session, run, CHAIN)
        return (
            _altered_manifest(session, run)
            or verify_chain(_chain(session, run), concluded, head)
            or _misplaced(session, run)
            or broken_seal(session, run)
            or _unreadable(session, run)
        )
    except Damaged as damaged:
        return _broken(damaged)


def _unreadable(session: Session, run: str) -> Broken | None:
    """What the chain and the seal do not cover: intents, steps and pending approvals."""
    find_run(session, run)
    damaged = [
        *unresolved(session, None, run, _NO_LIMIT).damaged,
        *list_approvals(session, None, None, run).damaged,
        *_notes(session, run),
    ]
    return _broken(damaged[0]) if damaged else None


def _notes(session: Session, run: str) -> Iterator[Damaged]:
    """What is damaged of the steps of the executions of a run."""
    found = session.rows("SELECT execution FROM kernel_invocations WHERE run = ?", (run,))
    executions = [execution for (execution,) in found if isinstance(execution, str)]
    for start in range(0, len(executions), _PAGE_ROWS):
        yield from traces(session, executions[start : start + _PAGE_ROWS]).damaged


def _broken(damaged: Damaged) -> Broken:
    return Broken(0, None, f"{damaged.what}: {damaged.why}")


def _altered_manifest(session: Session, run: str) -> Broken | None:
    found = session.rows(
        """SELECT c.digest, c.content FROM kernel_runs r
        JOIN kernel_contents c ON c.digest = r.digest WHERE r.run = ?""",
        (run,),
    )
    if all(_is_text_of(digest, content) for digest, content in found):
        return None
    return Broken(0, None, "the manifest was altered after the run had begun")


def _is_text_of(digest: str, content: Any) -> bool:
    try:
        return digest_of_text(from_text(content)) == digest
    except (ValueError, AttributeError, TypeError, RecursionError):
        return False


def _chain(session: Session, run: str) -> Iterator[Row]:
    after, what = 0, f"the outcomes of the run {run}"
    while page := hashed(session.rows(_CONCLUSIONS, (run, after, _PAGE_ROWS)), what, session.name):
        for number, path, previous, own, *facts in page:
            yield number, path, previous, own, tuple(facts)
        after = page[-1][0]


def _misplaced(session: Session, run: str) -> Broken | None:
    for sql, why in _MISPLACED:
        for number, path in session.rows(sql, (run,) * sql.count("?")):
            return Broken(number, path, f"{path} {why}")
    return None

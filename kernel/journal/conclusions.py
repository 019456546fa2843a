"""Conclude: the outcome, as a compare-and-set on the epoch, and as the next link of the chain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from kernel.errors import Outcome
from kernel.journal.chain import Row, first_broken, flat, link
from kernel.journal.claims import claim
from kernel.journal.errors import Fenced, Refused
from kernel.journal.lookups import by_execution
from kernel.journal.rows import Broken, Claimed, Intent, Invocation, Won
from kernel.journal.seal import altered, seal
from kernel.journal.session import Session
from kernel.journal.trace import note
from kernel.journal.values import digest_of_text, from_text, to_text
from kernel.run_paths import ranges_within
from kernel.safety import ONCE

_FACTS = """i.execution, i.path, i.target, i.safety, i.idempotency_key, i.scope, i.inputs_hash,
    i.inputs, i.about, i.claimed_at"""
_ENDS = """c.epoch, c.attempts, c.outcome, c.outputs, c.error, c.landed, c.duration,
    c.concluded_at, c.decided_by"""
_RELEASED = ("failed", "rejected", "cancelled")


@dataclass(frozen=True, slots=True)
class Ending:
    """A conclusion with its values as JSON text; ``by`` is the person who decided.

    Without ``attempts`` those that are recorded count.
    """

    outcome: Outcome
    outputs: str | None = None
    error: str | None = None
    attempts: int | None = None
    duration: int | None = None
    landed: bool | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class _Intent:
    """What is recorded of an intent, and where the chain of its run stands."""

    run: str
    epoch: int
    lease: int
    attempts: int
    conclusion: int | None
    run_epoch: int
    concluded: int
    head: str
    facts: tuple[Any, ...]

    @property
    def execution(self) -> str:
        return str(self.facts[0])


def _intent(session: Session, execution: str) -> _Intent:
    found = session.rows(
        f"""SELECT i.run, i.epoch, i.lease, i.attempts, i.conclusion, p.epoch, p.concluded, p.head,
        {_FACTS} FROM kernel_invocations i JOIN kernel_progress p ON p.run = i.run
        WHERE i.execution = ?{session.lock}""",
        (execution,),
    )
    if not found:
        raise Refused(f"there is no execution {execution} in this journal")
    run, epoch, lease, attempts, conclusion, run_epoch, concluded, head, *facts = found[0]
    return _Intent(
        run, epoch, lease, attempts, conclusion, run_epoch, concluded, head, tuple(facts)
    )


def _current(session: Session, execution: str, epoch: int) -> _Intent:
    """The intent, if it is open and the epoch, and the lease of its run, are the caller's."""
    intent = _intent(session, execution)
    if intent.epoch != epoch or intent.lease != intent.run_epoch:
        raise Fenced(f"the execution {execution} has been taken over by another process")
    if intent.conclusion is not None:
        raise Fenced(f"the execution {execution} is concluded already")
    return intent


def finalize(session: Session, now: int, execution: str, epoch: int, ending: Ending) -> int:
    """Conclude an intent; its number in the chain. Raises :class:`Fenced`, having done nothing."""
    intent = _current(session, execution, epoch)
    number = _append(session, now, intent, ending)
    key = intent.facts[4]
    landed = ending.outcome not in _RELEASED if ending.landed is None else ending.landed
    if key is not None and not (landed or _has_landed_within(session, intent)):
        session.change(
            "DELETE FROM kernel_keys WHERE scope = ? AND idempotency_key = ? AND execution = ?",
            (intent.facts[5], key, execution),
        )
    return number


def _has_landed_within(session: Session, intent: _Intent) -> bool:
    """Whether something landed that the invocation called, and that is not to be had twice."""
    by, ranges = session.bytewise, list(ranges_within(str(intent.facts[1])))
    within = " OR ".join([f"(i.path{by} >= ? AND i.path{by} < ?)"] * len(ranges))
    return bool(
        session.rows(
            f"""SELECT 1 FROM kernel_invocations i
            JOIN kernel_conclusions c ON c.run = i.run AND c.number = i.conclusion
            WHERE i.run = ? AND ({within})
            AND i.safety IN ({", ".join("?" * len(ONCE))})
            AND (c.outcome IN ('succeeded', 'unknown') OR c.landed = 1) LIMIT 1""",
            (intent.run, *(bound for bounds in ranges for bound in bounds), *ONCE),
        )
    )


def record(
    session: Session,
    now: int,
    intent: Intent,
    inputs: str | None,
    about: str | None,
    ending: Ending,
) -> Claimed:
    """An invocation that needed no intent, concluded in one; what was there before it, if any."""
    answer = claim(session, now, intent, inputs, about)
    if isinstance(answer, Won):
        number = finalize(session, now, answer.execution, answer.epoch, ending)
        return replace(answer, number=number)
    return answer


def attempted(
    session: Session,
    now: int,
    execution: str,
    epoch: int,
    attempts: int,
    status: str,
    detail: str | None,
) -> None:
    """So many attempts were made; how the last of them went. Raises :class:`Fenced`."""
    _current(session, execution, epoch)
    session.change(
        "UPDATE kernel_invocations SET attempts = ? WHERE execution = ?", (attempts, execution)
    )
    note(session, now, execution, "attempt", status, detail)


def resolve(
    session: Session, now: int, execution: str, ending: Ending, why: str | None
) -> Invocation:
    """What a person says has become of an unknown outcome. Raises :class:`Refused`."""
    intent = _intent(session, execution)
    found = by_execution(session, execution)
    if found is None or found.outcome != "unknown":
        raise Refused(f"the execution {execution} has no unknown outcome to resolve")
    # The row tells the last outcome only.
    lost = to_text(found.error, "error")
    note(session, found.concluded_at or now, execution, "escalate", "unknown", lost)
    _append(session, now, intent, ending)
    seal(session, intent.run)
    note(session, now, execution, "resolve", "landed" if ending.landed else "not landed", why)
    resolved = by_execution(session, execution)
    assert resolved is not None
    return resolved


def _append(session: Session, now: int, intent: _Intent, ending: Ending) -> int:
    number = intent.concluded + 1
    landed = None if ending.landed is None else int(ending.landed)
    attempts = intent.attempts if ending.attempts is None else ending.attempts
    ends = (
        *(intent.epoch, attempts, ending.outcome, ending.outputs, ending.error),
        *(landed, ending.duration, now, ending.by),
    )
    head = link(intent.head, (intent.run, number, *intent.facts, *ends))
    session.change(
        """INSERT INTO kernel_conclusions
        (run, number, execution, epoch, attempts, outcome, outputs, error, landed, duration,
        concluded_at, decided_by, previous, hash)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (intent.run, number, intent.execution, *ends, intent.head, head),
    )
    session.change(
        "UPDATE kernel_invocations SET conclusion = ?, attempts = ? WHERE execution = ?",
        (number, attempts, intent.execution),
    )
    session.change(
        "UPDATE kernel_progress SET concluded = ?, head = ? WHERE run = ?",
        (number, head, intent.run),
    )
    return number


# Verification

_PAGE = 500


def verify(session: Session, run: str) -> Broken | None:
    """The first place where the record of a run does not hold. Raises :class:`Refused`."""
    ends = session.rows("SELECT concluded, head FROM kernel_progress WHERE run = ?", (run,))
    if not ends:
        raise Refused(f"there is no run {run} in this journal")
    ((concluded, head),) = ends
    return (
        _another_manifest(session, run)
        or first_broken(flat(_links(session, run)), concluded, head)
        or _reset(session, run)
        or _put_in(session, run)
        or altered(session, run)
    )


def _another_manifest(session: Session, run: str) -> Broken | None:
    """Whether the text that a run goes on with is not the one of its digest."""
    found = session.rows(
        """SELECT c.digest, c.content FROM kernel_runs r
        JOIN kernel_contents c ON c.digest = r.digest WHERE r.run = ?""",
        (run,),
    )
    if all(_is_text_of(digest, content) for digest, content in found):
        return None
    return Broken(0, None, "the manifest was altered after the run had begun")


def _is_text_of(digest: str, content: str) -> bool:
    try:
        return digest_of_text(from_text(content)) == digest
    except (ValueError, AttributeError):
        return False


def _links(session: Session, run: str) -> Any:
    after = 0
    while True:
        page = session.rows(
            f"""SELECT c.number, i.path, c.previous, c.hash, c.run, c.number, {_FACTS}, {_ENDS}
            FROM kernel_conclusions c
            LEFT JOIN kernel_invocations i ON i.execution = c.execution AND i.run = c.run
            WHERE c.run = ? AND c.number > ? ORDER BY c.number LIMIT ?""",
            (run, after, _PAGE),
        )
        if not page:
            return
        rows: list[Row] = [(*row[:4], tuple(row[4:])) for row in page]
        yield rows
        after = page[-1][0]


def _reset(session: Session, run: str) -> Broken | None:
    """An invocation that does not point at the last of its conclusions would be made again."""
    wrong = session.rows(
        """SELECT c.number, i.path FROM
        (SELECT execution, MAX(number) AS number FROM kernel_conclusions
            WHERE run = ? GROUP BY execution) last
        JOIN kernel_conclusions c ON c.run = ? AND c.number = last.number
        JOIN kernel_invocations i ON i.execution = c.execution
        WHERE (i.conclusion IS NULL OR i.conclusion <> c.number)
        AND NOT (i.conclusion IS NULL AND c.decided_by IS NOT NULL AND c.outcome = 'failed')
        ORDER BY c.number LIMIT 1""",
        (run, run),
    )
    if not wrong:
        return None
    ((number, path),) = wrong
    return Broken(number, path, f"{path} is concluded, but is not recorded as such")


def _put_in(session: Session, run: str) -> Broken | None:
    """An invocation that points at a conclusion of another would be answered with that."""
    wrong = session.rows(
        """SELECT i.conclusion, i.path FROM kernel_invocations i
        LEFT JOIN kernel_conclusions c
        ON c.run = i.run AND c.number = i.conclusion AND c.execution = i.execution
        WHERE i.run = ? AND i.conclusion IS NOT NULL AND c.number IS NULL
        ORDER BY i.conclusion LIMIT 1""",
        (run,),
    )
    if not wrong:
        return None
    ((number, path),) = wrong
    return Broken(number, path, f"{path} is recorded as concluded there, and is not")

"""Conclude: the outcome, as a compare-and-set on the epoch, and as the next link of the chain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from kernel.errors import Outcome
from kernel.journal.chain import link
from kernel.journal.claims import claim
from kernel.journal.errors import Damaged, Fenced, Refused
from kernel.journal.lookups import by_execution
from kernel.journal.reading import COUNT, MOMENT, TEXT, Kind, Shape, maybe
from kernel.journal.rows import Claimed, Intent, Invocation, Won
from kernel.journal.seal import seal, seal_again
from kernel.journal.session import Session
from kernel.journal.tickets import remove
from kernel.journal.trace import note
from kernel.journal.values import Text, to_text
from kernel.run_paths import ranges_within
from kernel.safety import ONCE
from kernel.structs import struct

_NOT_LANDED = ("failed", "rejected", "cancelled")
"""The outcomes after which nothing took effect, unless the conclusion says that it did."""


@struct
class Ending:
    """A conclusion with its values as JSON text; ``by`` is the person who decided.

    ``attempts`` is None where the recorded number of attempts stays.
    """

    outcome: Outcome
    outputs: Text = None
    error: Text = None
    attempts: int | None = None
    duration: int | None = None
    landed: bool | None = None
    by: str | None = None
    ticket: str | None = None


class _Intent(NamedTuple):
    """What is recorded of an intent, and where the chain of its run stands."""

    run: str
    epoch: int
    lease: int
    attempts: int
    conclusion: int | None
    holder: str | None
    run_epoch: int
    concluded: int
    head: str
    facts: tuple[Any, ...]

    @property
    def execution(self) -> str:
        return str(self.facts[0])


def _intent(session: Session, execution: str) -> _Intent:
    found = session.rows(
        f"""SELECT {_SHAPE.columns}
        FROM kernel_invocations i JOIN kernel_progress p ON p.run = i.run
        WHERE i.execution = ?{session.lock}""",
        (execution,),
    )
    if found:
        return _SHAPE.read(found[0], session.name)
    damaged = by_execution(session, execution)
    if damaged is not None:
        what = f"the execution {execution} in the journal {session.name}"
        raise Damaged(what, f"its run {damaged.run} has no row in kernel_progress")
    raise Refused(f"there is no execution {execution} in this journal")


_FACTS: dict[str, Kind] = {
    "i.execution": TEXT,
    "i.path": TEXT,
    "i.target": TEXT,
    "i.safety": maybe(TEXT),
    "i.idempotency_key": maybe(TEXT),
    "i.scope": TEXT,
    "i.inputs_hash": TEXT,
    "i.inputs": maybe(TEXT),
    "i.about": maybe(TEXT),
    "i.claimed_at": MOMENT,
}
FACTS = ", ".join(_FACTS)
"""What is recorded of an intent, as columns: the first part of what the chain hashes."""

_SHAPE = Shape(
    "execution",
    lambda *row: _Intent._make((*row[len(_FACTS) :], row[: len(_FACTS)])),
    {
        **_FACTS,
        "i.run": TEXT,
        "i.epoch": COUNT,
        "i.lease": COUNT,
        "i.attempts": COUNT,
        "i.conclusion": maybe(COUNT),
        "i.holder": maybe(TEXT),
        "p.epoch": COUNT,
        "p.concluded": COUNT,
        "p.head": TEXT,
    },
)


def _current(session: Session, execution: str, epoch: int) -> _Intent:
    """The intent, if it has no outcome and its epoch and the lease of its run are the caller's.

    A silent process whose run was taken over keeps its calls in flight, and their epochs.
    """
    intent = _intent(session, execution)
    is_held = intent.lease == intent.run_epoch or intent.holder is not None
    if intent.epoch != epoch or not is_held:
        raise Fenced(f"the execution {execution} has been taken over by another process")
    if intent.conclusion is not None:
        raise Fenced(f"the execution {execution} is concluded already")
    return intent


def finalize(session: Session, now: int, execution: str, epoch: int, ending: Ending) -> int:
    """Conclude an intent and return the number of the conclusion in the chain of the run.

    Raises :class:`Fenced` before anything is written. The caller's key is free again where nothing
    took effect.
    """
    intent = _current(session, execution, epoch)
    number = _append(session, now, intent, ending)
    key = intent.facts[4]
    landed = ending.outcome not in _NOT_LANDED if ending.landed is None else ending.landed
    if ending.ticket is not None:
        remove(session, ending.ticket)
    if intent.holder is not None:
        seal_again(session, intent.run)
    if key is not None and not (landed or _has_landed_within(session, intent)):
        session.change(
            "DELETE FROM kernel_keys WHERE scope = ? AND idempotency_key = ? AND execution = ?",
            (intent.facts[5], key, execution),
        )
    return number


def _has_landed_within(session: Session, intent: _Intent) -> bool:
    """Whether a call within the invocation took effect, of a safety class that may not repeat.

    One that is in flight may have, or may yet.
    """
    by, ranges = session.bytewise, list(ranges_within(str(intent.facts[1])))
    within = " OR ".join([f"(i.path{by} >= ? AND i.path{by} < ?)"] * len(ranges))
    return bool(
        session.rows(
            f"""SELECT 1 FROM kernel_invocations i
            LEFT JOIN kernel_conclusions c ON c.run = i.run AND c.number = i.conclusion
            WHERE i.run = ? AND ({within})
            AND i.safety IN ({", ".join("?" * len(ONCE))})
            AND (i.conclusion IS NULL OR c.outcome IN ('succeeded', 'unknown') OR c.landed = 1)
            LIMIT 1""",
            (intent.run, *(bound for bounds in ranges for bound in bounds), *ONCE),
        )
    )


def record(
    session: Session, now: int, intent: Intent, inputs: Text, about: Text, ending: Ending
) -> Claimed:
    """Claim and conclude an invocation at once; the answer to the claim where it is not won."""
    answer = claim(session, now, intent, inputs, about)
    if isinstance(answer, Won):
        number = finalize(session, now, answer.execution, answer.epoch, ending)
        return replace(answer, number=number)
    if ending.ticket is not None:
        remove(session, ending.ticket)
    return answer


def attempted(
    session: Session, now: int, execution: str, epoch: int, attempts: int, status: str, detail: Text
) -> None:
    """Record the number of attempts and how the last one went. Raises :class:`Fenced`."""
    _current(session, execution, epoch)
    session.change(
        "UPDATE kernel_invocations SET attempts = ? WHERE execution = ?", (attempts, execution)
    )
    note(session, now, execution, "attempt", status, detail)


def release(session: Session, now: int, execution: str, epoch: int, made: bool) -> None:
    """Give up a call in flight whose run was taken over while this process stood still.

    ``made``: it may have taken effect. Nothing happens where the call is not this process's any
    more.
    """
    released = session.change(
        """UPDATE kernel_invocations SET holder = NULL
        WHERE execution = ? AND epoch = ? AND holder IS NOT NULL AND conclusion IS NULL""",
        (execution, epoch),
    )
    if released:
        note(session, now, execution, "attempt", "given up" if made else "not made", None)


def resolve(session: Session, now: int, execution: str, ending: Ending, why: Text) -> Invocation:
    """Record what a person says about an unknown outcome. Raises :class:`Refused`.

    Or about a call in flight of a silent process, which can conclude it no more.
    """
    intent = _intent(session, execution)
    found = by_execution(session, execution)
    assert found is not None
    if found.outcome is None and found.holder is not None:
        intent = intent._replace(epoch=intent.epoch + 1)
        session.change(
            "UPDATE kernel_invocations SET epoch = ?, holder = NULL WHERE execution = ?",
            (intent.epoch, execution),
        )
        said = to_text({"holder": found.holder}, "holder")
        note(session, now, execution, "escalate", "silent", said)
    elif found.outcome == "unknown":
        # The row holds the last outcome only: the trace keeps the error of the one before.
        error = to_text(found.error, "error")
        note(session, found.concluded_at or now, execution, "escalate", "unknown", error)
    else:
        raise Refused(f"the execution {execution} has no unknown outcome to resolve")
    _append(session, now, intent, ending)
    seal(session, intent.run)
    note(session, now, execution, "resolve", "landed" if ending.landed else "not landed", why)
    resolved = by_execution(session, execution)
    assert resolved is not None
    return resolved


def _append(session: Session, now: int, intent: _Intent, ending: Ending) -> int:
    """Write the next conclusion of a run's chain and return its number."""
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

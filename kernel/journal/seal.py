"""The seal of a run that has ended: the hash of its record and of the end of its chain.

The seal covers the approvals that were answered, and the commit records without an outcome, which a
run that waits for a person may have.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from kernel.journal.chain import link
from kernel.journal.errors import Damaged
from kernel.journal.reading import hashed
from kernel.journal.rows import Broken
from kernel.journal.session import Session

_NOT_SEALED = ("running", "parked")  # the states of runs that can go on: they have no seal
_FACTS = """SELECT p.head, p.concluded, p.seal, r.state, r.run, r.topology, r.digest, r.inputs,
    r.source, r.principal, r.correlation_id, r.opened_at, r.finished_at, r.result, r.error
    FROM kernel_runs r JOIN kernel_progress p ON p.run = r.run WHERE r.run = ?"""

_ANSWERED = """SELECT approval, execution, target, frozen, reason, requester, expires_at, asked_at,
    state, decided_by, decided_at, note FROM kernel_approvals
    WHERE run = ? AND state <> 'pending' ORDER BY asked_at, approval"""

_OPEN = """SELECT execution, path, target, safety, idempotency_key, scope, inputs_hash, inputs,
    about, claimed_at FROM kernel_invocations
    WHERE run = ? AND conclusion IS NULL ORDER BY claimed_at, execution"""


def seal(session: Session, run: str) -> None:
    """Seal a run as it is now; a run that can go on has no seal."""
    found = _facts(session, run)
    if not found:
        raise Damaged(f"the run {run} in the journal {session.name}", "a part of it is missing")
    ((head, concluded, _, state, *facts),) = found
    sealed = None if state in _NOT_SEALED else _seal(session, run, head, (concluded, state, *facts))
    session.change("UPDATE kernel_progress SET seal = ? WHERE run = ?", (sealed, run))


def seal_again(session: Session, run: str) -> None:
    """Seal a run anew, after an approval was answered that came after its end."""
    found = session.rows("SELECT seal FROM kernel_progress WHERE run = ?", (run,))
    if found and found[0][0] is not None:
        seal(session, run)


def _seal(session: Session, run: str, head: str, facts: tuple[Any, ...]) -> str:
    answered, in_flight = session.rows(_ANSWERED, (run,)), session.rows(_OPEN, (run,))
    hashed([*answered, *in_flight], f"the approvals and calls of the run {run}", session.name)
    return link(head, (*facts, answered, *in_flight))


def _facts(session: Session, run: str) -> list[Any]:
    return hashed(session.rows(_FACTS, (run,)), f"the run {run}", session.name)


def seal_all(session: Session) -> None:
    """Seal all runs: those that ended before there were seals, or with an older form of seal."""
    for (run,) in session.rows("SELECT run FROM kernel_runs", ()):
        with suppress(Damaged):  # `kernel trace --verify` says so
            seal(session, run)


def broken_seal(session: Session, run: str) -> Broken | None:
    """Whether a run is not as it was when it ended; :mod:`.chain` proves its conclusions."""
    found = _facts(session, run)
    if not found:
        return Broken(0, None, "the run itself is missing")
    ((head, concluded, sealed, state, *facts),) = found
    if state in _NOT_SEALED:
        why = "the run has ended, and is not recorded as such" if sealed is not None else None
    else:
        same = sealed == _seal(session, run, head, (concluded, state, *facts))
        why = None if same else "the run was altered after it had ended"
    return None if why is None else Broken(concluded + 1, None, why)

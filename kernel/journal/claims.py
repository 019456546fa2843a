"""Claim: the commit record, written before a call leaves, once for a path and once for a key."""

from __future__ import annotations

from kernel.journal.errors import Damaged, Fenced, Refused
from kernel.journal.lookups import by_execution, by_path
from kernel.journal.reading import MOMENT, TEXT, Shape, maybe
from kernel.journal.rows import (
    UNFINISHED,
    Claimed,
    Conflict,
    InFlight,
    Intent,
    Invocation,
    Lease,
    Recorded,
    Won,
)
from kernel.journal.runs import check_held
from kernel.journal.session import Session
from kernel.journal.values import Text

_KEY = Shape(
    "holder of an idempotency key",
    lambda execution, until: (execution, until),
    {"execution": TEXT, "expires_at": maybe(MOMENT)},
    "kernel_keys",
)


def claim(session: Session, now: int, intent: Intent, inputs: Text, about: Text) -> Claimed:
    """Claim a path of a run, and the idempotency key of the caller where there is one."""
    if intent.key is None and _insert(session, now, intent, inputs, about):
        return Won(intent.execution, 1)
    check_held(session, intent.run, intent.lease)
    found = by_path(session, intent.run, intent.path)
    if found is not None:
        standing = _standing(found, intent.inputs_hash)
        if standing is not None:
            return standing
    other = by_execution(session, intent.execution)
    if other is not None and (other.run, other.path) != (intent.run, intent.path):
        raise Refused(f"the execution {intent.execution} is recorded at another path already")
    if intent.key is not None:
        taken = _reserve(session, now, intent)
        if taken is not None:
            return taken
    if found is not None:
        return _claim_again(session, intent, found)
    _insert(session, now, intent, inputs, about)
    return Won(intent.execution, 1)


def _standing(found: Invocation, inputs_hash: str) -> Recorded | InFlight | Conflict | None:
    """The answer to a claim where an invocation is recorded; None where it may be made again."""
    if found.inputs_hash != inputs_hash:
        return Conflict(found)
    if found.outcome is None:
        return InFlight(found)
    return None if not_landed(found) else Recorded(found)


def not_landed(found: Invocation) -> bool:
    """Whether a person said that the effect did not take place: the invocation may be repeated."""
    return found.by is not None and found.outcome == "failed"


def _insert(session: Session, now: int, intent: Intent, inputs: Text, about: Text) -> bool:
    """Write the intent, if its path is free and the lease of its run is the caller's."""
    inserted = session.change(
        f"""INSERT INTO kernel_invocations
        (execution, run, path, target, safety, idempotency_key, scope, inputs_hash, inputs, about,
        epoch, lease, attempts, claimed_at)
        SELECT ?, run, ?, ?, ?, ?, ?, ?, ?, ?, 1, epoch, 0, ? FROM kernel_progress
        WHERE run = ? AND epoch = ?{session.lock} ON CONFLICT DO NOTHING""",
        (
            *(intent.execution, intent.path, intent.target, intent.safety, intent.key),
            *(intent.scope, intent.inputs_hash, inputs, about, now, intent.run, intent.lease),
        ),
    )
    return inserted == 1


def _claim_again(session: Session, intent: Intent, found: Invocation) -> Won:
    session.change(
        """UPDATE kernel_invocations SET epoch = ?, lease = ?, conclusion = NULL
        WHERE execution = ?""",
        (found.epoch + 1, intent.lease, found.execution),
    )
    return Won(found.execution, found.epoch + 1, found.attempts)


def _reserve(session: Session, now: int, intent: Intent) -> Recorded | InFlight | Conflict | None:
    """Reserve the caller's key; the answer to the claim where another invocation holds the key."""
    expires = None if intent.ttl is None else now + intent.ttl
    inserted = session.change(
        """INSERT INTO kernel_keys (scope, idempotency_key, execution, expires_at)
        VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING""",
        (intent.scope, intent.key, intent.execution, expires),
    )
    if inserted:
        return None
    where = "WHERE scope = ? AND idempotency_key = ?"
    (found,) = session.rows(
        f"SELECT {_KEY.columns} FROM kernel_keys {where}{session.lock}",
        (intent.scope, intent.key),
    )
    execution, until = _KEY.read(found, session.name)
    holder = by_execution(session, execution)
    if holder is None:  # the two are written together
        what = f"the holder of an idempotency key in the journal {session.name}"
        raise Damaged(what, f"there is no execution {execution}")
    if not _is_free(holder, until, now, intent.run):
        return _standing(holder, intent.inputs_hash)
    session.change(
        f"UPDATE kernel_keys SET execution = ?, expires_at = ? {where}",
        (intent.execution, expires, intent.scope, intent.key),
    )
    return None


def _is_free(holder: Invocation, until: int | None, now: int, run: str) -> bool:
    """Whether a key may go to another invocation.

    The key of a holder without an outcome, or with an unknown outcome, never expires. Nor does a
    key expire for the run of its holder, which may make the same call again after days.
    """
    if holder.outcome in (None, "unknown"):
        return False
    return not_landed(holder) or (holder.run != run and until is not None and until <= now)


def forget_keys(session: Session, now: int, limit: int) -> int:
    """Delete keys that have expired and whose runs have ended; how many."""
    return session.change(
        f"""DELETE FROM kernel_keys WHERE execution IN (
            SELECT k.execution FROM kernel_keys k
            JOIN kernel_invocations i ON i.execution = k.execution
            JOIN kernel_conclusions c ON c.run = i.run AND c.number = i.conclusion
            JOIN kernel_runs r ON r.run = i.run
            WHERE k.expires_at <= ? AND c.outcome <> 'unknown'
            AND r.state NOT IN ({", ".join("?" * len(UNFINISHED))}) LIMIT ?) AND expires_at <= ?""",
        (now, *UNFINISHED, limit, now),
    )


def fence(session: Session, lease: Lease, execution: str, epoch: int) -> int:
    """Take an intent over from a dead holder; its new epoch, which alone can conclude it."""
    check_held(session, lease.run, lease.epoch)
    changed = session.change(
        """UPDATE kernel_invocations SET epoch = epoch + 1, lease = ?, holder = NULL
        WHERE execution = ? AND run = ? AND epoch = ? AND conclusion IS NULL""",
        (lease.epoch, execution, lease.run, epoch),
    )
    if not changed:
        raise Fenced(f"the execution {execution} has been taken over or concluded by another")
    return epoch + 1

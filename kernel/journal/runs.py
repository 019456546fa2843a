"""Runs and their leases: a run exists once, and one process at a time works on it.

A lease is taken over without comparing clocks: another process reads the holder's ``beats``, waits,
and takes the lease over only if the number of beats is still the same. A holder that is only silent
may wake and send what it was about to send: its calls in flight stay its own, but for those that
may be made twice (pipeline.md, Taking over).
"""

from __future__ import annotations

from typing import Any

from kernel.journal.chain import START
from kernel.journal.errors import Fenced, Refused
from kernel.journal.rows import (
    UNFINISHED,
    Existing,
    Held,
    Lease,
    NewRun,
    Opened,
    Run,
    RunState,
)
from kernel.journal.seal import seal
from kernel.journal.session import Session, where
from kernel.journal.values import Text, decoded, from_text

_RUN = """SELECT r.run, r.topology, r.digest, r.inputs, r.source, r.principal, r.correlation_id,
    r.state, r.opened_at, r.finished_at, r.result, r.error, p.concluded
    FROM kernel_runs r JOIN kernel_progress p ON p.run = r.run"""


def keep(session: Session, digest: str, content: str) -> None:
    """Keep a text, as JSON, by its digest."""
    session.change(
        "INSERT INTO kernel_contents (digest, content) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (digest, content),
    )


def kept(session: Session, digest: str) -> str | None:
    """The text of a digest."""
    found = session.rows("SELECT content FROM kernel_contents WHERE digest = ?", (digest,))
    return str(from_text(found[0][0])) if found else None


def open_run(
    session: Session, now: int, new: NewRun, inputs: Text, owner: str
) -> Opened | Existing:
    """Open a run and take its lease; the recorded run where it exists already."""
    opened = session.change(
        """INSERT INTO kernel_runs
        (run, topology, digest, inputs, source, principal, correlation_id, state, opened_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, 'running', ?) ON CONFLICT DO NOTHING""",
        (
            *(new.run, new.topology, new.digest, inputs, new.source),
            *(new.principal, new.correlation_id, now),
        ),
    )
    if not opened:
        return Existing(_run(session.rows(f"{_RUN} WHERE r.run = ?", (new.run,))[0]))
    session.change(
        """INSERT INTO kernel_progress (run, owner, epoch, beats, concluded, head)
        VALUES (?, ?, 1, 0, 0, ?)""",
        (new.run, owner, START),
    )
    return Opened(Lease(new.run, owner, 1))


def find_run(session: Session, run: str) -> Run | None:
    """A run by its id."""
    found = session.rows(f"{_RUN} WHERE r.run = ?", (run,))
    return _run(found[0]) if found else None


def list_runs(
    session: Session, state: RunState | None, before: tuple[int, str] | None, limit: int
) -> list[Run]:
    """At most ``limit`` runs, the newest first, opened ``before`` a time and an id."""
    earlier = before or (None,)
    clause, values = where(("r.state = ?", state), ("(r.opened_at, r.run) < (?, ?)", *earlier))
    sql = f"{_RUN} {clause} ORDER BY r.opened_at DESC, r.run DESC LIMIT ?"
    return [_run(row) for row in session.rows(sql, (*values, limit))]


def _run(row: Any) -> Run:
    return Run(*decoded(row, 3, 10, 11))  # inputs, result, error


def migrate_run(session: Session, lease: Lease, digest: str) -> None:
    """Record another manifest for a run. Raises :class:`Fenced`."""
    check_held(session, lease.run, lease.epoch)
    session.change("UPDATE kernel_runs SET digest = ? WHERE run = ?", (digest, lease.run))


# Leases


def check_held(session: Session, run: str, epoch: int) -> None:
    """Raise :class:`Fenced` unless the run's lease is the one of that epoch."""
    if progress_of(session, run, "epoch") != (epoch,):
        raise Fenced(f"the run {run} has been taken over by another process")


def lease_of(session: Session, run: str) -> Lease:
    """The lease of a run. Raises :class:`Refused` when there is no such run."""
    return Lease(run, *progress_of(session, run, "owner, epoch, beats"))


def progress_of(session: Session, run: str, columns: str) -> tuple[Any, ...]:
    """Columns of the progress of a run. Raises :class:`Refused` when there is no such run."""
    found = session.rows(
        f"SELECT {columns} FROM kernel_progress WHERE run = ?{session.lock}", (run,)
    )
    if not found:
        raise Refused(f"there is no run {run} in this journal")
    return tuple(found[0])


def acquire(session: Session, run: str, owner: str) -> Lease | Held:
    """Take the lease of a run that nobody works on and that has not ended."""
    seen = lease_of(session, run)
    ((state,),) = session.rows("SELECT state FROM kernel_runs WHERE run = ?", (run,))
    if seen.owner is not None or state not in UNFINISHED:
        return Held(seen)
    return _take(session, seen, owner)


def take_over(session: Session, seen: Lease, owner: str, is_dead: bool) -> Lease | Held:
    """Take the lease, if its holder has given no sign of life since ``seen``.

    Unless the holder ``is_dead``, its calls in flight stay its own that must not be made twice. A
    topology makes none by itself: what it calls is recorded for itself.
    """
    found = lease_of(session, seen.run)
    if found != seen or seen.owner is None:
        return Held(found)
    if not is_dead:
        session.change(
            """UPDATE kernel_invocations SET holder = ? WHERE run = ? AND conclusion IS NULL
            AND holder IS NULL AND (safety IS NULL OR safety <> 'idempotent')
            AND (about IS NULL OR about NOT LIKE ?)""",
            (seen.owner, seen.run, '%"topology":true%'),
        )
    return _take(session, seen, owner)


def _take(session: Session, seen: Lease, owner: str) -> Lease:
    session.change(
        "UPDATE kernel_progress SET owner = ?, epoch = ?, beats = 0, seal = NULL WHERE run = ?",
        (owner, seen.epoch + 1, seen.run),
    )
    session.change(
        """UPDATE kernel_runs SET state = 'running', finished_at = NULL, result = NULL, error = NULL
        WHERE run = ?""",
        (seen.run,),
    )
    return Lease(seen.run, owner, seen.epoch + 1)


def heartbeat(session: Session, lease: Lease) -> Lease:
    """Record a sign of life. Raises :class:`Fenced` when another holds the lease."""
    check_held(session, lease.run, lease.epoch)
    session.change("UPDATE kernel_progress SET beats = beats + 1 WHERE run = ?", (lease.run,))
    return lease_of(session, lease.run)


def record_death(session: Session, now: int, owner: str, who: str) -> None:
    """Record that a process has ended, as a person or a supervisor says."""
    session.change(
        """INSERT INTO kernel_deaths (owner, recorded_at, recorded_by) VALUES (?, ?, ?)
        ON CONFLICT DO NOTHING""",
        (owner, now, who),
    )


def is_recorded_dead(session: Session, owner: str) -> bool:
    """Whether somebody has recorded that a process has ended."""
    return bool(session.rows("SELECT 1 FROM kernel_deaths WHERE owner = ?", (owner,)))


def finish_run(
    session: Session, now: int, lease: Lease, state: RunState, result: Text, error: Text
) -> None:
    """Record the state of a run and give its lease back; a ``running`` run waits for a holder."""
    check_held(session, lease.run, lease.epoch)
    ended = None if state in ("running", "parked") else now
    session.change(
        "UPDATE kernel_runs SET state = ?, finished_at = ?, result = ?, error = ? WHERE run = ?",
        (state, ended, result, error, lease.run),
    )
    # With a new epoch, whoever still works under this lease can conclude nothing.
    session.change(
        "UPDATE kernel_progress SET owner = NULL, epoch = epoch + 1, beats = 0 WHERE run = ?",
        (lease.run,),
    )
    seal(session, lease.run)

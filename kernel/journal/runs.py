"""Runs and their leases: a run exists once, and one process at a time works on it.

A lease is taken over without comparing clocks: another process reads the holder's ``beats``, waits,
and takes the lease over only if the number of beats is still the same. A holder that is only silent
may wake and send what it was about to send: its calls in flight stay its own, but for those that
may be made twice (pipeline.md, Taking over).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel.journal.chain import START
from kernel.journal.errors import Damaged, Fenced, Refused
from kernel.journal.reading import (
    COUNT,
    ERROR,
    JSON,
    MOMENT,
    RUN_STATE,
    TEXT,
    Kind,
    Page,
    Shape,
    Wrong,
    maybe,
)
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
from kernel.journal.values import Text, digest_of_text

_SHAPE = Shape(
    "run",
    lambda *row: Run(*row[:_FIELDS]),
    {
        "r.run": TEXT,
        "r.topology": TEXT,
        "r.digest": TEXT,
        "r.inputs": JSON,
        "r.source": TEXT,
        "r.principal": maybe(TEXT),
        "r.correlation_id": maybe(TEXT),
        "r.state": RUN_STATE,
        "r.opened_at": MOMENT,
        "r.finished_at": maybe(MOMENT),
        "r.result": JSON,
        "r.error": ERROR,
        "p.concluded": COUNT,
        "p.owner": maybe(TEXT),
        "p.epoch": COUNT,
        "p.beats": COUNT,
    },
)
_FIELDS = 13  # of a run; the columns after them are its lease

_RUN = f"""SELECT {_SHAPE.columns}
    FROM kernel_runs r LEFT JOIN kernel_progress p ON p.run = r.run"""

_PROGRESS: Mapping[str, Kind] = {
    "owner": maybe(TEXT),
    "epoch": COUNT,
    "beats": COUNT,
    "concluded": COUNT,
    "head": TEXT,
}


def keep(session: Session, digest: str, content: str) -> None:
    """Keep a text, as JSON, by its digest."""
    session.change(
        "INSERT INTO kernel_contents (digest, content) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (digest, content),
    )


def kept(session: Session, digest: str) -> str | None:
    """The text of a digest."""
    found = session.rows("SELECT digest, content FROM kernel_contents WHERE digest = ?", (digest,))
    return _CONTENT.read(found[0], session.name) if found else None


def _text(digest: str, content: Any) -> str:
    if not isinstance(content, str) or digest_of_text(content) != digest:
        raise Wrong("the text is not the one that was kept")
    return content


_CONTENT = Shape("manifest", _text, {"digest": TEXT, "content": JSON}, "kernel_contents")


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
        found = find_run(session, new.run)
        if found is None:
            raise Damaged(f"the run {new.run} in the journal {session.name}", "it is missing")
        return Existing(found)
    session.change(
        """INSERT INTO kernel_progress (run, owner, epoch, beats, concluded, head)
        VALUES (?, ?, 1, 0, 0, ?)""",
        (new.run, owner, START),
    )
    return Opened(Lease(new.run, owner, 1))


def find_run(session: Session, run: str) -> Run | None:
    """A run by its id."""
    found = session.rows(f"{_RUN} WHERE r.run = ?", (run,))
    return _SHAPE.read(found[0], session.name) if found else None


def list_runs(
    session: Session, state: RunState | None, before: tuple[int, str] | None, limit: int
) -> Page[Run]:
    """At most ``limit`` runs, the newest first, opened ``before`` a time and an id."""
    earlier = before or (None,)
    clause, values = where(("r.state = ?", state), ("(r.opened_at, r.run) < (?, ?)", *earlier))
    sql = f"{_RUN} {clause} ORDER BY r.opened_at DESC, r.run DESC LIMIT ? OFFSET ?"
    page: Page[Run] = Page([], [])
    while len(page.rows) < limit:
        passed, missing = len(page.rows) + len(page.damaged), limit - len(page.rows)
        found = session.rows(sql, (*values, missing, passed))
        more = _SHAPE.page(found, session.name)
        page = Page(page.rows + more.rows, page.damaged + more.damaged)
        if len(found) < missing:
            break
    return page


def migrate_run(session: Session, lease: Lease, digest: str) -> None:
    """Record another manifest for a run. Raises :class:`Fenced`."""
    check_held(session, lease.run, lease.epoch)
    session.change("UPDATE kernel_runs SET digest = ? WHERE run = ?", (digest, lease.run))


# Leases


def check_held(session: Session, run: str, epoch: int) -> None:
    """Raise :class:`Fenced` unless the run's lease is the one of that epoch."""
    if progress_of(session, run, _EPOCH) != (epoch,):
        raise Fenced(f"the run {run} has been taken over by another process")


def lease_of(session: Session, run: str) -> Lease:
    """The lease of a run. Raises :class:`Refused` when there is no such run."""
    return Lease(run, *progress_of(session, run, _LEASE))


def _progress(*columns: str) -> Shape[tuple[Any, ...]]:
    kinds = {"run": TEXT, **{column: _PROGRESS[column] for column in columns}}
    return Shape("run", lambda *row: row[1:], kinds, "kernel_progress")


_EPOCH, _LEASE = _progress("epoch"), _progress("owner", "epoch", "beats")
CHAIN = _progress("concluded", "head")
"""Where the chain of a run ends: the number and the hash of its last conclusion."""


def progress_of(session: Session, run: str, shape: Shape[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Columns of the progress of a run.

    Raises :class:`Refused` when there is no such run, :class:`Damaged` when it has no progress.
    """
    found = session.rows(
        f"SELECT {shape.columns} FROM kernel_progress WHERE run = ?{session.lock}", (run,)
    )
    if found:
        return shape.read(found[0], session.name)
    if session.rows("SELECT 1 FROM kernel_runs WHERE run = ?", (run,)):
        why = "its row in kernel_progress is missing"
        raise Damaged(f"the run {run} in the journal {session.name}", why)
    raise Refused(f"there is no run {run} in this journal")


def acquire(session: Session, run: str, owner: str) -> Lease | Held:
    """Take the lease of a run that nobody works on and that has not ended."""
    seen = lease_of(session, run)
    found = find_run(session, run)
    if found is None:
        raise Damaged(f"the run {run} in the journal {session.name}", "it is missing")
    if seen.owner is not None or found.state not in UNFINISHED:
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
    if state not in UNFINISHED:
        session.change("DELETE FROM kernel_tickets WHERE run = ?", (lease.run,))
    # With a new epoch, whoever still works under this lease can conclude nothing.
    session.change(
        "UPDATE kernel_progress SET owner = NULL, epoch = epoch + 1, beats = 0 WHERE run = ?",
        (lease.run,),
    )
    seal(session, lease.run)

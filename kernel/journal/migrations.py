"""The tables of the journal, version by version.

Opening a journal brings it to the newest version in one transaction. A journal that is newer than
this program is refused and not touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernel.journal.errors import Damaged, JournalError
from kernel.journal.seal import seal_all
from kernel.journal.session import Session

VERSIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE kernel_contents (digest TEXT PRIMARY KEY, content TEXT NOT NULL)",
        """CREATE TABLE kernel_runs (
            run TEXT PRIMARY KEY, topology TEXT NOT NULL, digest TEXT NOT NULL, inputs TEXT,
            source TEXT NOT NULL, principal TEXT, correlation_id TEXT, state TEXT NOT NULL,
            opened_at BIGINT NOT NULL, finished_at BIGINT, result TEXT, error TEXT)""",
        "CREATE INDEX kernel_runs_opened ON kernel_runs (opened_at, run)",
        """CREATE TABLE kernel_progress (
            run TEXT PRIMARY KEY, owner TEXT, epoch BIGINT NOT NULL, beats BIGINT NOT NULL,
            concluded BIGINT NOT NULL, head TEXT NOT NULL) CLUSTERED""",
        """CREATE TABLE kernel_invocations (
            execution TEXT PRIMARY KEY, run TEXT NOT NULL, path TEXT NOT NULL,
            target TEXT NOT NULL, safety TEXT, idempotency_key TEXT, scope TEXT NOT NULL,
            inputs_hash TEXT NOT NULL, inputs TEXT, about TEXT, epoch BIGINT NOT NULL,
            lease BIGINT NOT NULL, attempts BIGINT NOT NULL, claimed_at BIGINT NOT NULL,
            conclusion BIGINT)""",
        "CREATE UNIQUE INDEX kernel_invocations_path ON kernel_invocations (run, path)",
        """CREATE TABLE kernel_conclusions (
            run TEXT NOT NULL, number BIGINT NOT NULL, execution TEXT NOT NULL,
            epoch BIGINT NOT NULL, attempts BIGINT NOT NULL, outcome TEXT NOT NULL, outputs TEXT,
            error TEXT, landed BIGINT, duration BIGINT, concluded_at BIGINT NOT NULL,
            decided_by TEXT, previous TEXT NOT NULL, hash TEXT NOT NULL,
            PRIMARY KEY (run, number)) CLUSTERED""",
        """CREATE INDEX kernel_conclusions_unknown ON kernel_conclusions (execution)
            WHERE outcome = 'unknown'""",
        """CREATE TABLE kernel_keys (
            scope TEXT NOT NULL, idempotency_key TEXT NOT NULL, execution TEXT NOT NULL,
            expires_at BIGINT, PRIMARY KEY (scope, idempotency_key)) CLUSTERED""",
        """CREATE INDEX kernel_keys_expiry ON kernel_keys (expires_at)
            WHERE expires_at IS NOT NULL""",
        """CREATE TABLE kernel_trace (
            execution TEXT NOT NULL, number BIGINT NOT NULL, step TEXT NOT NULL,
            status TEXT NOT NULL, noted_at BIGINT NOT NULL, detail TEXT,
            PRIMARY KEY (execution, number)) CLUSTERED""",
        """CREATE TABLE kernel_approvals (
            approval TEXT PRIMARY KEY, execution TEXT NOT NULL, run TEXT NOT NULL,
            target TEXT NOT NULL, frozen TEXT, reason TEXT NOT NULL, requester TEXT,
            expires_at BIGINT, asked_at BIGINT NOT NULL, state TEXT NOT NULL, decided_by TEXT,
            decided_at BIGINT, note TEXT)""",
        """CREATE UNIQUE INDEX kernel_approvals_pending ON kernel_approvals (execution)
            WHERE state = 'pending'""",
        "CREATE INDEX kernel_approvals_execution ON kernel_approvals (execution, asked_at)",
    ),
    ("ALTER TABLE kernel_progress ADD COLUMN seal TEXT",),
    ("CREATE INDEX kernel_approvals_run ON kernel_approvals (run)",),
    (),
    (
        "ALTER TABLE kernel_invocations ADD COLUMN holder TEXT",
        """CREATE INDEX kernel_invocations_holder ON kernel_invocations (run)
            WHERE holder IS NOT NULL""",
        """CREATE TABLE kernel_deaths (
            owner TEXT PRIMARY KEY, recorded_at BIGINT NOT NULL, recorded_by TEXT NOT NULL)""",
    ),
    (
        """CREATE TABLE kernel_tickets (
            topology TEXT NOT NULL, member TEXT NOT NULL, number BIGINT NOT NULL,
            execution TEXT NOT NULL, run TEXT NOT NULL, path TEXT NOT NULL, slots BIGINT NOT NULL,
            asked_at BIGINT NOT NULL, PRIMARY KEY (topology, member, number)) CLUSTERED""",
        "CREATE UNIQUE INDEX kernel_tickets_execution ON kernel_tickets (execution)",
        "CREATE INDEX kernel_tickets_path ON kernel_tickets (run, path)",
        "CREATE TABLE kernel_numbers (ticket BIGINT NOT NULL)",
        "INSERT INTO kernel_numbers (ticket) VALUES (0)",
    ),
)
"""The statements that make each version out of the version before it: version 1 stands first."""

NEWEST = len(VERSIONS)

_SEAL_VERSION = 4
"""The version that brought the present form of the seal (:mod:`kernel.journal.seal`)."""


def read_version(rows: Sequence[Sequence[Any]], name: str) -> int:
    """The version of a journal, which its one row of ``kernel_journal`` holds.

    Raises :class:`JournalError` for a journal that a newer program wrote, or that is damaged.
    """
    version = rows[0][0] if len(rows) == 1 else None
    if type(version) is not int or version < 0:
        raise Damaged(f"the journal {name}", "`kernel_journal.version` is not a version")
    if version > NEWEST:
        raise JournalError(
            f"the journal {name} has version {version}, written by a newer kernel; "
            f"this one knows versions up to {NEWEST}"
        )
    return version


def migrate(session: Session, version: int) -> None:
    """Bring the tables from ``version`` to the newest, in an exclusive transaction."""
    if version == 0:
        session.change("CREATE TABLE kernel_journal (version BIGINT NOT NULL)")
        session.change("INSERT INTO kernel_journal (version) VALUES (0)")
    for statements in VERSIONS[version:]:
        for statement in statements:
            session.change(statement.replace("CLUSTERED", session.clustered))
    if version < _SEAL_VERSION:
        seal_all(session)
    if version < NEWEST:
        session.change("UPDATE kernel_journal SET version = ?", (NEWEST,))

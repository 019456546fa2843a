"""The journal: the durable record of runs and invocations, and the authority on what happened.

::

    journal = await open_journal(".kernel/journal.db")     # or "memory:", "postgresql://…"
    match await journal.open_run(NewRun("r1", "Run.Sequence/Import", digest)):
        case Opened(lease):
            answer = await journal.claim(Intent(…, lease=lease.epoch))
            ...
            await journal.finalize(execution, answer.epoch, Conclusion("succeeded", outputs))

An intent is claimed before a call leaves; its outcome is recorded afterwards. One process wins a
claim; an outcome counts only with the epoch of the claim and under the lease of the run. A process
that only stood still concludes what it had in flight when it wakes, and nothing else (pipeline.md,
Taking over).

The journal keeps values as they are: the caller replaces secrets before.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kernel.journal.errors import Damaged, Fenced, JournalError, Missing, Refused, TooLarge, Unsure
from kernel.journal.rows import (
    Approval,
    Broken,
    Conclusion,
    Conflict,
    Existing,
    Found,
    Held,
    InFlight,
    Intent,
    Invocation,
    Lease,
    NewApproval,
    NewRun,
    NewTicket,
    Note,
    Opened,
    Recorded,
    Run,
    Standing,
    Ticket,
    Won,
)

if TYPE_CHECKING:
    from kernel.journal.interface import Journal
    from kernel.journal.opening import open_journal
    from kernel.journal.owners import take_over

__all__ = [
    "Approval",
    "Broken",
    "Conclusion",
    "Conflict",
    "Damaged",
    "Existing",
    "Fenced",
    "Found",
    "Held",
    "InFlight",
    "Intent",
    "Invocation",
    "Journal",
    "JournalError",
    "Lease",
    "Missing",
    "NewApproval",
    "NewRun",
    "NewTicket",
    "Note",
    "Opened",
    "Recorded",
    "Refused",
    "Run",
    "Standing",
    "Ticket",
    "TooLarge",
    "Unsure",
    "Won",
    "open_journal",
    "take_over",
]

_HOMES = {"Journal": "interface", "open_journal": "opening", "take_over": "owners"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kernel.journal' has no attribute {name!r}")
    return getattr(import_module(f"kernel.journal.{_HOMES[name]}"), name)

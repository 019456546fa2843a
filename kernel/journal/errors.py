"""The errors of the journal: what it refuses, and what fails in its store.

::

    JournalError        the journal cannot do what it is asked; nothing was written
    ├── Missing         there is no journal, and the caller wants none made
    ├── Refused         the request does not fit what is recorded
    │   └── Fenced      another process has taken over: the caller may conclude nothing any more
    ├── TooLarge        a value is larger than the journal keeps
    └── Unsure          the connection was lost in the middle of a commit: it may have been written
"""

from __future__ import annotations

from kernel.errors import KernelError, UsageError


class JournalError(KernelError):
    """The journal cannot do what it is asked. Nothing was written, in whole or in part."""

    category = "Journal"


class Missing(JournalError, UsageError):
    """There is no journal at an address, and the caller wants none made."""

    category = "Usage"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no journal at {name}; `kernel apply` makes one")


class Refused(JournalError):
    """The request does not fit what is recorded.

    It is raised before the request has written anything: others in the same commit are not undone.
    """


class Fenced(Refused):
    """Another process has taken over the run or the invocation."""


class TooLarge(Refused):
    """A value is larger than the journal keeps, or is not JSON."""


class Unsure(JournalError):
    """The store failed during a commit: the request may be recorded or not."""

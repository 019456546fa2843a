"""The errors of the journal: what it refuses, and what fails in its store.

::

    JournalError        the journal cannot do what it is asked; nothing was written
    ├── Missing         there is no journal, and the caller wants none made
    ├── Refused         the request does not fit what is recorded
    │   └── Fenced      another process has taken over: the caller may conclude nothing any more
    ├── TooLarge        a value is larger than the journal keeps
    ├── Damaged         what is recorded cannot be read
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


class Damaged(JournalError):
    """What is recorded cannot be read: it is not what the kernel has written.

    ``what`` is damaged (``the run r-7 in the journal …``); ``why`` says how, and quotes no value of
    a row, which may be secret.
    """

    def __init__(
        self, what: str, why: str, way_out: str | None = None, *, id: str | None = None
    ) -> None:
        self.what = what
        self.why = why
        self.id = id  # of the run, execution or approval, where it can be read
        self.way_out = WAY_OUT if way_out is None else way_out
        super().__init__(f"{what} is damaged: {why}; {self.way_out}")


WAY_OUT = (
    "a backup of the journal may have it; `kernel trace --verify` lists the runs that are damaged"
)
"""What is left to do about a row that is damaged: no other row tells what it held."""


class Unsure(JournalError):
    """The store failed during a commit: the request may be recorded or not."""

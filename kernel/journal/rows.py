"""The data that the journal is given and that it answers, frozen.

Times are nanoseconds since the epoch, for people and for expiry; durations are nanoseconds of a
clock that never goes back. Values (``inputs``, ``outputs``, ``error``, …) are JSON. The caller has
replaced the secrets in them by references: the journal keeps them as they are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from kernel.errors import Outcome
from kernel.safety import Safety
from kernel.structs import struct

RunState = Literal["running", "parked", "succeeded", "failed", "unknown", "cancelled", "rejected"]
"""``running`` and ``parked`` can go on; the others are ends."""

UNFINISHED: tuple[RunState, ...] = ("running", "parked", "unknown")
"""The states that a run may still leave: an ``unknown`` one after a person has decided."""

ApprovalState = Literal["pending", "approved", "denied", "expired", "invalidated", "spent"]
"""``spent``: an attempt was made under the approval, so that a further attempt needs another."""


@struct
class NewRun:
    """A run to open; ``digest`` is that of its manifest (``Journal.keep``)."""

    run: str
    topology: str
    digest: str
    inputs: Any = None
    source: str = "api"
    principal: str | None = None
    correlation_id: str | None = None


@struct
class Run:
    """A recorded run; ``concluded`` counts the conclusions in its chain."""

    run: str
    topology: str
    digest: str
    inputs: Any
    source: str
    principal: str | None
    correlation_id: str | None
    state: RunState
    opened_at: int
    finished_at: int | None
    result: Any
    error: Any
    concluded: int


@struct
class Lease:
    """The right to work on a run: ``epoch`` grows with each owner, ``beats`` with heartbeats."""

    run: str
    owner: str | None
    epoch: int
    beats: int = 0


@struct
class Held:
    """Another process has the lease; ``take_over`` takes it from that process if it is dead."""

    lease: Lease


@struct
class Opened:
    """The run is new, and the caller holds its lease."""

    lease: Lease


@struct
class Existing:
    """The run existed before."""

    run: Run


@struct
class Intent:
    """An invocation that is about to be attempted: the commit record."""

    execution: str
    """The id of the invocation, the same over attempts and restarts."""
    run: str
    path: str
    """Where the invocation stands in the run, and where no other stands."""
    target: str
    inputs_hash: str
    lease: int
    """The epoch of the lease under which the run is worked on."""
    safety: Safety | None = None
    key: str | None = None
    """The caller's idempotency key, unique in ``scope``; without a key the path is unique."""
    scope: str = ""
    """The principal and the target, where there is a key."""
    ttl: int | None = None
    """How many nanoseconds after the claim the key expires."""
    inputs: Any = None
    about: Any = None


@struct
class Conclusion:
    """How an invocation ended, after how many attempts.

    ``landed`` says whether the effect took place where the outcome does not tell (outputs that
    break the contract): the idempotency key of an effect that took place stays taken. ``ticket`` is
    the execution whose ticket is given back in the same transaction.
    """

    outcome: Outcome
    outputs: Any = None
    error: Any = None
    attempts: int = 1
    duration: int | None = None
    landed: bool | None = None
    ticket: str | None = None


@struct
class Invocation:
    """A recorded invocation. Without an outcome, ``number`` and the fields after it are None."""

    execution: str
    run: str
    path: str
    target: str
    safety: Safety | None
    key: str | None
    scope: str
    inputs_hash: str
    inputs: Any
    about: Any
    epoch: int
    lease: int
    attempts: int
    claimed_at: int
    number: int | None = None
    """The place in the run's chain of conclusions."""
    outcome: Outcome | None = None
    outputs: Any = None
    error: Any = None
    duration: int | None = None
    concluded_at: int | None = None
    by: str | None = None
    """The person who decided about an unknown outcome."""
    holder: str | None = None
    """The silent process that may still make the call; without an outcome nobody else may."""

    def taken(self, epoch: int) -> Invocation:
        """The call in flight as the process has it that took it over."""
        return replace(self, epoch=epoch, holder=None)


@struct
class Won:
    """The caller may make the invocation."""

    execution: str
    epoch: int
    """The epoch with which alone the invocation can be concluded."""
    attempts: int = 0
    """How many attempts there were before, of which a person said that none took effect."""
    number: int | None = None
    """The place in the chain of conclusions, where the invocation was concluded at once."""


@struct
class Recorded:
    """The invocation is concluded already: its recorded outcome is the answer."""

    invocation: Invocation


@struct
class InFlight:
    """The intent has no outcome: a process works on it, or died while it did."""

    invocation: Invocation


@struct
class Conflict:
    """The same path or key was used with other inputs."""

    invocation: Invocation


Claimed = Won | Recorded | InFlight | Conflict


@struct
class Note:
    """A step in the trace of an execution."""

    number: int
    step: str
    status: str
    at: int
    detail: Any = None


@struct
class NewApproval:
    """A question to a person, who sees ``frozen``: target, inputs, and the values in question."""

    approval: str
    execution: str
    run: str
    target: str
    frozen: Any
    reason: str
    requester: str | None
    expires_at: int | None


@struct
class Approval(NewApproval):
    """A question to a person with its answer: who decided, when and why."""

    asked_at: int
    state: ApprovalState
    decided_by: str | None
    decided_at: int | None
    note: str | None


@struct
class NewTicket:
    """What an invocation of a topology with ``concurrency`` asks for: a slot of its group."""

    execution: str
    run: str
    path: str
    topology: str
    """The topology, by the names of its module, its kind and itself."""
    group: str
    """What ``group`` gives; empty where there is one group."""
    slots: int
    """The limit: so many hold a slot at a time."""


@struct
class Ticket(NewTicket):
    """A place in the queue of a group: the tickets with the least numbers hold the slots."""

    number: int
    asked_at: int


@struct
class Standing:
    """How a ticket stands in its group.

    ``ticket`` is None where none was given, for a call that does not wait. ``before`` counts the
    tickets before it, ``older`` are the oldest of those. ``waits_for_itself``: no ticket was given,
    because each holder of a slot would wait for a call within itself.
    """

    ticket: Ticket | None
    before: int
    older: tuple[Ticket, ...] = ()
    waits_for_itself: bool = False

    @property
    def holds(self) -> bool:
        """Whether the ticket has a slot; once it has, it keeps the slot."""
        return self.ticket is not None and self.before < self.ticket.slots


@struct
class Found:
    """The ids that begin with a prefix; where ids are equal to the prefix, these alone."""

    runs: tuple[str, ...] = ()
    executions: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()


@struct
class Broken:
    """The first place where the chain of a run does not hold."""

    number: int
    path: str | None
    why: str

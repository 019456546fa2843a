"""What the journal is told and what it answers, as frozen data.

Times are nanoseconds since the epoch, for people and for expiry; durations are nanoseconds of a
clock that never goes back. Values (``inputs``, ``outputs``, ``error``, …) are JSON. The caller has
replaced the secrets in them by references: what is handed to the journal is kept as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from kernel.errors import Outcome
from kernel.safety import Safety

RunState = Literal["running", "parked", "succeeded", "failed", "unknown", "cancelled", "rejected"]
"""``running`` and ``parked`` can go on; the others are ends."""

UNFINISHED: tuple[RunState, ...] = ("running", "parked", "unknown")
"""The states out of which a run may still come: what is ``unknown``, once a person has said."""

ApprovalState = Literal["pending", "approved", "denied", "expired", "invalidated", "spent"]
"""``spent``: an attempt was made under it, so a further attempt needs another."""


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run as it is opened. ``digest`` names the manifest that it goes on with (``keep``)."""

    run: str
    topology: str
    digest: str
    inputs: Any = None
    source: str = "api"
    principal: str | None = None
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it is recorded; ``concluded`` counts the conclusions in its chain."""

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


@dataclass(frozen=True, slots=True)
class Lease:
    """Who works on a run. ``epoch`` grows with each owner, ``beats`` with each sign of life."""

    run: str
    owner: str | None
    epoch: int
    beats: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody else has the lease, which is to be handed to ``take_over`` if they are dead."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Opened:
    """The run is new, and the caller holds its lease."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Existing:
    """The run was there before."""

    run: Run


@dataclass(frozen=True, slots=True)
class Intent:
    """An invocation that is about to be attempted: the commit record.

    ``execution`` is the same over attempts and restarts; ``path`` is unique in the run;
    ``lease`` is the epoch of the lease under which the run is worked on. ``key`` is an idempotency
    key that the caller gave, unique in ``scope`` (principal and target) for ``ttl`` nanoseconds
    after the claim; without one the path is the key.
    """

    execution: str
    run: str
    path: str
    target: str
    inputs_hash: str
    lease: int
    safety: Safety | None = None
    key: str | None = None
    scope: str = ""
    ttl: int | None = None
    inputs: Any = None
    about: Any = None


@dataclass(frozen=True, slots=True)
class Conclusion:
    """How an invocation ended, after how many attempts.

    ``landed`` says that the effect took place, whatever the outcome (outputs that break the
    contract): a key of the caller's then stays taken. None: as the outcome says.
    """

    outcome: Outcome
    outputs: Any = None
    error: Any = None
    attempts: int = 1
    duration: int | None = None
    landed: bool | None = None


@dataclass(frozen=True, slots=True)
class Invocation:
    """An invocation as it is recorded. ``number`` is its place in the run's chain of conclusions.

    Without an outcome ``number`` and all behind it are None. ``by`` is the person who said what
    had become of it.
    """

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
    outcome: Outcome | None = None
    outputs: Any = None
    error: Any = None
    duration: int | None = None
    concluded_at: int | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Won:
    """The invocation is the caller's. ``attempts`` is how many there were before (a person said
    that the effect of those had not landed); ``number`` its place in the chain of conclusions,
    where it was concluded at once."""

    execution: str
    epoch: int
    attempts: int = 0
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """It is concluded already: what was recorded is the answer."""

    invocation: Invocation


@dataclass(frozen=True, slots=True)
class InFlight:
    """An intent without an outcome: somebody works on it, or has died of it."""

    invocation: Invocation


@dataclass(frozen=True, slots=True)
class Conflict:
    """The same path or key was used with other inputs."""

    invocation: Invocation


Claimed = Won | Recorded | InFlight | Conflict


@dataclass(frozen=True, slots=True)
class Note:
    """One step in the trace of an execution."""

    number: int
    step: str
    status: str
    at: int
    detail: Any = None


@dataclass(frozen=True, slots=True)
class NewApproval:
    """What a person is asked. ``frozen`` is what they see: target, inputs, the values looked at."""

    approval: str
    execution: str
    run: str
    target: str
    frozen: Any
    reason: str
    requester: str | None
    expires_at: int | None


@dataclass(frozen=True, slots=True)
class Approval:
    """A question to a person, and the answer: who, when and why."""

    approval: str
    execution: str
    run: str
    target: str
    frozen: Any
    reason: str
    requester: str | None
    expires_at: int | None
    asked_at: int
    state: ApprovalState
    decided_by: str | None
    decided_at: int | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """The ids that begin with a prefix; those that are equal to it alone, if there are any."""

    runs: tuple[str, ...] = ()
    executions: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place where the chain of a run does not hold."""

    number: int
    path: str | None
    why: str

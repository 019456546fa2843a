"""One pass through the pipeline, and what it carries from stage to stage."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import time_ns
from typing import Any

from kernel.cel import Timestamp
from kernel.errors import InvocationError, NotStarted
from kernel.events import Event
from kernel.invocation.atomic import Atomic, within
from kernel.invocation.context import EvaluationContext
from kernel.invocation.history import History
from kernel.invocation.runtime import Runtime
from kernel.journal.errors import Damaged
from kernel.journal.rows import Approval, NewTicket, Won
from kernel.journal.rows import Invocation as Row
from kernel.policy import Applied, Decision
from kernel.registry.instances import Instance
from kernel.run_paths import is_in_check_of, is_within, joined, of_attempt, without_attempts
from kernel.safety import Safety
from kernel.structs import field, struct
from kernel.topology.callsite import CallSite

Stage = Callable[["Invocation"], Awaitable[None] | None]
"""Does a stage's work: returns None when done, or an awaitable; raises to end the invocation."""


class Answered(Exception):
    """Ends the stages of an invocation that has its outputs already, from the journal."""


@struct(frozen=False, eq=False)
class Plan:
    """What is decided about a call site once, before its first invocation."""

    site: CallSite
    instance: Instance
    label: str
    """Names the place in the path of a run."""
    runtime: Runtime
    policies: tuple[Applied, ...]
    """Those that name the target."""
    is_recorded: bool
    """There is a journal."""
    hide_inputs: Callable[[Any], Any] | None = None
    """Hides what is secret in the inputs, where they are recorded; None where nothing is."""
    stages: tuple[Stage, ...] = ()
    """Those that have something to do, in order."""
    authorise_again: Stage | None = None
    """Asked before another attempt of a call that an earlier process made."""
    approve_again: Stage | None = None
    """As above, where each attempt needs an approval of its own."""
    is_limited: bool = False
    """The target has a concurrency group."""
    validate_outputs: Stage = field(default=lambda _: None)
    """Also holds what a ``check`` has found to the contract."""
    conclude_failure: Callable[[Invocation, BaseException], Awaitable[None]] | None = None
    """Records an invocation that a stage ended by raising."""


async def go_through(invocation: Invocation, *stages: Stage | None) -> None:
    """Do the work of single stages; None stands for a stage that has nothing to do."""
    for stage in stages:
        waiting = None if stage is None else stage(invocation)
        if waiting is not None:
            await waiting


class Invocation:
    """One call on its way through the stages."""

    __slots__ = (
        "_id", "_key", "_path", "_safety", "approval", "attempt", "began", "claim", "context",
        "decision", "inputs", "is_active", "is_adopted", "is_attempted", "is_concluded", "is_made",
        "not_started", "outputs", "plan", "ticket", "waits", "was_in_flight",
    )  # fmt: skip

    def __init__(self, context: EvaluationContext, plan: Plan) -> None:
        self.context = context
        self.plan = plan
        self.inputs: Any = None  # from the stage expand on
        self.outputs: Any = None  # from the stage attempt on
        self.attempt = 1  # counts from 1
        self.began = time_ns()  # since the epoch
        self.claim: Won | None = None  # its commit record, if it has one
        self.was_in_flight = False  # an earlier process claimed it, and recorded no outcome
        self.is_adopted = False  # its outputs are those that its `check` found
        self.not_started: NotStarted | None = None  # why the target could not be started just now
        self.is_attempted = False  # the stage attempt has begun
        self.is_made = False  # an attempt with a commit record has begun: it may take effect
        self.is_concluded = False  # the journal was told its outcome
        self.is_active = False  # its run counts it as under way
        self.approval: Approval | None = None  # the one that it goes on with
        self.decision: Decision | None = None  # what the policies say
        self.waits = 0  # of it and its controller, at the same time
        self.ticket: NewTicket | None = None  # its place in the concurrency group of the target
        self._safety: Safety | None = None  # where it is that of this call
        self._path: str | None = None
        self._id: str | None = None
        self._key: str | None = None

    @property
    def safety(self) -> Safety | None:
        """Its safety class; None where none is declared.

        Where that depends on the inputs, it is the strictest until these are there. Raises
        :class:`ExpressionError`, where what the definition computes is no class.
        """
        contract = self.plan.instance.contract
        if contract.safety_of is None:
            return contract.safety
        if self.inputs is None:
            return "irreversible"
        if self._safety is None:
            self._safety = contract.safety_of(self.inputs)
        return self._safety

    @property
    def history(self) -> History | None:
        """The history of its run; None where nothing of the invocation is to be recorded."""
        context = self.context
        if context.atomic is None:
            return context.run.history
        return None if context.atomic.holds(self.plan.instance) else context.run.history

    @property
    def path(self) -> str:
        """Where in its run the call was made: ``steps.Each[3].Charge``."""
        if self._path is None:
            self._path = joined(self.context.path, self.plan.label)
        return self._path

    @property
    def inner_path(self) -> str:
        """Where its controller calls from: another path for each attempt."""
        return of_attempt(self.path, self.attempt)

    @property
    def id(self) -> str:
        """The execution id: the same over attempts, and in a replay of the same run."""
        if self._id is None:
            self._id = self.context.run.execution(self.path)
        return self._id

    @property
    def idempotency_key(self) -> str:
        """The key of the call site, or one that is derived from the run and the path.

        It is the same in each attempt of the invocation, and of the calls around it.
        """
        if self._key is not None:
            return self._key
        return self.context.run.execution(without_attempts(self.path))

    @idempotency_key.setter
    def idempotency_key(self, key: str) -> None:
        self._key = key

    @property
    def has_own_effect(self) -> bool:
        """Whether it may have an effect apart from those of the calls within it.

        A topology has none, unless it has a check, which is about it as a whole.
        """
        instance = self.plan.instance
        return not instance.is_topology or instance.definition.check is not None

    @property
    def repeats(self) -> bool:
        """Whether another attempt may make the calls of its controller again.

        Of a call with a commit record a person may say that it has not landed.
        """
        retries = self.plan.site.retry is not None
        return retries or self.claim is not None or self.context.repeats

    def atomic_within(self, *, is_atomic: bool = False) -> Atomic | None:
        """The atomic calls around the calls of its controller; ``is_atomic``: it is one itself."""
        return within(self.context.atomic, self.plan.instance, is_atomic=is_atomic)

    def begin_attempt(self) -> Callable[[], None]:
        """Note that an attempt is at work; give the function that notes its end.

        It may be at work for longer than the invocation waits for it.
        """
        live, attempt = self.context.run.live_attempts, (self.path, self.attempt)
        live.add(attempt)
        return lambda: live.discard(attempt)

    @property
    def has_live_attempt(self) -> bool:
        """Whether an attempt of the invocation, or of a call within it, is still at work."""
        if not self.context.run.live_attempts:
            return False
        path = self.path
        return any(
            live == path or (is_within(live, path) and not is_in_check_of(live, path))
            for live, _ in tuple(self.context.run.live_attempts)
        )

    def go_on_with(self, row: Row) -> None:
        """Go on with a call that an earlier process claimed, at the path of that call."""
        if self.history is not None and self.context.run.execution(row.path) != row.execution:
            what = f"the commit record of {row.path} in run {row.run}"
            raise self.history.stop(Damaged(what, "its execution is not the one of its path"))
        self._path, self._id = row.path, row.execution
        self.began = (row.about or {}).get("began", row.claimed_at)
        self.claim = Won(row.execution, row.epoch, row.attempts)
        self.was_in_flight = True
        if self.history is not None:
            self.history.going_on.add(row.execution)
            self.history.taken_up.add(row.execution)

    def activate(self) -> None:
        """Count the invocation as under way: its run is not suspended meanwhile."""
        history = self.history
        if history is not None:
            self.is_active = True
            history.activity.begin()

    def release(self) -> None:
        """Count the invocation as under way no more."""
        history = self.history
        if history is None:
            return
        history.going_on.discard(self.id)
        if self.claim is not None:
            history.ended(self.id)
        if self.is_active:
            self.is_active = False
            history.activity.end()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While the invocation waits for its own calls, for people or for another run."""
        history = self.history
        # A topology is not active: what it calls is.
        if history is None or not (self.is_active or self.waits):
            yield
            return
        if not self.waits:
            history.activity.wait()
        self.waits += 1
        try:
            yield
        finally:
            self.waits -= 1
            if not self.waits:
                history.activity.begin()

    def timed(self) -> AbstractContextManager[None]:
        """While an attempt will end, or the next one begin, by the clock alone."""
        history = self.history
        return nullcontext() if history is None else history.activity.timed()

    def to_cel(self) -> dict[str, Any]:
        """The CEL variable ``invocation`` (language.md, CEL)."""
        run = self.context.run
        return {
            "id": self.id,
            "run": run.id,
            "attempt": self.attempt,
            "source": run.source,
            "principal": run.principal,
            "correlationId": run.correlation_id,
            "idempotencyKey": self.idempotency_key,
            "time": Timestamp(nanoseconds=self.began),
        }

    def identify(self) -> dict[str, Any]:
        """The attributes of an event that say which invocation it is about."""
        run = self.context.run
        return {
            "id": str(uuid.uuid4()),
            "source": f"/runs/{run.id}",
            "subject": self.path,
            "run": run.id,
            "invocation": self.id,
            "correlationid": run.correlation_id,
        }

    def tell(self, what: str, data: Any) -> None:
        """Tell subscribers an event about the invocation: ``<Kind>.<Name>.<what>``."""
        bus, kind = self.plan.runtime.bus, f"{self.plan.instance.event}.{what}"
        told = bus.subscribers(kind)
        if told:
            redact = self.plan.runtime.redactor_for(None)
            bus.tell(told, Event(kind, data, time_ns(), self.identify, redact))

    def tell_error(self, what: str, error: InvocationError, **more: Any) -> None:
        """Tell subscribers that an attempt did not succeed, the last one or another."""
        self.tell(what, {"error": error.to_cel(), "attempt": self.attempt, **more})

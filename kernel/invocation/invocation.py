"""One pass through the pipeline, and what it carries from stage to stage."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import time_ns
from typing import TYPE_CHECKING, Any

from kernel.errors import InvocationError
from kernel.run_paths import is_in_check_of, is_within, joined, of_attempt, without_attempts

if TYPE_CHECKING:
    from kernel.invocation.context import EvaluationContext
    from kernel.invocation.history import History
    from kernel.invocation.plan import Plan
    from kernel.journal.rows import Approval, Won
    from kernel.policy import Decision


class Invocation:
    """What the stages work on: ``inputs`` come from *expand*, ``outputs`` from *attempt*.

    ``began`` is in nanoseconds since the epoch; ``attempt`` counts from 1 once an attempt began.
    ``claim`` is its commit record, if it has one; ``was_in_flight``: a process claimed it
    and ended before the outcome was recorded. ``approval`` is the one that it goes on with,
    ``decision`` what the policies say. ``is_adopted``: its outputs are those that its ``check``
    found. ``is_concluded``: the journal was told its outcome.
    """

    __slots__ = (
        "_id",
        "_key", "approval", "attempt", "began", "claim", "context", "decision", "inner_calls",
        "inputs", "is_active", "is_adopted", "is_attempted", "is_concluded", "outputs",
        "plan", "was_in_flight",
    )  # fmt: skip

    def __init__(self, context: EvaluationContext, plan: Plan) -> None:
        self.context = context
        self.plan = plan
        self.inputs: Any = None
        self.outputs: Any = None
        self.attempt = 1
        self.began = time_ns()
        self.claim: Won | None = None
        self.was_in_flight = False
        self.is_adopted = False
        self.is_attempted = False
        self.is_concluded = False
        self.is_active = False
        self.approval: Approval | None = None
        self.decision: Decision | None = None
        self.inner_calls = 0
        self._id: str | None = None
        self._key: str | None = None

    @property
    def history(self) -> History | None:
        """What is recorded of its run; None where nothing of it is, or of this invocation."""
        context = self.context
        if context.atomic is None:
            return context.run.history
        return None if context.atomic.holds(self.plan.instance) else context.run.history

    @property
    def path(self) -> str:
        """Where in its run the call was made: ``steps.Each[3].Charge``."""
        return joined(self.context.path, self.plan.label)

    @property
    def inner_path(self) -> str:
        """The path of what is called within: another one for each attempt."""
        return of_attempt(self.path, self.attempt)

    @property
    def id(self) -> str:
        """The execution id: the same over attempts, and in a replay of the same run."""
        if self._id is None:
            self._id = self.context.run.execution(self.path)
        return self._id

    @property
    def idempotency_key(self) -> str:
        """What the call site says, or a key derived from run, path and iteration.

        It is the same in each attempt, also of what the call is made within.
        """
        if self._key is not None:
            return self._key
        return self.context.run.execution(without_attempts(self.path))

    @idempotency_key.setter
    def idempotency_key(self, key: str) -> None:
        self._key = key

    @property
    def repeats(self) -> bool:
        """Whether what is called within may be called again by another attempt."""
        return self.context.repeats or self.plan.site.retry is not None

    def begin_attempt(self) -> Callable[[], None]:
        """Note that an attempt is at work, perhaps longer than it is waited for, until the end."""
        working, one = self.context.run.live_attempts, (self.path, self.attempt)
        working.add(one)
        return lambda: working.discard(one)

    @property
    def has_live_attempt(self) -> bool:
        """Whether an attempt of it, or of what it called, is still at work."""
        if not self.context.run.live_attempts:
            return False
        path = self.path
        return any(
            one == path or (is_within(one, path) and not is_in_check_of(one, path))
            for one, _ in tuple(self.context.run.live_attempts)
        )

    def release(self) -> None:
        """Its run has nothing more to do with it."""
        history = self.history
        if self.is_active and history is not None:
            self.is_active = False
            history.active -= 1
            history.suspend_if_idle()

    @contextmanager
    def waiting_for_calls(self) -> Iterator[None]:
        """While the controller waits for calls of its own, it is not what the run works on."""
        history = self.history
        if history is None:
            yield
            return
        history.active -= self.inner_calls == 0
        self.inner_calls += 1
        try:
            yield
        finally:
            self.inner_calls -= 1
            history.active += self.inner_calls == 0

    def to_cel(self) -> dict[str, Any]:
        """The CEL variable ``invocation`` (language.md, CEL)."""
        from kernel.cel import Timestamp

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
        """The attributes of an event's envelope that say whose event it is."""
        run = self.context.run
        return {
            "id": str(uuid.uuid4()),
            "source": f"/runs/{run.id}",
            "subject": self.path,
            "run": run.id,
            "invocation": self.id,
            "correlationid": run.correlation_id,
        }

    def describe(self, error: InvocationError) -> dict[str, Any]:
        """The payload of an event about a failure."""
        return {"error": error.to_cel(), "attempt": self.attempt}

"""One pass through the pipeline, and what it carries from stage to stage."""

from __future__ import annotations

import uuid
from time import time_ns
from typing import TYPE_CHECKING, Any

from kernel.errors import InvocationError

if TYPE_CHECKING:
    from kernel.invocation.context import EvaluationContext
    from kernel.invocation.plan import Plan


class Invocation:
    """What the stages work on: ``inputs`` come from *expand*, ``outputs`` from *attempt*.

    ``began`` is in nanoseconds since the epoch; ``attempt`` counts from 1 once an attempt began.
    """

    __slots__ = ("_key", "attempt", "began", "context", "inputs", "outputs", "plan")

    def __init__(self, context: EvaluationContext, plan: Plan) -> None:
        self.context = context
        self.plan = plan
        self.inputs: Any = None
        self.outputs: Any = None
        self.attempt = 1
        self.began = time_ns()
        self._key: str | None = None

    @property
    def path(self) -> str:
        """Where in its run the call was made: ``steps.Each[3].Charge``."""
        outer, label = self.context.path, self.plan.label
        return f"{outer}.{label}" if outer and label else outer or label

    @property
    def id(self) -> str:
        """The execution id: the same over attempts, and in a replay of the same run."""
        return str(uuid.uuid5(self.context.run.namespace, self.path))

    @property
    def idempotency_key(self) -> str:
        """What the call site says, or the execution id: derived from run, path and iteration."""
        return self.id if self._key is None else self._key

    @idempotency_key.setter
    def idempotency_key(self, key: str) -> None:
        self._key = key

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

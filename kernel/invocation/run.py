"""A run: an application of a topology, from trigger to outcome; it owns invocations."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from kernel.invocation.around import Around

if TYPE_CHECKING:
    from kernel.errors import InvocationError, Parked
    from kernel.invocation.history import History
    from kernel.invocation.invoker import Invoker
    from kernel.invocation.runtime import Runtime


RunBody = Callable[[], Awaitable[Any]]
"""What a run does: gives the result of the run, or raises how it ended."""


class Watch(Protocol):
    """Gets told how far a run is. Paths are as in the journal: ``steps.Each[3].Charge``."""

    def began(self, path: str) -> None:
        """A step begins."""

    def ended(self, path: str, how: str) -> None:
        """A step ended: ``succeeded``, ``failed`` or ``skipped``."""

    def progress(self, path: str, done: int, total: int | None) -> None:
        """``done`` iterations of a loop have ended; ``total`` is None where it is not known."""


class Caller(Protocol):
    """Who calls out of a Service, and what it can be told while the call goes on."""

    idempotency_key: str | None
    """The key that the caller gave the call; None for none."""
    name: str
    """What it calls, in its own words: ``POST /orders``. Its keys are unique within that."""

    def parked(self, error: Parked) -> None:
        """Called repeatedly while the call waits for the decision of a person."""

    def replayed(self) -> None:
        """Called when the answer is that of an earlier call with the same key."""


class Run:
    """One run. ``source`` is where it came from (``api``, ``lifecycle``, …)."""

    __slots__ = (
        "around", "caller", "correlation_id", "history", "id", "invoker", "live_attempts",
        "namespace", "principal", "runtime", "source", "watch",
    )  # fmt: skip

    def __init__(
        self,
        runtime: Runtime,
        *,
        source: str = "api",
        principal: str | None = None,
        correlation_id: str | None = None,
        watch: Watch | None = None,
        id: str | None = None,
    ) -> None:
        self.namespace = uuid.uuid4() if id is None else namespace_of(id)
        self.id = str(self.namespace) if id is None else id  # a UUID, or what the caller gave
        self.history: History | None = None  # what the journal holds of it
        self.runtime = runtime
        self.invoker: Invoker = runtime.invoker
        # Paths and attempts of controllers that have not ended, in threads or after a timeout.
        self.live_attempts: set[tuple[str, int]] = set()
        self.source = source
        self.principal = principal
        self.correlation_id = correlation_id or str(uuid.uuid4())
        self.watch = watch
        self.caller: Caller | None = None  # of a call out of a Service
        self.around = Around()

    def execution(self, path: str) -> str:
        """The execution id of a path: its UUID of version 5 (RFC 9562, 5.5), as text."""
        name = self.namespace.bytes + path.encode()
        found = hashlib.sha1(name, usedforsecurity=False).hexdigest()
        variant = "89ab"[int(found[16], 16) & 3]
        return f"{found[:8]}-{found[8:12]}-5{found[13:16]}-{variant}{found[17:20]}-{found[20:32]}"

    def hide_secrets(self, error: InvocationError) -> None:
        """Take the secrets out of an error, before it is told, recorded or returned."""
        redactor = self.runtime.redactor
        error.reword(redactor.said(error.message))
        if redactor:
            error.code = redactor.value(error.code)
            error.data = redactor.diagnostic(error.data)

    def log(self, level: str, message: str, fields: Mapping[str, Any], path: str) -> None:
        """Say something to people; secrets in it are redacted."""
        self.runtime.log.say(level, message, fields, run=self.id, path=path)


def namespace_of(run: str) -> uuid.UUID:
    """The namespace of the execution ids of a run: its id, where that is a UUID."""
    try:
        found = uuid.UUID(run)
    except ValueError:
        found = None
    # Written otherwise it is the id of another run.
    if found is not None and str(found) == run:
        return found
    return uuid.uuid5(uuid.NAMESPACE_URL, f"kernel:run:{run}")

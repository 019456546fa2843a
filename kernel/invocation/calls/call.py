"""``call``: what a controller is told about the call that it serves (language.md)."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from kernel.errors import NotFound
from kernel.events.allowance import Allowance
from kernel.events.log import MAX_MESSAGE_LENGTH
from kernel.invocation.context import EvaluationContext
from kernel.invocation.invocation import Invocation
from kernel.run_paths import joined, numbered
from kernel.topology.callsite import CallSite, Target, constant
from kernel.topology.fields import Deferred

_EXTRA_LENGTH = 20  # characters that stand around a message, or a field that is text


class Cancellation:
    """Tells a controller whether its call was cancelled; one that runs long looks, or waits."""

    __slots__ = ("_before", "_event", "_loop", "_task", "_waiter")

    def __init__(self) -> None:
        self._event = threading.Event()
        self._task = asyncio.current_task()
        # Steps of `finally` run in a task that was cancelled before they began.
        self._before = 0 if self._task is None else self._task.cancelling()
        self._waiter: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def cancelled(self) -> bool:
        """True once the call was cancelled or ran out of time."""
        if self._task is not None and self._task.cancelling() > self._before:
            return True
        return self._event.is_set()

    async def wait(self) -> None:
        """Wait until the call is cancelled."""
        if self._waiter is None:
            self._waiter = asyncio.Event()
            self._loop = asyncio.get_running_loop()
        if not self._event.is_set():
            await self._waiter.wait()

    def wait_in_thread(self, timeout: float | None = None) -> bool:
        """Wait in a synchronous controller, at most ``timeout`` seconds; True if cancelled."""
        return self._event.wait(timeout)

    def cancel(self) -> None:
        """Set it, and wake what waits for it."""
        self._event.set()
        if self._waiter is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._waiter.set)


class Bound(ABC):
    """What a controller gets for a field that calls something (``BoundCallSite``)."""

    __slots__ = ()

    @abstractmethod
    async def invoke(self, values: Mapping[str, Any] | None = None) -> Any:
        """Call it."""


class Call:
    """One attempt, as its controller sees it; ``attempt`` counts from 1."""

    __slots__ = ("_allowance", "_calls", "_loop", "attempt", "cancellation", "invocation")

    def __init__(self, invocation: Invocation, cancellation: Cancellation) -> None:
        self.invocation = invocation
        self._calls: dict[object, int] = {}
        self._allowance: Allowance | None = None
        self._loop = asyncio.get_running_loop()
        self.attempt = invocation.attempt
        self.cancellation = cancellation

    @property
    def id(self) -> str:
        """The id of the invocation, the same over attempts."""
        return self.invocation.id

    @property
    def idempotency_key(self) -> str:
        """To be sent along with the effect: the same over attempts, and of no other invocation."""
        return self.invocation.idempotency_key

    @property
    def run(self) -> str:
        """The id of the run that this call belongs to."""
        return self.invocation.context.run.id

    @property
    def self(self) -> Mapping[str, Any]:
        """The resource's fields; those that are evaluated for each call are evaluated now."""
        instance = self.invocation.plan.instance
        if not instance.has_deferred:
            return instance.fields
        inputs = {"inputs": self.invocation.inputs}
        return {
            name: field.evaluate(inputs)
            if isinstance(field, Deferred) and not field.needs
            else field
            for name, field in instance.fields.items()
        }

    def invoke(self, target: Any, inputs: Mapping[str, Any] | None = None) -> Any:
        """Call another resource through the pipeline: ``"Kind/Name"`` or ``{kind, name}``.

        Or what the controller got for a field: for a reference ``inputs`` are its inputs, for a
        call site, which has its own, they are CEL variables.
        In an asynchronous controller the answer is awaited; in a synchronous one, which runs in a
        thread, it comes at once. Raises :class:`kernel.InvocationError`.
        """
        if isinstance(target, Bound):
            answer = target.invoke(inputs)
        else:
            path = numbered(joined(self.invocation.inner_path, "call"), self.count(None))
            answer = self._called(target, inputs or {}, path)
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run_coroutine_threadsafe(answer, self._loop).result()
        if here is not self._loop:
            answer.close()
            raise RuntimeError("call.invoke was used from another event loop")
        return answer

    async def _called(self, target: Any, inputs: Mapping[str, Any], path: str) -> Any:
        """Call a target by its name, as a part of the invocation."""
        outer = self.invocation
        scope = outer.plan.instance.scope
        site = CallSite(target=_target(target), path=(), inputs=constant(dict(inputs)))
        context = EvaluationContext(
            outer.context.run, scope, scope.bindings, path, outer.context.depth + 1,
            atomic=outer.atomic_within(), repeats=outer.repeats,
        )  # fmt: skip
        with outer.waiting():
            return await context.invoke_once(site)

    def count(self, site: object) -> int:
        """How often ``site`` was called in this attempt before: no two calls have the same path."""
        number = self._calls.get(site, 0)
        self._calls[site] = number + 1
        return number

    def log(self, message: str, level: str = "info", **fields: Any) -> None:
        """Say something about this call; secrets in it are redacted.

        What is more than a million characters at once, or 100,000 a second, is dropped.
        """
        run, path = self.invocation.context.run, self.invocation.path
        if self._allowance is None:
            self._allowance = Allowance()
        was_used_up = self._allowance.is_used_up
        texts = [text for text in (message, *fields.values()) if isinstance(text, str)]
        length = sum(min(len(text), MAX_MESSAGE_LENGTH) + _EXTRA_LENGTH for text in texts)
        if self._allowance.grant(length) == length:
            run.log(level, message, fields, path)
        elif not was_used_up:
            run.log("warning", "too much is logged; the rest is dropped", {}, path)


def _target(target: Any) -> Target:
    if isinstance(target, str):
        kind, slash, name = target.partition("/")
        if slash and kind and name:
            return Target(kind, name)
    elif isinstance(target, Mapping):
        match target.get("kind"), target.get("name"):
            case str(kind), str(name):
                return Target(kind, name)
    raise NotFound("a call names its target as `Kind/Name` or { kind, name }")


current_call: ContextVar[Call | None] = ContextVar("current_call", default=None)
"""The call that a controller which holds call sites is serving."""

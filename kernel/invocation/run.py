"""A run: an application of a topology, from trigger to outcome; it owns invocations."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from kernel.invocation.atomic import around
from kernel.invocation.context import EvaluationContext
from kernel.invocation.pipeline import plan_call
from kernel.invocation.plan import Plan
from kernel.topology.callsite import CallSite, Target, constant, label_of

if TYPE_CHECKING:
    from kernel.errors import InvocationError
    from kernel.invocation.history import History
    from kernel.invocation.invocation import Invocation
    from kernel.invocation.runtime import Runtime
    from kernel.registry.scope import ModuleScope


RunBody = Callable[[], Awaitable[Any]]
"""What a run does: gives the result of the run, or raises how it ended."""


class Watch(Protocol):
    """Is told how far a run is. Paths are as in the journal: ``steps.Each[3].Charge``."""

    def began(self, path: str) -> None:
        """A step begins."""

    def ended(self, path: str, how: str) -> None:
        """A step ended: ``succeeded``, ``failed`` or ``skipped``."""

    def progress(self, path: str, done: int, total: int | None) -> None:
        """So many rounds of a loop have ended."""


class Run:
    """One run. ``source`` is what it came from (``api``, ``lifecycle``, …).

    ``id`` is a UUID, or what the caller gave; ``history`` is what the journal holds of it.
    ``live_attempts`` are the paths and attempts of controllers that have not ended, in
    threads or left behind after a timeout.
    """

    __slots__ = (
        "correlation_id",
        "history",
        "id",
        "live_attempts",
        "namespace",
        "plans",
        "principal",
        "runtime",
        "source",
        "watch",
    )

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
        self.id = str(self.namespace) if id is None else id
        self.history: History | None = None
        self.runtime = runtime
        self.plans = runtime.plans
        self.live_attempts: set[tuple[str, int]] = set()
        self.source = source
        self.principal = principal
        self.correlation_id = correlation_id or str(uuid.uuid4())
        self.watch = watch

    def plan(self, site: CallSite, scope: ModuleScope, label: str | None = None) -> Plan:
        """The plan of a call site, made once for all runs.

        ``label`` names it in the path of a run where its place in the manifest does not.
        """
        runtime = self.runtime
        instance = runtime.instance_of(site.target, scope)
        named = label_of(site.name, site.path) if label is None else label
        plan = plan_call(
            site, instance, named, runtime.bus, runtime.threads,
            is_recorded=runtime.journal is not None, policies=runtime.policies(instance),
        )  # fmt: skip
        self.plans[site] = plan
        return plan

    async def call(
        self, invocation: Invocation, target: Any, inputs: Mapping[str, Any], path: str
    ) -> Any:
        """A call that a controller makes by itself, as a part of its own invocation."""
        outer = invocation.context
        scope = invocation.plan.instance.scope
        site = CallSite(target=_target(target), path=(), inputs=constant(dict(inputs)))
        context = EvaluationContext(
            self, scope, scope.bindings, path, outer.depth + 1,
            atomic=around(invocation), repeats=invocation.repeats,
        )  # fmt: skip
        try:
            with invocation.waiting_for_calls():
                return await context.invoke(site)
        finally:
            self.plans.pop(site, None)

    def execution(self, path: str) -> str:
        """The execution id of a path: its UUID of version 5 (RFC 9562, 5.5), as text."""
        name = self.namespace.bytes + path.encode()
        found = hashlib.sha1(name, usedforsecurity=False).hexdigest()
        variant = "89ab"[int(found[16], 16) & 3]
        return f"{found[:8]}-{found[8:12]}-5{found[13:16]}-{variant}{found[17:20]}-{found[20:32]}"

    def hide_secrets(self, error: InvocationError) -> None:
        """Take the secrets out of what an error says, before anybody outside hears it."""
        redactor = self.runtime.redactor
        if redactor:
            error.message = redactor.text(error.message)
            error.args = (error.message,)
            error.code = redactor.value(error.code)
            error.data = redactor.value(error.data)

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


def _target(target: Any) -> Target:
    from kernel.errors import NotFound

    if isinstance(target, str):
        kind, slash, name = target.partition("/")
        if slash and kind and name:
            return Target(kind, name)
    elif isinstance(target, Mapping):
        match target.get("kind"), target.get("name"):
            case str(kind), str(name):
                return Target(kind, name)
    raise NotFound("a call names its target as `Kind/Name` or { kind, name }")

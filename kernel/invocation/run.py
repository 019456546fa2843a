"""A run: an application of a topology, from trigger to outcome; it owns invocations."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from kernel.events import Bus, Redactor
from kernel.events.log import Log
from kernel.invocation.context import EvaluationContext
from kernel.invocation.pipeline import plan_call
from kernel.invocation.plan import Plan
from kernel.invocation.threads import Threads, shared
from kernel.topology.callsite import CallSite, Target, constant, label_of

if TYPE_CHECKING:
    from kernel.errors import InvocationError
    from kernel.invocation.invocation import Invocation
    from kernel.registry.instances import Instance
    from kernel.registry.scope import ModuleScope


class Watch(Protocol):
    """Is told how far a run is. Paths are as in the journal: ``steps.Each[3].Charge``."""

    def began(self, path: str) -> None:
        """A step begins."""

    def ended(self, path: str, how: str) -> None:
        """A step ended: ``succeeded``, ``failed`` or ``skipped``."""

    def progress(self, path: str, done: int, total: int | None) -> None:
        """So many rounds of a loop have ended."""


@dataclass(slots=True, eq=False)
class World:
    """What all runs of one kernel share.

    ``instance_of`` finds the target of a call site; it raises :class:`kernel.errors.NotFound`.
    """

    instance_of: Callable[[Target, ModuleScope], Instance]
    bus: Bus
    redactor: Redactor
    log: Log
    threads: Threads = field(default_factory=lambda: shared)
    plans: dict[CallSite, Plan] = field(default_factory=dict)
    redactors: dict[Any, Callable[[Any], Any]] = field(default_factory=dict)

    def redactor_for(self, by_schema: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
        """What hides the secrets of a payload, or None when there is nothing to hide."""
        redactor = self.redactor
        if not redactor:
            return by_schema
        if by_schema is None:
            return redactor.value
        known = self.redactors.get(by_schema)
        if known is None:

            def both(value: Any) -> Any:
                return redactor.value(by_schema(value))

            self.redactors[by_schema] = known = both
        return known


class Run:
    """One run. ``id`` is a UUID; ``source`` is what it came from (``api``, ``lifecycle``, …)."""

    __slots__ = (
        "correlation_id",
        "id",
        "namespace",
        "plans",
        "principal",
        "source",
        "watch",
        "world",
    )

    def __init__(
        self,
        world: World,
        *,
        source: str = "api",
        principal: str | None = None,
        correlation_id: str | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.namespace = uuid.uuid4()
        self.id = str(self.namespace)
        self.world = world
        self.plans = world.plans
        self.source = source
        self.principal = principal
        self.correlation_id = correlation_id or str(uuid.uuid4())
        self.watch = watch

    def plan(self, site: CallSite, scope: ModuleScope, label: str | None = None) -> Plan:
        """The plan of a call site, made once for all runs.

        ``label`` names it in the path of a run where its place in the manifest does not.
        """
        world = self.world
        instance = world.instance_of(site.target, scope)
        named = label_of(site.name, site.path) if label is None else label
        plan = plan_call(site, instance, named, world.bus, world.threads)
        self.plans[site] = plan
        return plan

    async def call(
        self, invocation: Invocation, target: Any, inputs: Mapping[str, Any], path: str
    ) -> Any:
        """A call that a controller makes by itself, as a part of its own invocation."""
        outer = invocation.context
        scope = invocation.plan.instance.scope
        site = CallSite(target=_target(target), path=(), inputs=constant(dict(inputs)))
        context = EvaluationContext(self, scope, scope.bindings, path, outer.depth + 1)
        try:
            return await context.invoke(site)
        finally:
            self.plans.pop(site, None)

    def hide_secrets(self, error: InvocationError) -> None:
        """Take the secrets out of what an error says, before anybody outside hears it."""
        redactor = self.world.redactor
        if redactor:
            error.message = redactor.text(error.message)
            error.args = (error.message,)
            error.code = redactor.value(error.code)
            error.data = redactor.value(error.data)

    def log(self, level: str, message: str, fields: Mapping[str, Any], path: str) -> None:
        """Say something to people; secrets in it are redacted."""
        self.world.log.say(level, message, fields, run=self.id, path=path)


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

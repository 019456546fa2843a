"""A run: an application of a topology, from trigger to outcome; it owns invocations."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from kernel.events import Bus, Redactor
from kernel.events.log import Log
from kernel.invocation.atomic import around
from kernel.invocation.context import EvaluationContext
from kernel.invocation.pipeline import plan_call
from kernel.invocation.plan import Plan
from kernel.invocation.threads import Threads, shared
from kernel.topology.callsite import CallSite, Target, constant, label_of

if TYPE_CHECKING:
    from kernel.errors import InvocationError
    from kernel.events.references import References
    from kernel.invocation.history import History
    from kernel.invocation.invocation import Invocation
    from kernel.journal.interface import Journal
    from kernel.journal.rows import Approval
    from kernel.policy import Applied
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


class Answer(NamedTuple):
    """What a person says to an approval."""

    approved: bool
    who: str
    reason: str | None = None


class Ask(Protocol):
    """Puts an approval to a person; None where they do not decide now."""

    async def __call__(self, approval: Approval) -> Answer | None: ...


@dataclass(slots=True, eq=False)
class World:
    """What all runs of one kernel share.

    ``instance_of`` finds the target of a call site; it raises :class:`kernel.errors.NotFound`.
    ``names`` are those of the modules of the manifest, by their identity; ``root`` is that of the
    outermost.
    ``ask`` puts an approval to the person who is there, if somebody is; ``forgot`` is when expired
    idempotency keys were let go of, on the monotonic clock; ``recovering`` are the runs of dead
    processes that this one is about to go on with.
    """

    instance_of: Callable[[Target, ModuleScope], Instance]
    bus: Bus
    redactor: Redactor
    log: Log
    threads: Threads = field(default_factory=lambda: shared)
    checks: dict[Any, Any] = field(default_factory=dict)
    environment: str = ""
    policies: Callable[[Instance], tuple[Applied, ...]] = lambda _: ()
    names: Mapping[int, str] = field(default_factory=dict)
    root: int = 0
    journal: Journal | None = None
    references: References | None = None
    ask: Ask | None = None
    forgot: float | None = None
    recovering: set[str] = field(default_factory=set)
    plans: dict[CallSite, Plan] = field(default_factory=dict)
    redactors: dict[Any, Callable[[Any], Any]] = field(default_factory=dict)

    def module_of(self, instance: Instance) -> str:
        """The name of the module in which a resource stands, unique in the manifest."""
        module = instance.scope.module
        return self.names.get(id(module), module.name)

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
    """One run. ``source`` is what it came from (``api``, ``lifecycle``, …).

    ``id`` is a UUID, or what the caller gave; ``history`` is what the journal holds of it.
    ``at_work`` are the paths and attempts of controllers that have not ended, in threads or left
    behind after a timeout.
    """

    __slots__ = (
        "at_work",
        "correlation_id",
        "history",
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
        id: str | None = None,
    ) -> None:
        self.namespace = uuid.uuid4() if id is None else namespace_of(id)
        self.id = str(self.namespace) if id is None else id
        self.history: History | None = None
        self.world = world
        self.plans = world.plans
        self.at_work: set[tuple[str, int]] = set()
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
        plan = plan_call(
            site, instance, named, world.bus, world.threads,
            is_recorded=world.journal is not None, policies=world.policies(instance),
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
            with invocation.calling():
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
        redactor = self.world.redactor
        if redactor:
            error.message = redactor.text(error.message)
            error.args = (error.message,)
            error.code = redactor.value(error.code)
            error.data = redactor.value(error.data)

    def log(self, level: str, message: str, fields: Mapping[str, Any], path: str) -> None:
        """Say something to people; secrets in it are redacted."""
        self.world.log.say(level, message, fields, run=self.id, path=path)


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

"""``Runtime``: what all runs of one kernel share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from kernel.events import Bus, Redactor
from kernel.events.log import Log
from kernel.invocation.threads import Threads, shared
from kernel.topology.callsite import CallSite, Target

if TYPE_CHECKING:
    from kernel.events.references import References
    from kernel.invocation.plan import Plan
    from kernel.journal.interface import Journal
    from kernel.journal.rows import Approval
    from kernel.policy import Applied
    from kernel.registry.instances import Instance
    from kernel.registry.scope import ModuleScope


class Answer(NamedTuple):
    """What a person says to an approval."""

    approved: bool
    who: str
    reason: str | None = None


class Ask(Protocol):
    """Puts an approval to a person; None where they do not decide now."""

    async def __call__(self, approval: Approval) -> Answer | None: ...


@dataclass(slots=True, eq=False)
class Runtime:
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

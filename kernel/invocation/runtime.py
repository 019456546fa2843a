"""``Runtime``: what all runs of one kernel share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from kernel.events import Bus, Redactor
from kernel.events.log import Log
from kernel.invocation.queue import Tickets, Waiting
from kernel.structs import field, struct
from kernel.threads import Threads, shared

if TYPE_CHECKING:
    from kernel.events.references import References
    from kernel.invocation.invoker import Invoker
    from kernel.journal.interface import Journal
    from kernel.journal.rows import Approval
    from kernel.policy import Applied
    from kernel.registry.instances import Instance
    from kernel.registry.scope import ModuleScope
    from kernel.topology.callsite import Target


class Answer(NamedTuple):
    """What a person says to an approval."""

    approved: bool
    who: str
    reason: str | None = None


class Ask(Protocol):
    """Puts an approval to a person; gives None where they do not decide now."""

    async def __call__(self, approval: Approval) -> Answer | None: ...


class CancelRun(Protocol):
    """Cancels a run of a journal, whoever works on it; waits until it has ended."""

    async def __call__(self, journal: Journal, run: str, who: str, reason: str) -> object: ...


@struct(frozen=False, eq=False)
class Runtime:
    """What all runs of one kernel share."""

    instance_of: Callable[[Target, ModuleScope], Instance]
    """The target of a call site; raises :class:`kernel.errors.NotFound`."""
    bus: Bus
    redactor: Redactor
    log: Log
    invoker: Invoker = field(init=False)
    """Makes the calls of the runs; a run that is rehearsed has its own."""
    threads: Threads = field(default_factory=lambda: shared)
    checks: dict[Any, Any] = field(default_factory=dict)
    """The ``check`` of each definition, once it was read."""
    environment: str = ""
    policies: Callable[[Instance], tuple[Applied, ...]] = lambda _: ()
    """Those that name an instance."""
    names: Mapping[int, str] = field(default_factory=dict)
    """Of the modules of the manifest, by their identity."""
    root: int = 0
    """The identity of the outermost module."""
    journal: Journal | None = None
    references: References | None = None
    ask: Ask | None = None
    """Puts an approval to the person who is there, if somebody is."""
    forgot: float | None = None
    """When expired idempotency keys were deleted last, on the monotonic clock."""
    waiting: Waiting = field(default_factory=Waiting)
    """The calls of this kernel that wait for a slot of a concurrency group."""
    tickets: Tickets = field(default_factory=Tickets)
    """The concurrency groups where there is no journal."""
    cancel_run: CancelRun | None = None
    """Cancels the oldest runs of a concurrency group that says ``full: cancel-running``."""
    recovering: set[str] = field(default_factory=set)
    """The runs of dead processes that this one is about to go on with."""
    redactors: dict[Any, Callable[[Any], Any]] = field(default_factory=dict)
    """The redactors of payloads, by the redactor of the schema of a payload."""

    def module_of(self, instance: Instance) -> str:
        """The name of the module in which a resource stands, unique in the manifest."""
        module = instance.scope.module
        return self.names.get(id(module), module.name)

    def redactor_for(self, by_schema: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
        """What hides the secrets of a payload, or None when there is nothing to hide."""
        redactor = self.redactor
        if redactor.is_empty:
            return by_schema
        if by_schema is None:
            return redactor.value
        known = self.redactors.get(by_schema)
        if known is None:

            def both(value: Any) -> Any:
                return redactor.value(by_schema(value))

            self.redactors[by_schema] = known = both
        return known

"""Live resources: a controller with its configuration, and the life it has."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from kernel.errors import KernelError
from kernel.manifest import Definition, Resource
from kernel.registry.contract import Contract
from kernel.registry.scope import ModuleScope
from kernel.structs import field, struct
from kernel.topology.topology import Topology


class State(enum.Enum):
    """``created`` → ``running`` → ``stopped``; ``failed`` while it could not be started."""

    CREATED = "created"
    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"


@struct(frozen=False, eq=False)
class Instance:
    """A live resource."""

    resource: Resource
    definition: Definition
    scope: ModuleScope
    """The scope of the resource's module."""
    home: ModuleScope
    """The scope of the definition's module."""
    contract: Contract
    bring_up: Callable[[Instance], Awaitable[None]]
    """Makes a created instance run."""
    refers: Callable[[Instance], frozenset[Instance]]
    """The Providers and Services that references in the fields name, running or not."""
    is_topology: bool
    """Whether an engine runs ``topology``; else the instance has a ``controller``."""
    state: State = State.CREATED
    failure: tuple[int, KernelError] | None = None
    """Why it could not be started, and the number of that failure among all of the kernel."""
    controller: Any = field(default=None, repr=False)
    topology: Topology | None = None
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The resource's fields as the controller got them."""
    published: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What a Provider or a Service gives to CEL: ``resources.<Name>``."""
    holds_call_sites: bool = False
    """Whether the controller got call sites in its fields."""
    has_deferred: bool = False
    """Whether fields hold CEL that is evaluated in each invocation (``Deferred``)."""
    is_body: bool = False
    """Whether the topology is the body of the definition."""

    @property
    def name(self) -> str:
        """The resource's name; ``inline`` where the resource stands in the place of a reference."""
        return self.resource.name or "inline"

    @property
    def is_shared(self) -> bool:
        """Whether the instance is there for others to use, and not called."""
        return self.definition.capability in ("Provider", "Service")

    @property
    def address(self) -> str:
        """``Kind/Name``."""
        return f"{self.definition.kind}/{self.name}"

    @property
    def event(self) -> str:
        """``Kind.Name``, as in ``Sql.Query.Orders.Invoked``."""
        return f"{self.definition.kind}.{self.name}"

"""Live resources: a controller with its configuration, and the life it has."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kernel.registry.contract import Contract

if TYPE_CHECKING:
    from kernel.manifest import Definition, Resource
    from kernel.registry.scope import ModuleScope
    from kernel.topology.engines import Topology


class State(enum.Enum):
    """``created`` → ``running`` → ``stopped``; ``failed`` when it could not be started."""

    CREATED = "created"
    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(slots=True, eq=False)
class Instance:
    """A live resource. ``scope`` is that of its module, ``home`` that of its definition's.

    ``controller`` is None for a topology, which has ``topology`` instead; ``fields`` are the
    resource's fields as the controller got them. ``address`` is ``Kind/Name``; ``event`` is the
    beginning of its events' type, ``Kind.Name``. ``bring_up`` makes a created instance run;
    ``refers`` tells the Providers and Services that its fields refer to.
    """

    resource: Resource
    definition: Definition
    scope: ModuleScope
    home: ModuleScope
    contract: Contract
    bring_up: Callable[[Instance], Awaitable[None]]
    refers: Callable[[Instance], frozenset[Instance]]
    is_topology: bool
    state: State = State.CREATED
    controller: Any = field(default=None, repr=False)
    topology: Topology | None = None
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    published: Mapping[str, Any] = field(default_factory=dict, repr=False)
    holds_call_sites: bool = False
    has_deferred: bool = False
    is_body: bool = False

    @property
    def name(self) -> str:
        """Its name, or ``inline`` for a resource that stands in place."""
        return self.resource.name or "inline"

    @property
    def address(self) -> str:
        """``Kind/Name``."""
        return f"{self.definition.kind}/{self.name}"

    @property
    def event(self) -> str:
        """``Kind.Name``, as in ``Sql.Query.Orders.Invoked``."""
        return f"{self.definition.kind}.{self.name}"

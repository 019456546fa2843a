"""What is decided about a call site once, before its first invocation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernel.events import Bus
    from kernel.invocation.invocation import Invocation
    from kernel.invocation.threads import Threads
    from kernel.policy import Applied
    from kernel.registry.instances import Instance
    from kernel.topology.callsite import CallSite

Stage = Callable[["Invocation"], Awaitable[None] | None]
"""Does a stage's work: returns None when done, or an awaitable; raises to end the invocation."""


@dataclass(slots=True, eq=False)
class Plan:
    """A call site with its target and the stages that its invocations go through.

    ``label`` names the place in the path of a run. ``end`` tells of an invocation that a stage
    ended by raising. ``is_recorded``: there is a journal, and ``conclude_failure`` writes into it.
    ``policies`` are those that name the target.
    """

    site: CallSite
    instance: Instance
    label: str
    bus: Bus
    threads: Threads
    is_recorded: bool = False
    policies: tuple[Applied, ...] = ()
    stages: tuple[Stage, ...] = ()
    end: Callable[[Invocation, BaseException], None] = field(default=lambda _, __: None)
    conclude_failure: Callable[[Invocation, BaseException], Awaitable[None]] | None = None

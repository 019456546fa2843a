"""The engines by the name that a definition gives in ``topology:``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kernel.errors import Fault
from kernel.manifest import Document
from kernel.structs import struct
from kernel.topology.reader import Reader
from kernel.topology.roles import Role, Roles
from kernel.topology.router import read_router
from kernel.topology.sequence import read_sequence
from kernel.topology.topology import Topology
from kernel.topology.workflow import read_workflow


@struct
class Engine:
    """Runs topologies: ``holds`` is the role of the field with their call sites, ``reads`` the
    other roles that mean something to it."""

    read: Callable[[Reader, Roles], Topology]
    holds: Role
    reads: tuple[Role, ...]

    def roles(self) -> tuple[Role, ...]:
        """All roles that a field of its topologies may have."""
        return (self.holds, *self.reads, "inputs", "outputs", "concurrency")


ENGINES: Mapping[str, Engine] = {
    "Sequence": Engine(read_sequence, "steps", ("result",)),
    "Workflow": Engine(read_workflow, "nodes", ("result", "onFailure", "parallelism")),
    "Router": Engine(read_router, "entries", ("fallback", "result", "event")),
}


def topology_at(
    document: Document, name: str, roles: Roles
) -> tuple[Topology | None, tuple[Fault, ...]]:
    """The topology that the fields of a document write, and what is wrong with it; read once.

    For readers only: what runs reads the document again, and has call sites of its own. The
    topology is None where there is no engine of that name.
    """
    engine = ENGINES.get(name)
    if engine is None:
        return None, ()
    key = (topology_at, name, *sorted((role, path) for role, (path, _) in roles.items()))
    if key not in document.memo:
        reader = Reader(document)
        document.memo[key] = (engine.read(reader, roles), tuple(reader.faults))
    found: tuple[Topology, tuple[Fault, ...]] = document.memo[key]
    return found

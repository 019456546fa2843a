"""The engines by the name that a definition gives in ``topology:``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from kernel.errors import Fault
from kernel.manifest import Document
from kernel.topology.callsite import CallSite
from kernel.topology.context import Context
from kernel.topology.reader import Reader
from kernel.topology.roles import Roles
from kernel.topology.sequence import read_sequence


class Topology(Protocol):
    """A resource made of call sites, ready to be walked."""

    def sites(self) -> Iterator[CallSite]:
        """All call sites, in reading order."""

    async def run(self, context: Context) -> Any:
        """Walk it. ``context`` has the variables in scope, ``inputs`` among them."""


ENGINES: Mapping[str, Callable[[Reader, Roles], Topology]] = {"Sequence": read_sequence}


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
        document.memo[key] = (engine(reader, roles), tuple(reader.faults))
    found: tuple[Topology, tuple[Fault, ...]] = document.memo[key]
    return found

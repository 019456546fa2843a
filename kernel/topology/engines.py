"""The engines by the name that a definition gives in ``topology:``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

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

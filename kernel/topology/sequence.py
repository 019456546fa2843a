"""The sequence engine: steps that are walked one after the other (language.md, Topologies)."""

from __future__ import annotations

from kernel.topology.forms import visible_steps
from kernel.topology.reader import Reader
from kernel.topology.roles import Roles
from kernel.topology.steps import read_steps
from kernel.topology.topology import Topology, read_result


def read_sequence(reader: Reader, roles: Roles) -> Topology:
    """The sequence that the fields with the roles ``steps`` and ``result`` write."""
    path, data = roles.get("steps", (("steps",), []))
    result, result_path = read_result(reader, roles)
    steps = read_steps(reader, data, path)
    return Topology(steps, tuple(visible_steps(steps)), result, result_path)

"""The sequence engine: steps that are walked one after the other (language.md, Topologies)."""

from __future__ import annotations

from kernel.topology.forms import visible_steps
from kernel.topology.reader import Reader
from kernel.topology.roles import Roles
from kernel.topology.steps import read_steps
from kernel.topology.topology import Topology


def read_sequence(reader: Reader, roles: Roles) -> Topology:
    """The sequence that the fields with the roles ``steps`` and ``result`` write."""
    path, data = roles.get("steps", (("steps",), []))
    result_path, result = roles.get("result", (("result",), None))
    steps = read_steps(reader, data, path)
    template = None if result is None else reader.template(result)
    return Topology(steps, tuple(visible_steps(steps)), template, result_path)

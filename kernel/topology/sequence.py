"""A sequence: steps that are walked one after the other, and what they give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kernel.cel import Template
from kernel.errors import Path
from kernel.structs import struct
from kernel.topology import forms
from kernel.topology.callsite import CallSite
from kernel.topology.context import Context
from kernel.topology.forms import Steps, all_steps
from kernel.topology.reader import Reader
from kernel.topology.steps import read_steps


@struct(eq=False)
class Sequence:
    """Steps, and the template of what they give (None: the map of step results)."""

    steps: Steps
    result: Template | None
    result_path: Path = ("result",)

    def sites(self) -> Iterator[CallSite]:
        """All call sites of the sequence, in reading order."""
        for step in all_steps(self.steps):
            if isinstance(step.form, forms.Call):
                yield step.form.site

    async def run(self, context: Context) -> Any:
        """Walk the steps with ``steps`` empty, and give the result."""
        # For start-up time: what only reads sequences needs no event loop.
        from kernel.topology.walk import walk

        return await walk(self.steps, self.result, self.result_path, context)


def read_sequence(reader: Reader, roles: Mapping[str, tuple[Path, Any]]) -> Sequence:
    """The sequence that the fields with the roles ``steps`` and ``result`` write."""
    path, steps = roles.get("steps", (("steps",), []))
    result_path, result = roles.get("result", (("result",), None))
    return Sequence(
        read_steps(reader, steps, path),
        None if result is None else reader.template(result),
        result_path,
    )

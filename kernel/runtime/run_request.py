"""What a run is asked to do, as the journal keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kernel.journal.rows import Run
from kernel.journal.values import digest_of
from kernel.structs import struct


@struct
class RunRequest:
    """What a run is asked to do. Its values are as recorded, with references for secrets."""

    target: str | None
    """``Kind/Name``; None for the targets of the manifest."""
    inputs: Mapping[str, Any]
    vars: Mapping[str, Any]
    place: str | None = None
    """The file or folder that the manifest was loaded from."""
    environment: str = ""
    """The environment of the policies."""
    is_served: bool = False
    """It is a call out of a Service, which cannot be made again."""

    def to_json(self) -> dict[str, Any]:
        """For the journal."""
        told = {"target": self.target, "inputs": self.inputs, "vars": self.vars}
        where = {"environment": self.environment} if self.environment else {}
        served = {"served": True} if self.is_served else {}
        return {**told, "place": self.place, **where, **served}

    @classmethod
    def of(cls, run: Run) -> RunRequest | None:
        """The request of a recorded run; None where another program has recorded it."""
        data = run.inputs
        if not isinstance(data, Mapping):
            return None
        where = data.get("place"), data.get("environment", ""), data.get("served", False)
        found = cls(data.get("target"), data.get("inputs"), data.get("vars"), *where)  # type: ignore[arg-type]
        is_one = (
            isinstance(found.target, str | None)
            and isinstance(found.inputs, Mapping)
            and isinstance(found.vars, Mapping)
            and isinstance(found.place, str | None)
            and isinstance(found.environment, str)
            and isinstance(found.is_served, bool)
        )
        return found if is_one else None

    def is_same(self, other: RunRequest) -> bool:
        """Whether both ask for the same, wherever the manifest lies."""
        one, two = (digest_of(replace(each, place=None).to_json()) for each in (self, other))
        return one == two

    def has_same_settings(self, other: RunRequest) -> bool:
        """Whether both are for a kernel with the same variables, in the same environment."""
        return digest_of(self.vars) == digest_of(other.vars) and (
            self.environment == other.environment
        )


def is_served(found: Run) -> bool:
    """Whether a recorded run is a call out of a Service; once these had no name."""
    asked = found.inputs
    return not found.topology or (isinstance(asked, Mapping) and asked.get("served") is True)

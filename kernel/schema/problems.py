"""What is wrong with a value or a schema, as data."""

from __future__ import annotations

from collections.abc import Iterable

from kernel.errors import KernelError, Path
from kernel.structs import struct

MAX_PROBLEMS = 10  # no more are reported at once


@struct
class Problem:
    """One thing that is wrong: where in the value, what, and which keyword of the schema says so.

    ``message`` has neither the path nor, at an ``x-kernel-secret`` place, the value. ``keyword``
    is the last part of ``schema_path`` that is one, ``json`` for what is not JSON at all, ``limit``
    for what is larger than the kernel takes.
    """

    path: Path
    message: str
    schema_path: Path = ()
    keyword: str = ""

    def __str__(self) -> str:
        return f"{show_path(self.path)}: {self.message}" if self.path else self.message


class SchemaError(KernelError):
    """A value does not fit its schema. ``problems`` has the best explanation first."""

    category = "ValidationError"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))

    @property
    def breaks(self) -> str:
        """What the value breaks: its contract, the rules of JSON, or a limit of the kernel."""
        known = {"limit": "a limit of the kernel", "json": "the rules of JSON"}
        first = self.problems[0].keyword if self.problems else ""
        return known.get(first, "its contract")


class InvalidSchema(SchemaError):
    """A schema is no schema: paths are those within the schema."""

    category = "InvalidManifest"


def show_path(path: Iterable[str | int]) -> str:
    """A path as people write it: ``orders[0].id``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.isidentifier():
            text += f".{step}" if text else step
        else:
            text += f"[{step!r}]"
    return text

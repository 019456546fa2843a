"""The nodes of one schema that describe values, with their paths in the text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from analyzer.findings.message import Message
from analyzer.lowering.conjunction import Node
from kernel.errors import Path
from kernel.schema.keywords import subschemas

_DESCRIBING: Final = frozenset(
    (
        "properties", "patternProperties", "additionalProperties", "items", "prefixItems",
        "allOf", "anyOf", "oneOf", "$defs", "definitions",
    )
)  # fmt: skip
"""The keywords whose schemas say what may be there; those of others only test."""

Parts = Mapping[str, tuple[Path, Node]]
"""The nodes by their pointers, each with its path, in the order of the text."""


class Mistake(NamedTuple):
    """A mistake in a schema, at a path within the schema."""

    path: Path
    message: Message


def parts_of(schema: Any, bundled: Any) -> Parts:
    """The nodes of a schema as they are in its bundled form, without those of other schemas."""
    found: dict[str, tuple[Path, Node]] = {}
    waiting: list[tuple[Path, Any, Node]] = [((), schema, Node("", bundled))]
    while waiting:
        path, written, node = waiting.pop()
        found[node.pointer] = path, node
        inner = [(path + step, child, node.child(*step)) for step, child in described(written)]
        waiting += reversed(inner)
    return found


def described(schema: Any) -> Iterator[tuple[Path, Any]]:
    """The schemas directly inside of a schema that describe parts of a value, with their paths."""
    return ((step, child) for step, child in subschemas(schema) if step[0] in _DESCRIBING)

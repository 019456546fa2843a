"""The CEL of a manifest: syntax errors at their character (K301)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kernel.errors import Fault
from kernel.manifest.document import Document

MAX_FAULTS = 100
"""A document with more expressions that do not parse has no more of them reported."""

_HOLDERS = {
    "Kernel.Definition": ("safety", "check", "body"),
    "Kernel.Module": ("targets",),
}
"""The fields of the kernel's own kinds that take CEL; other kinds are searched as a whole."""


def check_expressions(documents: Iterable[Document]) -> Iterator[Fault]:
    """A fault for each scalar whose CEL does not parse."""
    from kernel.cel import parse_template

    for document in documents:
        for error in parse_template(_searched(document.data)).errors[:MAX_FAULTS]:
            span = document.scalar_span(error.path, error.offset, error.end)
            yield Fault("K301", error.message, span, None, error.path)


def _searched(data: dict[str, Any]) -> dict[str, Any]:
    holders = _HOLDERS.get(data["kind"])
    if holders is None:
        return {key: value for key, value in data.items() if key not in ("kind", "metadata")}
    return {key: data[key] for key in holders if key in data}

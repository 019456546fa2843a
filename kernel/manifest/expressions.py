"""The CEL of a manifest: syntax errors at their character (K301), CEL in a key (K008)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from kernel.errors import Fault, Path
from kernel.manifest.document import Document

MAX_FAULTS = 100  # a document with more expressions that do not parse has no more of them reported
_HELP = "make the map by an expression: ${{ {key: value} }}"
_HOLDERS = {
    "Kernel.Definition": ("safety", "check", "body"),
    "Kernel.Module": ("imports", "targets"),
    "Kernel.Policy": ("rules",),
}
"""The fields of the kernel's own kinds that take CEL; other kinds are searched as a whole."""


def check_expressions(documents: Iterable[Document]) -> Iterator[Fault]:
    """A fault for each scalar whose CEL does not parse, and each key that holds any."""
    from kernel.cel import parse_template  # for start-up time

    for document in documents:
        searched = _searched(document.data)
        for error in parse_template(searched).errors[:MAX_FAULTS]:
            span = document.scalar_span(error.path, error.offset, error.end)
            meant = None if error.meant is None else f"did you mean '{error.meant}'?"
            yield Fault("K301", error.message, span, meant, error.path)
        for path in islice(_keys(searched, ()), MAX_FAULTS):
            yield Fault(
                "K008", "CEL is not evaluated in a key", document.span(path, True), _HELP, path
            )


def _keys(value: Any, path: Path) -> Iterator[Path]:
    """The paths of the keys that CEL stands in."""
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(key, str) and "${{" in key:
                yield (*path, key)
            if isinstance(item, (dict, list)):
                yield from _keys(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            if isinstance(item, (dict, list)):
                yield from _keys(item, (*path, number))


def _searched(data: dict[str, Any]) -> dict[str, Any]:
    holders = _HOLDERS.get(data["kind"])
    if holders is None:
        return {key: value for key, value in data.items() if key not in ("kind", "metadata")}
    return {key: data[key] for key in holders if key in data}

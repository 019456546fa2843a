"""Loading a manifest that can be run, or all faults that it has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel.errors import Fault, ManifestError
from kernel.manifest import Manifest, inspect, inspect_text
from kernel.manifest.source import Source
from kernel.topology.verify import verify

if TYPE_CHECKING:
    from kernel.typed.decorator import Invocable

Functions = Iterable[Callable[..., Any]]


def load(*paths: str | Path, definitions: Functions = ()) -> Manifest:
    """Load files and folders as one manifest and verify it.

    ``definitions`` are functions that are decorated with ``@invocable``: their definitions belong
    to the manifest as if they stood in its files, and a kernel calls the very functions. Raises
    :class:`ManifestError` with all faults of all files, ``TypeError`` for a function that is not
    decorated.
    """
    made = _described(definitions)
    return _sound(*inspect(*paths, given=_texts(made)), made)


def loads(
    text: str | bytes,
    name: str = "<string>",
    folder: str | Path | None = None,
    *,
    definitions: Functions = (),
) -> Manifest:
    """Load a manifest from its text; imports and controllers are found from ``folder``.

    ``definitions`` are as in :func:`load`. Raises :class:`ManifestError` with all faults.
    """
    made = _described(definitions)
    return _sound(*inspect_text(text, name, folder, given=_texts(made)), made)


def _described(functions: Functions) -> list[Invocable]:
    functions = list(functions)
    if not functions:
        return []
    # Here for start-up time: only a program that has typed functions needs it.
    from kernel.typed.decorator import invocable_of

    return [invocable_of(function) for function in functions]


def _texts(made: list[Invocable]) -> list[Source]:
    return [Source(one.text_name, one.text) for one in made]


def _sound(manifest: Manifest, faults: tuple[Fault, ...], made: list[Invocable]) -> Manifest:
    found = [*faults, *verify(manifest)]
    if found:
        raise ManifestError(dict.fromkeys(found))
    return replace(manifest, controllers={one.kind: one.function for one in made})

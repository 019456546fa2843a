"""The names of the modules of a manifest, which the journal keeps."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count

from kernel.manifest.model import Module


def by_name(root: Module, imported: Iterable[Module]) -> dict[str, Module]:
    """The modules of a manifest by names that are the same wherever the manifest lies.

    A name that is taken already has the aliases with it that lead to the module from the root.
    """
    aliases = _alias_paths(root)
    found: dict[str, Module] = {}
    for module in (root, *imported):
        names = _names(module, aliases.get(id(module), ""))
        found[next(name for name in names if name not in found)] = module
    return found


def _names(module: Module, aliases: str) -> Iterator[str]:
    yield module.name
    yield f"{module.name} ({aliases})"
    yield from (f"{module.name} ({aliases}) {number}" for number in count(2))


def _alias_paths(root: Module) -> dict[int, str]:
    """The aliases that lead to each module from the root, by the identity of the module."""
    found: dict[int, str] = {}
    waiting = deque([(root, "")])
    while waiting:
        here, path = waiting.popleft()
        if id(here) not in found:
            found[id(here)] = path
            for alias, imported in here.imports.items():
                waiting.append((imported, f"{path}.{alias}" if path else alias))
    return found

"""Globs, and the names that a target has in the module that a glob stands in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import translate
from functools import lru_cache

from kernel.manifest import Definition, Module, resolve_kind


def matches(globs: Iterable[str], text: str) -> bool:
    """Whether one of the globs (``*``, ``?``, ``[a-z]``; case counts) is the whole text."""
    return any(glob == "*" or _pattern(glob).match(text) is not None for glob in globs)


def names_target(globs: Iterable[str], kinds: Iterable[str], names: Iterable[str]) -> bool:
    """Whether one of the globs is for a kind, or for ``Kind/name``, by one of their names."""
    known = tuple(kinds)
    addresses = [f"{kind}/{name}" for kind in known for name in names]
    return any(
        matches((glob,), text) for glob in globs for text in (addresses if "/" in glob else known)
    )


def kind_names(module: Module, definition: Definition, home: Module) -> tuple[str, ...]:
    """What a module calls the kind of a definition that stands in ``home``.

    A kind that the module cannot name has its own name there, unless that means another one.
    """
    return tuple(dict.fromkeys(_kinds(module, definition, home)))


def resource_names(module: Module, name: str, place: Module) -> tuple[str, ...]:
    """What a module calls a resource that stands in ``place``: its name, and ``Alias.Name``."""
    aliases = [alias for alias, imported in module.imports.items() if imported is place]
    return name, *(f"{alias}.{name}" for alias in aliases if name)


def _kinds(module: Module, definition: Definition, home: Module) -> Iterator[str]:
    for alias, imported in module.imports.items():
        name = f"{alias}.{definition.name}"
        if imported is home and resolve_kind(module, name) is definition:
            yield name
    if resolve_kind(module, definition.kind) in (None, definition):
        yield definition.kind


@lru_cache(maxsize=4096)
def _pattern(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob))

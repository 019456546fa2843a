"""The kinds and the resources that can be named in a module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from analyzer.editor.cursor.items import Item
from kernel.errors import ManifestError
from kernel.manifest import Definition, Module, find_kind, resolve_kind
from kernel.manifest.library import library_names
from kernel.manifest.loading import library_module
from kernel.manifest.system_kinds import SYSTEM_KINDS

_CAPABILITIES: Final = ("Invocable", "Runnable", "Service", "Provider")

_SYSTEM: Final = {
    "Kernel.Definition": "Declares a kind: its capability, its contract, what is behind it.",
    "Kernel.Module": "The module: its imports, variables, secrets and targets.",
    "Kernel.Policy": "Who may call what, and where; what needs an approval.",
}


def all_kinds(module: Module) -> Iterator[tuple[str, Definition]]:
    """The kinds that can be named in a module, with their definitions: its own come first."""
    seen = set(module.definitions)
    yield from module.definitions.items()
    for alias, imported in module.imports.items():
        for definition in imported.definitions.values():
            name = f"{alias}.{definition.name}"
            if name not in seen and resolve_kind(module, name) is definition:
                seen.add(name)
                yield name, definition
    for alias in library_names():
        try:
            library = None if alias in module.imports else library_module(alias)
        except ManifestError:
            continue
        for name, definition in ({} if library is None else library.definitions).items():
            if name not in seen:
                yield name, definition


def warm() -> Iterator[str]:
    """Load the installed modules, one after the other, so that no question has to wait."""
    for name in library_names():
        with suppress(ManifestError):
            library_module(name)
        yield name


def kinds_for(module: Module, wanted: str | None, *, document: bool) -> Iterator[Item]:
    """The kinds that a place takes: ``wanted`` is a capability, a kind, or None for all."""
    used = {resource.kind for resource in module.resources.values()}
    for name, definition in all_kinds(module):
        if wanted is None or serves(module, name, definition, wanted):
            is_used = wanted is not None and name in used
            rank = 1 if is_used else 2 if name in module.definitions else 3
            capability, description = definition.capability, definition.description
            yield Item(name, "kind", name, capability, description, rank)
    if document:
        for name in SYSTEM_KINDS:
            yield Item(name, "kind", name, "", _SYSTEM.get(name, ""), rank=4)


def resources_for(module: Module, wanted: str, kind: str | None) -> Iterator[Item]:
    """The resources that a reference may name: of ``kind`` if it is written, else of ``wanted``."""
    meant = None if kind is None else find_kind(module, kind)
    places: list[tuple[str, Module]] = [("", module)]
    places += [(f"{alias}.", imported) for alias, imported in module.imports.items()]
    for prefix, home in places:
        for name, resource in home.resources.items():
            found = find_kind(home, resource.kind)
            if found is None or (home is not module and not home.is_exported(name)):
                continue
            if found[0] is meant[0] if meant else serves(home, resource.kind, found[0], wanted):
                label, rank = prefix + name, 2 if prefix else 1
                yield Item(label, "resource", label, resource.kind, resource.description, rank)


def serves(module: Module, name: str, definition: Definition, wanted: str) -> bool:
    """Whether a kind has the wanted capability, or is the wanted kind."""
    if wanted in _CAPABILITIES:
        return definition.capability == wanted
    return name == wanted or resolve_kind(module, wanted) is definition or definition.kind == wanted

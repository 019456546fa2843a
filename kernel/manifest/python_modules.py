"""Where the Python module of a controller is, found without importing anything.

The modules in the folder of a manifest are its own and come before those that are installed; a
folder without ``__init__.py`` counts only where no installed module has its name.
"""

from __future__ import annotations

import sys
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path

_LOADERS = (
    (ExtensionFileLoader, EXTENSION_SUFFIXES),
    (SourceFileLoader, SOURCE_SUFFIXES),
    (SourcelessFileLoader, BYTECODE_SUFFIXES),
)


def find_in(folder: str, name: str) -> ModuleSpec | None:
    """The module of a name in a folder; for a folder without ``__init__.py`` it has no loader."""
    return FileFinder(folder, *_LOADERS).find_spec(name)


def find_own(folder: str, top: str) -> ModuleSpec | None:
    """The module that a folder has itself, by its name without dots."""
    found = find_in(folder, top)
    return None if found is None or (found.loader is None and is_installed(top)) else found


def is_installed(top: str) -> bool:
    """Whether there is a module of a name without dots, besides those of manifests."""
    from importlib.util import find_spec  # for start-up time

    if top in sys.builtin_module_names:
        return True
    try:
        return find_spec(top) is not None
    except (ImportError, ValueError, AttributeError):
        return True  # what finds it, or what is imported already, is of no usual kind


def places_of(name: str, folder: Path) -> set[str]:
    """The files and folders that decide what a module is, whether they are there or not."""
    suffixes = (*EXTENSION_SUFFIXES, *SOURCE_SUFFIXES, *BYTECODE_SUFFIXES)
    places: set[str] = set()
    for part in name.split("."):
        folder = folder / part
        places.add(str(folder))
        places |= {f"{folder}{suffix}" for suffix in suffixes}
        places |= {str(folder / f"__init__{suffix}") for suffix in suffixes}
    return places

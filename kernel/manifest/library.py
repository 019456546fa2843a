"""Modules that are installed: the standard library, and packages that ship manifests.

A package is located and never imported, so that reading a manifest runs no code of it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from kernel.manifest.model import Module

GROUP = "kernel.modules"
"""The entry point group: the name of a module, and the package that holds its YAML."""


@cache
def library_module(name: str) -> Module | None:
    """The installed module of that name, loaded once, or None if there is none.

    Raises ManifestError if its manifest is wrong.
    """
    from importlib.metadata import entry_points

    from kernel.manifest.load import load_module

    for entry in entry_points(group=GROUP, name=name):
        folder = package_folder(entry.value)
        if folder is not None:
            return load_module(folder, name)
    return None


def library_names() -> list[str]:
    """The names of the modules that are installed, sorted."""
    from importlib.metadata import entry_points

    return sorted({entry.name for entry in entry_points(group=GROUP)})


def package_folder(package: str) -> Path | None:
    """The folder of an installed package (``a`` or ``a.b``), or None."""
    from importlib.util import find_spec

    top, *rest = package.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return None
    for location in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(location, *rest)
        if folder.is_dir():
            return folder
    return None

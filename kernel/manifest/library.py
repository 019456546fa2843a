"""Modules that are installed: the standard library, and packages that ship manifests.

A package is located and never imported, so that reading a manifest runs no code of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from kernel.manifest.model import Module

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

GROUP = "kernel.modules"
"""The entry point group: the name of a module, and the package that holds its YAML."""


def library(load: Callable[[Path, str], Module]) -> Callable[[str], Module | None]:
    """What gives the installed module of a name, or None; ``load`` reads each module once."""

    @cache
    def module(name: str) -> Module | None:
        for package in _installed(name=name):
            folder = package_folder(package.value)
            if folder is not None:
                return load(folder, name)
        return None

    return module


def library_names() -> list[str]:
    """The names of the modules that are installed, sorted."""
    return sorted({entry.name for entry in _installed()})


def _installed(name: str | None = None) -> EntryPoints:
    from importlib.metadata import entry_points  # for start-up time

    return entry_points(group=GROUP) if name is None else entry_points(group=GROUP, name=name)


def installed_package(name: str) -> tuple[str, Path] | None:
    """The package that a name means, and its folder; None where nothing such is installed.

    The name is that of a package, as Python imports it, or else of an entry point.
    """
    if (folder := package_folder(name)) is not None:
        return name, folder
    for entry in _installed(name=name):
        if (folder := package_folder(entry.value)) is not None:
            return entry.value, folder
    return None


def package_folder(package: str) -> Path | None:
    """The folder of an installed package (``a`` or ``a.b``), or None."""
    from importlib.util import find_spec  # for start-up time

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

"""The Python modules of a manifest: those in its folder are its own, whatever else has their names.

They are imported under a name of the folder, so that modules of two manifests never meet, and
nothing is put on ``sys.path``. An ``import`` within them looks into the folder first, also one that
is made when a function is called.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from kernel.manifest.python_modules import find_own

_PREFIX = "kernel_manifest_"

_folders: dict[str, str] = {}
"""The folders whose modules were imported, by the name of the package that stands for each."""

_own: dict[tuple[str, str], bool] = {}
"""Whether a name is that of a module of a folder, by its package; anew for each controller."""


def import_module(name: str, folder: Path | None) -> Any:
    """Import a module of a folder, or else of the installed packages."""
    if folder is None:
        return importlib.import_module(name)
    place = str(folder.resolve())
    package = _PREFIX + sha256(place.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    if package not in _folders:
        _folders[package] = place
        if _FINDER not in sys.meta_path:
            sys.meta_path.insert(0, _FINDER)
    importlib.invalidate_caches()
    _own.clear()
    if _is_own(package, name):
        return importlib.import_module(f"{package}.{name}")
    return importlib.import_module(name)


def own_name(name: str | None) -> str:
    """How people call a module: without the package that stands for the folder."""
    package, _, rest = (name or "").partition(".")
    return rest if package in _folders else name or ""


def _is_own(package: str, name: str) -> bool:
    """Whether a module is the folder's own."""
    top = name.partition(".")[0]
    known = _own.get((package, top))
    if known is None:
        known = _own[package, top] = find_own(_folders[package], top) is not None
    return known


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the packages that stand for folders, and all that is in them."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, dot, _ = fullname.partition(".")
        if package not in _folders:
            return None
        if not dot:
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = [_folders[package]]
            return spec
        found = PathFinder.find_spec(fullname, path)
        if found is not None and isinstance(found.loader, SourceFileLoader):
            found.loader = _Loader(fullname, found.loader.path)
        return found


_FINDER = _Finder()


class _Loader(SourceFileLoader):
    """Gives a module an ``import`` that looks into its folder first."""

    def exec_module(self, module: ModuleType) -> None:
        package = module.__name__.partition(".")[0]

        def import_own(
            name: str,
            globals: Mapping[str, Any] | None = None,
            locals: Mapping[str, Any] | None = None,
            fromlist: Sequence[str] | None = (),
            level: int = 0,
        ) -> ModuleType:
            if level or not _is_own(package, name):
                return __import__(name, globals, locals, fromlist or (), level)
            found = __import__(f"{package}.{name}", globals, locals, fromlist or (), 0)
            return found if fromlist else sys.modules[f"{package}.{name.partition('.')[0]}"]

        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": import_own}
        super().exec_module(module)

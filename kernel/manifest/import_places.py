"""Where an import leads: a folder or a file of the project, or an installed package."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from kernel.manifest.library import installed_package, package_folder
from kernel.manifest.suggest import nearest
from kernel.structs import struct

PROJECT_FILE = "kernel.toml"
"""The folder that holds it is the root of a project: imports stay inside (language.md, Module)."""

OUTSIDE = f"put a {PROJECT_FILE} into the folder that holds both, or import an installed package"
"""The way out for an import that leads out of its project."""

ITSELF = "take the import away: what stands in the same manifest is named without an alias"
"""The way out for a manifest that imports itself."""

BESIDE = "the folder is read as one manifest: give the imported file a folder of its own"
"""The way out for a manifest that is a folder, and imports a file of that folder."""

_SUFFIXES = (".yaml", ".yml")
_PACKAGE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_MAX_LOOKED_AT = 1_000  # of the names in a folder, for a proposal


@struct
class ImportPlace:
    """The place of an import; ``root`` is the root of the imports of an installed package."""

    place: Path
    root: str | None = None


def identity(place: Path) -> str:
    """The same for all ways to write one place."""
    try:
        return os.path.realpath(place)
    except (OSError, ValueError):
        return str(place)


def project_root(folder: Path, looked_at: set[str]) -> str:
    """The root of the project that a folder belongs to: the nearest folder with a kernel.toml.

    The places that this depends on are added to ``looked_at``.
    """
    start = Path(identity(folder))
    for place in (start, *start.parents):
        looked_at.add(str(place / PROJECT_FILE))
        if (place / PROJECT_FILE).is_file():
            return str(place)
    return str(start)


def is_package(source: str) -> bool:
    """Whether an import is written as the name of an installed package, and not as a path."""
    return _PACKAGE.fullmatch(source) is not None and not source.endswith(_SUFFIXES)


def import_place(source: str, folder: Path | None) -> ImportPlace | None:
    """Where an import leads that stands in a manifest of ``folder``; None for no package.

    A package is named as Python imports it, or by its entry point in ``kernel.modules``.
    """
    if not is_package(source):
        return ImportPlace((folder or Path()) / source)
    installed = installed_package(source)
    if installed is None:
        return None
    package, found = installed
    top = package_folder(package.partition(".")[0])
    return ImportPlace(found, None if top is None else identity(top))


def is_there(place: Path) -> bool:
    """Whether there is a file or a folder at a place; one that no name may have is not there."""
    try:
        os.stat(place)
    except (OSError, ValueError):
        return False
    return True


def circle_of(place: str, opening: Sequence[str]) -> list[str]:
    """The way from a place that is being read back to itself; empty if there is none.

    ``opening`` are the places that are being read, the innermost last. A file of the folder that is
    read, and the folder of the file, are the manifest itself.
    """
    if place in opening:
        return [*opening[opening.index(place) :], place]
    last = opening[-1] if opening else None
    if last is None or not (_holds(last, place) or _holds(place, last)):
        return []
    return [last, place]


def is_beside(source: str, folder: str) -> bool:
    """Whether an import that stands in a manifest of a folder leads to a file of that folder."""
    return not is_package(source) and _holds(folder, identity(Path(folder) / source))


def _holds(folder: str, file: str) -> bool:
    """Whether a file is one of the manifests of a folder."""
    return file.endswith(_SUFFIXES) and os.path.dirname(file) == folder and os.path.isdir(folder)


def way_to(source: str, folder: Path | None, looked_at: set[str]) -> str | None:
    """What was meant by an import that is not there, if something near is.

    The places that this depends on are added to ``looked_at``.
    """
    place = (folder or Path()) / source
    if is_package(source):
        places = {f"./{source}{end}": Path(f"{place}{end}") for end in ("", *_SUFFIXES)}
        looked_at.update(map(str, places.values()))
        beside = next((name for name, one in places.items() if is_there(one)), None)
        if beside is not None:
            return f"write {beside} for what lies beside the manifest"
        return "a package is installed with its manifests; a folder is written ./name"
    looked_at.add(str(place.parent))
    try:
        found = list(islice(os.scandir(place.parent), _MAX_LOOKED_AT))
        names = [one.name for one in found if one.name.endswith(_SUFFIXES) or one.is_dir()]
    except (OSError, ValueError):
        return None
    near = nearest(place.name, [name for name in names if not name.startswith(".")])
    return None if near is None else f"did you mean {source[: -len(place.name)] + near!r}?"


def folders_with_manifests(place: Path, looked_at: set[str]) -> Iterator[str]:
    """The names of the folders in a folder that hold manifests themselves, sorted.

    The places that this depends on are added to ``looked_at``.
    """
    try:
        entries = sorted(islice(os.scandir(place), _MAX_LOOKED_AT), key=lambda one: one.name)
        for entry in entries:
            if entry.is_dir() and not entry.name.startswith("."):
                looked_at.add(entry.path)
                names = islice(os.listdir(entry.path), _MAX_LOOKED_AT)
                if any(name.endswith(_SUFFIXES) for name in names):
                    yield entry.name
    except OSError:
        return

"""The controller of ``File.List``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from .root import failure, moment, opened_folder, root_of, shown, translated

MAX_ENTRIES = 1_000_000
Positions = frozenset[int]


class List:
    """Lists regular files below one root."""

    def __init__(self, fields: Mapping[str, Any], folder: Path | None = None) -> None:
        self._root = root_of(fields, folder)
        self._limit: int = fields.get("limit", 10_000)

    def invoke(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        pattern: str = inputs.get("pattern", "*")
        files: list[dict[str, Any]] = []
        with translated(pattern):
            for path, entry in _matches(self._root, pattern):
                status = entry.stat(follow_symlinks=False)
                files.append(
                    {"path": path, "size": status.st_size, "modified": moment(status.st_mtime)}
                )
                if len(files) > self._limit:
                    raise failure("TOO_MANY", pattern, f"more than {self._limit} files fit")
        files.sort(key=lambda file: file["path"])
        return {"files": files, "count": len(files)}


def _matches(root: Path, pattern: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """The files that fit, with their paths; walks only folders in which one may be."""
    segments = [segment for segment in pattern.split("/") if segment not in ("", ".")]
    folders: list[tuple[str, Positions]] = [("", _closure({0}, segments))]
    entries = 0
    while folders:
        above, positions = folders.pop()
        names = above.split("/") if above else []
        with opened_folder(root, names) as descriptor, os.scandir(descriptor) as found:
            for entry in found:
                entries += 1
                if entries > MAX_ENTRIES:
                    raise failure("TOO_MANY", pattern, f"more than {MAX_ENTRIES} entries")
                name = shown(entry.name)
                path = f"{above}/{name}" if above else name
                after = _advance(positions, segments, name)
                if entry.is_dir(follow_symlinks=False):
                    if any(position < len(segments) for position in after):
                        folders.append((path, after))
                elif len(segments) in after and entry.is_file(follow_symlinks=False):
                    yield path, entry


def _advance(positions: Positions, segments: list[str], name: str) -> Positions:
    """The places in the pattern after ``name``, all at once: never exponential."""
    after: set[int] = set()
    for position in positions:
        if position == len(segments):
            continue
        segment = segments[position]
        if segment == "**":
            if not name.startswith("."):
                after.add(position)
        elif _fits(name, segment):
            after.add(position + 1)
    return _closure(after, segments)


def _closure(positions: set[int], segments: list[str]) -> Positions:
    """``positions`` and those behind any ``**`` at them, which may stand for no folder at all."""
    reached = set(positions)
    for position in positions:
        while position < len(segments) and segments[position] == "**":
            position += 1
            reached.add(position)
    return frozenset(reached)


def _fits(name: str, segment: str) -> bool:
    hidden = name.startswith(".") and not segment.startswith(".")
    return not hidden and fnmatchcase(name, segment)

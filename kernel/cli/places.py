"""What ``kernel check`` checks: the given paths, the manifests below a folder, standard input."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kernel.manifest.source import MAX_FILE_BYTES

STANDARD_INPUT = Path("<stdin>")
"""The name that a manifest from standard input has."""

MAX_FOLDERS = 10_000
_SUFFIXES = (".yaml", ".yml")
_LEFT_OUT = frozenset(("node_modules", "__pycache__", "site-packages", "venv", "build", "dist"))
_KIND = re.compile(rb"^kind:[ \t]", re.MULTILINE)
_OURS = re.compile(rb"^kind:[ \t]+[\"']?[A-Z]\w*\.[A-Z]\w*[\"']?[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_MAX_BYTES_READ = 1_000_000


def found_at(paths: Sequence[Path]) -> list[Path]:
    """The manifests at some paths.

    A folder that holds no manifest stands for the folders below it that do, each a manifest of its
    own. Hidden folders and those of packages are left out, and files of other programs, whose
    ``kind`` is no ``Module.Name``.
    """
    return [one for path in paths for one in _manifests(path)]


def standard_input() -> Mapping[str, bytes]:
    """What standard input holds, by the real path that its name has."""
    return {os.path.realpath(STANDARD_INPUT): sys.stdin.buffer.read(MAX_FILE_BYTES + 1)}


def _manifests(path: Path) -> list[Path]:
    if not path.is_dir() or _holds(path, _KIND):
        return [path]
    return sorted(_below(path)) or [path]


def _below(root: Path) -> Iterator[Path]:
    for number, (folder, inner, _) in enumerate(os.walk(root)):
        if number >= MAX_FOLDERS:
            return
        inner[:] = sorted(one for one in inner if one[0] != "." and one not in _LEFT_OUT)
        if _holds(Path(folder), _OURS):
            yield Path(folder)


def _holds(folder: Path, kind: re.Pattern[bytes]) -> bool:
    """Whether a file of a folder has a line with such a ``kind``, or cannot be told by one."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(_SUFFIXES))
    except OSError:
        return True
    return any(_matches(folder / name, kind) for name in names)


def _matches(file: Path, kind: re.Pattern[bytes]) -> bool:
    try:
        if not file.is_file():
            return False
        with file.open("rb") as stream:
            text = stream.read(_MAX_BYTES_READ)
    except OSError:
        return True
    plain = text.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe")  # UTF-16 and byte order marks
    return kind.search(plain) is not None

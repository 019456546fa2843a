"""The controller of ``File.Write``."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from kernel import Failure

from .formats import encode
from .root import failure, opened_parent, root_of

NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Write:
    """Writes files below one root, durably when it returns."""

    def __init__(self, fields: Mapping[str, Any], folder: Path | None = None) -> None:
        self._root = root_of(fields, folder)
        self._mode: str = fields.get("mode", "replace")
        self._limit: int = fields.get("maxBytes", 64 << 20)

    def invoke(self, inputs: Mapping[str, Any]) -> dict[str, int]:
        path: str = inputs["path"]
        data = self._encode(path, inputs)
        with opened_parent(self._root, path, make=True) as (folder, name):
            existing = _status(folder, name)
            if existing and not stat.S_ISREG(existing.st_mode):
                raise _not_regular(path, existing)
            if self._mode == "append":
                _append(folder, name, data)
            else:
                _place(folder, name, data, existing, replace=self._mode == "replace")
            os.fsync(folder)
        return {"size": len(data)}

    def _encode(self, path: str, inputs: Mapping[str, Any]) -> bytes:
        try:
            data = encode(inputs["content"], inputs.get("format", "text"))
        except (ValueError, RecursionError) as error:
            raise failure("INVALID_CONTENT", path, str(error)) from error
        if len(data) > self._limit:
            raise failure("TOO_LARGE", path, f"more than {self._limit} bytes")
        return data


def _status(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _not_regular(path: str, status: os.stat_result) -> Failure:
    if stat.S_ISLNK(status.st_mode):
        return failure("OUTSIDE_ROOT", path, "a symbolic link is in the way")
    return failure("NOT_A_FILE", path, "not a regular file")


def _append(folder: int, name: str, data: bytes) -> None:
    descriptor = os.open(name, APPEND, 0o666, dir_fd=folder)
    try:
        _write(descriptor, data)
    finally:
        os.close(descriptor)


def _place(
    folder: int, name: str, data: bytes, existing: os.stat_result | None, *, replace: bool
) -> None:
    """Write a temporary file beside the target and give it the target's name in one step."""
    temporary = f".{secrets.token_hex(8)}.tmp"
    descriptor = os.open(temporary, NEW, 0o666, dir_fd=folder)
    try:
        try:
            _write(descriptor, data)
            if existing:
                os.fchmod(descriptor, stat.S_IMODE(existing.st_mode))
        finally:
            os.close(descriptor)
        if replace:
            os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            # A link fails where the name is taken; a rename would overwrite.
            os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.fsync(descriptor)

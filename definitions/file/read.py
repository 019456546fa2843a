"""The controller of ``File.Read``."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .formats import decode
from .root import failure, moment, opened_parent, root_of

# Without O_NONBLOCK, to open a pipe that nobody writes would wait for ever.
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
CHUNK = 1 << 20


class Read:
    """Reads regular files below one root."""

    def __init__(self, fields: Mapping[str, Any], folder: Path | None = None) -> None:
        self._root = root_of(fields, folder)
        self._limit: int = fields.get("maxBytes", 64 << 20)

    def invoke(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        path: str = inputs["path"]
        with opened_parent(self._root, path) as (folder, name):
            descriptor = os.open(name, READ, dir_fd=folder)
            try:
                data, status = self._read(descriptor, path)
            finally:
                os.close(descriptor)
        try:
            content = decode(data, inputs.get("format", "text"))
        except ValueError as error:
            raise failure("INVALID_CONTENT", path, str(error)) from error
        return {"content": content, "size": len(data), "modified": moment(status.st_mtime)}

    def _read(self, descriptor: int, path: str) -> tuple[bytes, os.stat_result]:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise failure("NOT_A_FILE", path, "not a regular file")
        data = bytearray()
        # A file may grow while it is read, and those of /proc say that they are empty.
        while chunk := os.read(descriptor, CHUNK):
            data += chunk
            if len(data) > self._limit:
                raise failure("TOO_LARGE", path, f"larger than {self._limit} bytes")
        return bytes(data), status

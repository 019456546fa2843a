"""A disk that loses power: what was written and not synced is gone, in whole, in part or torn.

SQLite is given a file system of Python (``apsw``) that keeps, beside the real files, what has been
synced and what has been written since.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512


@dataclass
class Contents:
    """One file: what is on the disk for certain, and the writes that are on their way."""

    synced: bytes
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    syncs: int = 0

    def after(self, writes: list[tuple[int, bytes | None]]) -> bytes:
        """The file with these writes done; a write of None cuts the file there."""
        content = bytearray(self.synced)
        for offset, data in writes:
            if data is None:
                del content[offset:]
                continue
            if len(content) < offset:
                content.extend(bytes(offset - len(content)))
            content[offset : offset + len(data)] = data
        return bytes(content)

    def sync(self) -> None:
        self.synced, self.pending = self.after(self.pending), []
        self.syncs += 1


class Disk(apsw.VFS):
    """The file system, and the cut."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.name = name
        self.files: dict[str, Contents] = {}
        self.guard = threading.Lock()

    def xOpen(self, name: Any, flags: list[int]) -> File:
        return File(self, name, flags)

    def xDelete(self, name: str, syncdir: bool) -> None:
        super().xDelete(name, syncdir)
        self.files.pop(name, None)

    def syncs(self) -> int:
        """How often anything was synced."""
        return sum(one.syncs for one in self.files.values())

    def cut(self, chance: random.Random | None) -> dict[str, bytes]:
        """What is on the disk after the power went: by file name.

        Without ``chance`` nothing that was not synced; with it any part of it, in any order.
        """
        with self.guard:
            return {Path(at).name: one.after(_some(one, chance)) for at, one in self.files.items()}


def _some(file: Contents, chance: random.Random | None) -> list[tuple[int, bytes | None]]:
    if chance is None:
        return []
    chosen = []
    for offset, data in file.pending:
        if chance.random() < 0.5:
            continue
        if data is not None and chance.random() < 0.2:
            data = data[: SECTOR * chance.randrange(len(data) // SECTOR + 1)]
        chosen.append((offset, data))
    chance.shuffle(chosen)
    return chosen


class File(apsw.VFSFile):
    """One open file of the disk."""

    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        path = name if isinstance(name, str) else name.filename()
        there = Path(path).read_bytes() if Path(path).exists() else b""
        self.guard = disk.guard
        self.contents = disk.files.setdefault(path, Contents(there))

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        with self.guard:
            self.contents.pending.append((offset, bytes(data)))

    def xTruncate(self, size: int) -> None:
        super().xTruncate(size)
        with self.guard:
            self.contents.pending.append((size, None))

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        with self.guard:
            self.contents.sync()


class Cursor:
    """What a session of the journal wants of a cursor."""

    def __init__(self, cursor: Any, rowcount: int) -> None:
        self.fetchall = cursor.fetchall
        self.rowcount = rowcount


class Connection:
    """What a session of the journal wants of a connection."""

    def __init__(self, file: Path, disk: Disk) -> None:
        self._connection = apsw.Connection(str(file), vfs=disk.name)
        # The index of the log lives in memory then: this file system shares none.
        self._connection.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
        self._connection.execute("PRAGMA wal_autocheckpoint = 30").fetchall()

    @property
    def in_transaction(self) -> bool:
        return bool(self._connection.in_transaction)

    def execute(self, sql: str, values: Any = ()) -> Cursor:
        cursor = self._connection.execute(sql, tuple(values))
        return Cursor(cursor, self._connection.changes())

    def close(self) -> None:
        self._connection.close()

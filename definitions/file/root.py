"""A folder that cannot be left: every name is opened below the folder before it.

No check of a path can be raced, since there is none: each folder is opened relative to its
parent's descriptor and without following symbolic links (openat with O_NOFOLLOW, POSIX.1-2008).
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kernel import Failure

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
BYTE = r"\\x(5c|[89a-f][0-9a-f])"
CODES = {
    errno.ENOENT: "NOT_FOUND",
    errno.ENOTDIR: "NOT_FOUND",
    errno.ELOOP: "OUTSIDE_ROOT",
    errno.EEXIST: "EXISTS",
    errno.EISDIR: "NOT_A_FILE",
    errno.ENXIO: "NOT_A_FILE",
    errno.EACCES: "DENIED",
    errno.EPERM: "DENIED",
    errno.EROFS: "DENIED",
}


def shown(name: str) -> str:
    """The name of a file as JSON holds it: a byte that is not UTF-8 is written ``\\xff``.

    A backslash before what looks like such a byte is written ``\\x5c``, so no two names are one.
    """
    plain = re.sub(BYTE, r"\\x5cx\1", name)
    return plain.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def named(name: str) -> str:
    """The name as the operating system takes it; the reverse of :func:`shown`."""

    def byte(match: re.Match[str]) -> str:
        number = int(match[1], 16)
        return "\\" if number == ord("\\") else chr(0xDC00 + number)

    return re.sub(BYTE, byte, name)


def root_of(fields: Mapping[str, Any], folder: Path | None) -> Path:
    """The folder that a resource's field ``root`` names, relative to the manifest's ``folder``."""
    root: str = fields.get("root", ".")
    return (folder or Path()) / root


def parts_of(path: str) -> list[str]:
    """The names in a path; raises ``Failure`` ``OUTSIDE_ROOT`` for one that leaves the root."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in parts or "\0" in path:
        raise failure("OUTSIDE_ROOT", path, "the path leaves the root")
    if not parts or path.endswith("/"):
        raise failure("NOT_A_FILE", path, "the path names a folder")
    return parts


@contextmanager
def opened_parent(root: Path, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
    """The descriptor of the folder that holds ``path``, and the file's name in it.

    ``make`` makes folders that are missing. Errors of the operating system, in the block too,
    become a ``Failure`` with one of ``CODES`` or ``IO``.
    """
    *folders, name = parts_of(path)
    with translated(path), opened_folder(root, folders, make=make) as descriptor:
        yield descriptor, named(name)


@contextmanager
def opened_folder(root: Path, names: Iterable[str], *, make: bool = False) -> Iterator[int]:
    """The descriptor of the folder that ``names`` lead to, one after the other, below ``root``."""
    descriptor = os.open(root, FOLDER)
    try:
        for name in names:
            below = _open_folder(descriptor, named(name), make=make)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def _open_folder(parent: int, name: str, *, make: bool) -> int:
    if make:
        try:
            os.mkdir(name, dir_fd=parent)
        except FileExistsError:
            pass
        else:
            os.fsync(parent)
    try:
        return os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=parent)
    except NotADirectoryError:
        # Linux reports a symbolic link here as "not a directory".
        if _is_link(parent, name):
            raise OSError(errno.ELOOP, "a symbolic link") from None
        raise


def _is_link(parent: int, name: str) -> bool:
    try:
        os.readlink(name, dir_fd=parent)
    except OSError:
        return False
    return True


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Errors of the operating system as a ``Failure`` with a declared code."""
    try:
        yield
    except OSError as error:
        code = CODES.get(error.errno or 0, "IO")
        reason = "a symbolic link is in the way" if code == "OUTSIDE_ROOT" else error.strerror
        raise failure(code, path, (reason or type(error).__name__).lower()) from error


def failure(code: str, path: str, reason: str) -> Failure:
    """The failure of an operation on ``path``; nothing took effect, unless it is ``IO``."""
    return Failure(
        f"{path!r}: {reason}",
        code=code,
        data={"path": path},
        outcome=None if code == "IO" else "failed",
    )


def moment(seconds: float) -> str:
    """A file's time as RFC 3339 in UTC, which has the years 1 to 9999."""
    try:
        time = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        time = (datetime.min if seconds < 0 else datetime.max).replace(tzinfo=UTC)
    return time.isoformat().replace("+00:00", "Z")

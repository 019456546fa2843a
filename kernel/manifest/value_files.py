"""The files that give values to variables and secrets (`file` of a declaration)."""

from __future__ import annotations

import os
import stat
from pathlib import Path

MAX_VALUE_BYTES = 1024 * 1024
"""A file that gives a value is no larger."""


_NEWLINES = ("\r\n", "\n")


class UnreadableValue(Exception):
    """A file is there, and gives no value; the text says why, and nothing of what is in it."""


def read_value(path: Path) -> str | None:
    """The text of a file without its final newline; None where there is no such file.

    Raises UnreadableValue for what is no regular file, is too large, is no UTF-8, or may not be
    read.
    """
    try:
        # What is no file, as a pipe, must not be waited for.
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise UnreadableValue(f"cannot be read: {_reason(error)}") from None
    try:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise UnreadableValue("is not a regular file")
        with os.fdopen(number, "rb", closefd=False) as stream:
            data = stream.read(MAX_VALUE_BYTES + 1)
    except OSError as error:
        raise UnreadableValue(f"cannot be read: {_reason(error)}") from None
    finally:
        os.close(number)
    if len(data) > MAX_VALUE_BYTES:
        raise UnreadableValue(f"is larger than {MAX_VALUE_BYTES // 1024} KiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableValue("is not valid UTF-8") from None
    return next((text[: -len(end)] for end in _NEWLINES if text.endswith(end)), text)


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)

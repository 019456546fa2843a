"""Where in the code of a controller an exception comes from, and its traceback for people."""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import FrameType

_OURS = ("kernel", "definitions")
_MAX_FRAMES = 1_000


def place_of(error: BaseException) -> str | None:
    """File, line and function of the controller in which an exception was raised.

    That is the innermost frame that is neither the kernel's nor the standard library's, and of the
    manifest rather than of an installed package. None for one that comes from no such code.
    """
    found = None
    for frame, line in _frames(error):
        level = _level(frame.f_code.co_filename)
        if level and (found is None or level >= found[0]):
            found = level, frame, line
    if found is None:
        return None
    _, frame, line = found
    return f"{_shown(frame.f_code.co_filename)}:{line} in {frame.f_code.co_qualname}"


def traceback_of(error: BaseException) -> str:
    """The traceback of an exception and its causes, as Python prints it."""
    return "".join(traceback.format_exception(error, limit=-_MAX_FRAMES))


def _frames(error: BaseException) -> Iterator[tuple[FrameType, int]]:
    trace = error.__traceback__
    for _ in range(_MAX_FRAMES):
        if trace is None:
            return
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


@lru_cache(maxsize=1024)
def _level(file: str) -> int:
    """2 for the code of a manifest, 1 for that of an installed package, 0 for ours and Python's."""
    path = Path(file)
    home = Path(__file__).parents[2]
    if file.startswith("<") or any(path.is_relative_to(home / name) for name in _OURS):
        return 0
    paths = sysconfig.get_paths()
    if any(path.is_relative_to(paths[name]) for name in ("purelib", "platlib")):
        return 1
    return 0 if path.is_relative_to(paths["stdlib"]) else 2


def _shown(file: str) -> str:
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return file

"""The paths of a run: where a call, a decision or a pause was made (``steps.Each[3].Charge``).

A path is unique in its run, and the same in a replay. Labels are joined with ``.``; ``[3]`` is a
round of a loop, or one of several calls of the same kind; ``~2`` is the second attempt of what
stands before it, so that what each attempt calls has a path of its own.

The engines of topologies write paths, the journal compares them: so the grammar stands below both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_SEPARATORS = (".", "[", "~")
_SEPARATOR = re.compile(r"[.\[~]")
_ATTEMPT = re.compile(r"~\d+")


def joined(path: str, label: str) -> str:
    """A place within another; where one of them has no name, it is the other."""
    return f"{path}.{label}" if path and label else path or label


def numbered(path: str, number: int) -> str:
    """One of several at the same place, counted from 0: a round of a loop, a call."""
    return f"{path}[{number}]"


def of_attempt(path: str, attempt: int) -> str:
    """Where an attempt calls from, counted from 1."""
    return path if attempt == 1 else f"{path}~{attempt}"


def of_check(path: str, epoch: int, attempt: int, number: int) -> str:
    """Where the ``check`` of a definition is called, for a call that an attempt made."""
    return f"{path}.check[{epoch}.{attempt}.{number}]"


def without_attempts(path: str) -> str:
    """The path of a call, whichever attempts of what is around make it."""
    return _ATTEMPT.sub("", path) if "~" in path else path


def enclosing(path: str) -> Iterator[str]:
    """The places that a path is within, the outermost first."""
    for found in _SEPARATOR.finditer(path):
        yield path[: found.start()]


def is_within(path: str, outer: str) -> bool:
    """Whether a place is within another: called by it, in whichever round or attempt."""
    return path.startswith(outer) and path[len(outer) :].startswith(_SEPARATORS)


def is_in_check_of(path: str, outer: str) -> bool:
    """Whether a place is within a ``check`` of a call."""
    return path.startswith(f"{outer}.check[")


def ranges_within(path: str) -> Iterator[tuple[str, str]]:
    """Bounds between which, in the order of bytes, all paths lie that are within a path."""
    for separator in _SEPARATORS:
        yield f"{path}{separator}", f"{path}{chr(ord(separator) + 1)}"

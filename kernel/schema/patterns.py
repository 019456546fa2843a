"""Why a regular expression of a schema is refused (ECMA-262, as the engine reads it)."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

from kernel.schema.engine import backtracks

_MAX_LENGTH = 1_000  # the reason is looked for in patterns of so many characters at most
_OTHER = re.compile(
    r"""(?P<escape> \\ (?: [pP] (?: \{ [^{}]* \} | [A-Za-z] ) | c [A-Za-z] | u \{ [^{}]* \} ) )
      | (?P<group> \( \? < (?= [A-Za-z_] ) )
      | \\ .""",
    re.VERBOSE | re.DOTALL,
)
_BACKTRACKING = re.compile(r"\(\?<?[=!]|\(\?>|\\[1-9]|\\k<|[*+?}]\+|\\.", re.DOTALL)


def why_refused(pattern: str) -> str:
    """What is wrong with a pattern that the engine does not take, and at which character."""
    shown = pattern if len(pattern) <= 100 else f"{pattern[:99]}…"
    if len(pattern) > _MAX_LENGTH:
        length = len(pattern)
        return f"the pattern {shown!r} is refused; it has {length} characters, too many to say why"
    fault = _fault(pattern)
    if fault is not None:
        message, place = fault
        return f"the pattern {shown!r} is wrong at character {place + 1}: {message}"
    if not backtracks(pattern):
        return f"the pattern {shown!r} is no regular expression"
    for found in _BACKTRACKING.finditer(pattern):
        if not re.fullmatch(r"\\[^1-9k].*", found.group(), re.DOTALL):
            return (
                f"the pattern {shown!r} has {found.group()!r} at character {found.start() + 1}: "
                "look-around, back-references and possessive repetition cannot be matched in "
                "linear time, and the kernel does not take them"
            )
    return (
        f"the pattern {shown!r} needs more memory than the kernel gives to one; "
        "make its repetitions smaller"
    )


def _fault(pattern: str) -> tuple[str, int] | None:
    """What Python says of a pattern, with the offset; what only ECMA-262 knows is written anew."""
    text = ""
    places: list[int] = []
    for piece, start in _pieces(pattern):
        text += piece
        places += range(start, start + len(piece))
    try:
        with warnings.catch_warnings(action="ignore"):
            re.compile(text)
    except re.error as error:
        at = places[min(error.pos or 0, len(places) - 1)] if places else 0
        return error.msg, at
    except (RecursionError, OverflowError):
        return "it is nested too deep, or repeats too often", 0
    return None


def _pieces(pattern: str) -> Iterator[tuple[str, int]]:
    """The text for Python, in pieces, each with its offset in the pattern."""
    end = 0
    for found in _OTHER.finditer(pattern):
        yield pattern[end : found.start()], end
        end = found.end()
        if found.lastgroup == "escape":
            yield r"\w", found.start()
        else:
            yield "(?P<" if found.lastgroup == "group" else found.group(), found.start()
    yield pattern[end:], end

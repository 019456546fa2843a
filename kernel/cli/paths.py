"""The path of an invocation in its run, taken apart: ``steps.Each[3].steps.Charge``."""

from __future__ import annotations

import re
from collections.abc import Iterator

_FIELD = r"(?!steps[.\[])[^.\[\]]+"
_PART = re.compile(
    r"steps\.(?P<name>[^.\[\]]+)"  # a step that has a name
    rf"|(?P<place>steps\[\d+\](?:\.{_FIELD}(?:\[\d+\])?)*)"  # where one without stands
    r"|(?P<other>[^.\[\]]+)"
)
_ROUND = re.compile(r"\[(\d+)\]")


def parts(path: str) -> Iterator[str | int]:
    """The labels of a path from the outside in; the rounds of a loop are numbers."""
    at = 0
    while at < len(path):
        found = _PART.match(path, at + (path[at] == "."))
        if found is None:
            yield path[at:]
            return
        yield found["name"] or found["place"] or found["other"]
        at = found.end()
        while one := _ROUND.match(path, at):
            yield int(one[1])
            at = one.end()


def outer(path: str) -> Iterator[str]:
    """The paths that may be around one, the nearest first; the last is that of the topology."""
    for found in reversed(list(re.finditer(r"[.\[]", path))):
        yield path[: found.start()]
    if path:
        yield ""

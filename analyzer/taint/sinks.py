"""Where secrets, and text from outside, must not be put; and what gets there all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from analyzer.findings.messages.k8_taint import Language
from analyzer.taint.annotations import ANY, Annotations
from analyzer.taint.origins import Origin, Taint
from kernel.errors import Path, Span
from kernel.structs import struct


@struct(eq=False)
class Sink:
    """A place that shows what is put there, or reads it as text of a language."""

    path: Path
    """From the value that is put there to the place."""
    place: Annotations | None
    """Says which parts of it are not shown."""
    why: str
    """Ends the sentence "the secret goes …"."""
    language: Language | None = None
    beyond: str | None = None
    """The name of what is called, where the place is in what a call leads to."""
    span: Callable[[], Span] | None = None
    """Where that place is."""
    inputs: Annotations | None = None
    """What the schema says of the arguments of that call."""

    def part(self, path: Path, taint: Taint) -> tuple[Taint, Annotations | None] | None:
        """Of a value at ``path`` what comes to the sink, and its place there."""
        near = path[: len(self.path)]
        if not all(map(_same, near, self.path)):
            return None
        if len(path) >= len(self.path):
            if self.inputs is not None and is_hidden(self.inputs, path):
                return None  # who is given a secret looks after it
            place = self.place
            return taint, None if place is None else place.at(path[len(self.path) :])
        return taint.at(self.path[len(path) :]), self.place


def _same(a: str | int, b: str | int) -> bool:
    return a == b or ANY in (a, b)


def is_hidden(place: Annotations | None, path: Path) -> bool:
    """Whether a place of a schema, or one above it, is declared secret."""
    for step in path:
        if place is None or place.secret:
            break
        place = place.inside(step)
    return place is not None and place.secret


def leaks(taint: Taint, place: Annotations | None) -> Iterator[tuple[Origin, Origin]]:
    """What is secret, or may be given as a secret, and is put where it is shown.

    Each as it was read, and the part of it that is secret.
    """
    if place is not None and place.secret:
        return
    for origin in taint.whole:
        for path, secret in origin.secrets():
            if not is_hidden(place, path):
                yield origin, secret
        if origin.given is not None:
            yield origin, origin
    for step, part in taint.parts.items():
        yield from leaks(part, None if place is None else place.inside(step))
    if taint.rest is not None:
        yield from leaks(taint.rest, None if place is None else place.inside(ANY))

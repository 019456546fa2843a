"""Where the parts of a value come from: secrets, and what comes from outside.

A lattice of its own beside the types: it says from which variables a part of a value was taken, and
nothing of what the value is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import reduce
from typing import Final

from analyzer.taint.annotations import ANY, Annotations
from kernel.errors import Path
from kernel.structs import field, struct

_MAX_PATH_LENGTH: Final = 12


@struct
class Origin:
    """A variable, or a part of one, that a value was taken from."""

    name: str
    """As people write it: ``secrets.token``."""
    secret: bool = False
    """It must not be shown."""
    outside: bool = False
    """Somebody else may have written it."""
    given: tuple[str, Path] | None = None
    """The variable and the path in it, where a caller gives the variable."""
    mixed: bool = False
    """The value is not the whole of it, but a text with a piece of it."""
    annotations: Annotations | None = field(default=None, compare=False, repr=False)
    """What a schema says of the values inside of it."""

    @property
    def key(self) -> tuple[str, object]:
        """The same for the whole of it and for a piece of it."""
        return self.name, self.given

    def inside(self, step: str | int) -> Origin:
        """The origin of a part of it."""
        if self.mixed:
            return self
        name = self.name if step == ANY else f"{self.name}{_written(step)}"
        annotations = None if self.annotations is None else self.annotations.inside(step)
        given = self.given
        if given is not None and len(given[1]) < _MAX_PATH_LENGTH:
            given = given[0], (*given[1], step)
        secret = self.secret or (annotations is not None and annotations.secret)
        tame = annotations is not None and annotations.is_tame
        return Origin(
            name, secret, self.outside and not tame, None if secret else given, False, annotations
        )

    def secrets(self) -> Iterator[tuple[Path, Origin]]:
        """The secrets in it, with the paths that lead to them."""
        if self.secret:
            yield (), self
        elif self.annotations is not None and not self.mixed:
            for path in self.annotations.secrets:
                yield path, reduce(Origin.inside, path, self)


def _written(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step.isidentifier() else f"['{step}']"


@struct
class Taint:
    """The origins of a value: those of all of it, those of its known parts, those of the others."""

    whole: frozenset[Origin] = frozenset()
    parts: Mapping[str | int, Taint] = field(default_factory=dict)
    rest: Taint | None = None

    def __bool__(self) -> bool:
        return bool(self.whole or self.parts or self.rest)

    def inside(self, step: str | int) -> Taint:
        """The origins of one part."""
        if not self:
            return self
        found = [origin.inside(step) for origin in self.whole]
        part = Taint(frozenset(one for one in found if _matters(one)))
        if step == ANY:
            return join(part, *self.parts.values(), self.rest or CLEAN)
        return join(part, self.parts.get(step, CLEAN), self.rest or CLEAN)

    def at(self, path: Path) -> Taint:
        """The origins of the part that a path leads to."""
        return reduce(Taint.inside, path, self)

    def flat(self) -> Iterator[Origin]:
        """All origins, however deep."""
        yield from self.whole
        for part in self.parts.values():
            yield from part.flat()
        if self.rest is not None:
            yield from self.rest.flat()

    def mixed(self) -> Taint:
        """What a text is made of into which the value is put."""
        return _flattened(self, mixed=True)

    def melted(self) -> Taint:
        """What a value is made of that is computed from this one."""
        return _flattened(self, mixed=False)

    def only(self, *, secret: bool = False, outside: bool = False) -> Taint:
        """Without that it is secret, or from outside, where these are not asked for."""
        if not self:
            return self

        def kept(origin: Origin) -> Origin:
            return replace(
                origin, secret=origin.secret and secret, outside=origin.outside and outside
            )

        return mapped(self, kept)


CLEAN: Final = Taint()


def mapped(taint: Taint, change: object) -> Taint:
    """The taint with each origin changed; those that no longer matter are left out."""
    assert callable(change)
    whole = frozenset(one for one in map(change, taint.whole) if _matters(one))
    parts = {step: mapped(part, change) for step, part in taint.parts.items()}
    rest = None if taint.rest is None else mapped(taint.rest, change)
    return Taint(whole, {step: part for step, part in parts.items() if part}, rest or None)


def _matters(origin: Origin) -> bool:
    return bool(
        origin.secret
        or origin.outside
        or origin.given is not None
        or (origin.annotations is not None and origin.annotations.secrets)
    )


def _flattened(taint: Taint, *, mixed: bool) -> Taint:
    found: set[Origin] = set()
    for origin in taint.flat():
        if origin.given is not None or origin.outside:
            found.add(replace(origin, mixed=mixed or origin.mixed, annotations=None))
        found |= {replace(one, mixed=True, annotations=None) for _, one in origin.secrets()}
    return Taint(frozenset(found)) if found else CLEAN


def join(*taints: Taint) -> Taint:
    """The origins of a value that is one of several."""
    some = [one for one in taints if one]
    if len(some) < 2:
        return some[0] if some else CLEAN
    whole = frozenset[Origin]().union(*(one.whole for one in some))
    steps = {step for one in some for step in one.parts}
    parts = {step: join(*(one.parts.get(step, CLEAN) for one in some)) for step in steps}
    rest = join(*(one.rest or CLEAN for one in some))
    return Taint(whole, parts, rest or None)


def tree(parts: Iterable[tuple[str | int, Taint]]) -> Taint:
    """The taint of a structure with these parts."""
    kept = {step: part for step, part in parts if part}
    return Taint(parts=kept) if kept else CLEAN

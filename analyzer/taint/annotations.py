"""What our own keywords say of a place of a schema, and of the places inside of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final, Literal

from kernel.errors import Path
from kernel.schema import InvalidSchema, Schemas
from kernel.schema.bundle import bundle
from kernel.schema.keywords import Traits, all_schemas, traits
from kernel.schema.places import inside, spread
from kernel.structs import field, struct

ANY: Final = -1
"""In a path: any item of a list, any entry of a map."""


_MAX_DEPTH: Final = 8
_MAX_PLACES: Final = 200
_TAME_TYPES: Final = frozenset(("integer", "number", "boolean", "null"))
_WILD: Final = re.compile(r"""(?<!\\)\.|\[\^|\\[SWDxu]|['"`;]""")
"""What lets a pattern take the characters that end a text in another language."""

_CHOICE: Final = re.compile(r"\^\([^()]*\)\$")


@struct(eq=False, slots=False)
class Annotations:
    """A place of a schema: the nodes that may apply to it, and the bundled schema they are of.

    ``is_annotated``: somewhere in the schema our keywords say something.
    """

    nodes: tuple[Any, ...]
    root: Any
    is_annotated: bool
    _parts: dict[str | int, Annotations] = field(default_factory=dict)

    @cached_property
    def _spread(self) -> list[Mapping[str, Any]]:
        return spread(list(self.nodes), self.root)

    @cached_property
    def _traits(self) -> tuple[Traits, ...]:
        return tuple(map(traits, self._spread))

    @property
    def secret(self) -> bool:
        """Whether it must not be shown."""
        return self.is_annotated and any(one.secret for one in self._traits)

    @property
    def shown(self) -> bool:
        """Whether what is put there is shown to people."""
        return any(one.shown for one in self._traits)

    @property
    def untrusted(self) -> Literal["sql", "shell", "prompt"] | None:
        """What language a text that is put there is read as."""
        return next((one.untrusted for one in self._traits if one.untrusted), None)

    @cached_property
    def is_tame(self) -> bool:
        """Whether no value of it can hold text of another language: a number, one of a few."""
        return bool(self.nodes) and all(_tame(node, self.root, 0) for node in self.nodes)

    def inside(self, step: str | int) -> Annotations:
        """The place of a property, an item, or ``ANY``."""
        if step not in self._parts:
            nodes = self._entries() if step == ANY else inside(self._spread, step)
            self._parts[step] = Annotations(tuple(nodes), self.root, self.is_annotated)
        return self._parts[step]

    def at(self, path: Path) -> Annotations:
        """The place that a path leads to."""
        here = self
        for step in path:
            here = here.inside(step)
        return here

    @cached_property
    def secrets(self) -> tuple[Path, ...]:
        """The outermost places inside of it that must not be shown."""
        return tuple(path for path, place in self._walk() if place.secret)

    @cached_property
    def sinks(self) -> tuple[tuple[Path, Annotations], ...]:
        """The outermost places, itself among them, into which not all may be put."""
        found = self._walk()
        return tuple((path, place) for path, place in found if place.shown or place.untrusted)

    def _walk(self) -> Iterator[tuple[Path, Annotations]]:
        """The outermost places with an annotation; schemas that repeat are entered once."""
        if not self.is_annotated:
            return
        seen: set[frozenset[int]] = set()
        waiting: list[tuple[Path, Annotations]] = [((), self)]
        while waiting and len(seen) < _MAX_PLACES:
            path, place = waiting.pop()
            key = frozenset(map(id, place._spread))
            if not key or key in seen:
                continue
            if place.secret or place.shown or place.untrusted:
                yield path, place
                continue
            seen.add(key)
            if len(path) < _MAX_DEPTH:
                steps: list[str | int] = [*reversed(place._names()), ANY]
                waiting += [((*path, step), place.inside(step)) for step in steps]

    def _names(self) -> list[str]:
        return [name for node in self._spread for name in node.get("properties") or ()]

    def _entries(self) -> Iterator[Any]:
        for node in self._spread:
            yield from node.get("prefixItems") or ()
            yield from (node.get("patternProperties") or {}).values()
            keywords = "items", "contains", "additionalProperties", "unevaluatedProperties"
            yield from (node[one] for one in keywords if isinstance(node.get(one), Mapping))


def annotations_of(schema: Any, schemas: Schemas) -> Annotations | None:
    """The annotations of a schema; None for a wrong one, which is reported elsewhere."""
    try:
        bundled = bundle(schema, schemas)
    except InvalidSchema:
        return None
    is_annotated = any(one.secret or one.shown or one.untrusted for one in all_traits(bundled))
    return Annotations((bundled,), bundled, is_annotated)


def all_traits(schema: Any) -> Iterator[Traits]:
    """What our keywords say, anywhere in a schema as it is written."""
    return (traits(node) for _, _, node in all_schemas(schema))


def _tame(node: Any, root: Any, depth: int) -> bool:
    if not isinstance(node, Mapping) or depth > _MAX_DEPTH:
        return node is False
    if "enum" in node or "const" in node:
        return True
    if "$ref" in node and any(_tame(one, root, depth + 1) for one in spread([node], root)[1:]):
        return True
    if any(_tame(one, root, depth + 1) for one in node.get("allOf") or ()):
        return True
    for keyword in ("anyOf", "oneOf"):
        if keyword in node and all(_tame(one, root, depth + 1) for one in node[keyword]):
            return True
    types = node.get("type")
    allowed = {types} if isinstance(types, str) else set(types or ())
    if "string" in allowed and _is_tame_pattern(node.get("pattern")):
        allowed.discard("string")
        allowed.add("null")
    if "array" in allowed and "items" in node and _tame(node["items"], root, depth + 1):
        allowed.discard("array")
        allowed.add("null")
    return bool(allowed) and allowed <= _TAME_TYPES


def _is_tame_pattern(pattern: Any) -> bool:
    """Whether a pattern holds the whole text, and takes no quotes and nothing unforeseen."""
    if not isinstance(pattern, str) or not (pattern.startswith("^") and pattern.endswith("$")):
        return False
    if "|" in pattern and not _CHOICE.fullmatch(pattern):
        return False
    return _WILD.search(pattern) is None

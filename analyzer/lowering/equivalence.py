"""Whether two schemas say the same of a place, though they differ elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from kernel.errors import Path
from kernel.schema.bundle import follow
from kernel.schema.keywords import rebuilt
from kernel.schema.places import inside

MAX_NODES: Final = 5_000
"""Larger schemas are taken to differ."""

_ANNOTATIONS: Final = frozenset(
    (
        "title", "description", "examples", "deprecated", "readOnly", "writeOnly", "$comment",
        "$defs", "definitions", "format", "$schema",
    )
)  # fmt: skip
_TYPED: Final = frozenset(
    (
        "properties", "required", "additionalProperties", "items", "minimum", "maximum",
        "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems",
    )
)  # fmt: skip
"""What types say in full: of these a comparison of types is enough."""

_REACHING: Final = frozenset(
    (
        "const", "enum", "anyOf", "oneOf", "not", "if", "dependentSchemas", "contains",
        "unevaluatedItems", "unevaluatedProperties",
    )
)  # fmt: skip
"""What speaks of the inside of a value without a schema of its own for each place in it."""

_WITH: Final = {
    "if": ("then", "else"),
    "contains": ("minContains", "maxContains"),
    "additionalProperties": ("properties", "patternProperties"),
    "items": ("prefixItems",),
}
"""What a keyword says depends on these beside it."""


class TooLarge(Exception):
    """A schema has too many nodes to be written out."""


def is_same(one: Any, other: Any) -> bool:
    """Whether two bundled schemas say the same."""
    try:
        return _Writer(one).text(one) == _Writer(other).text(other)
    except TooLarge:
        return False


def implied(producer: Any, consumer: Any, path: Path, *, refined: bool) -> bool:
    """Whether a consumer's schema demands of a place what the producer's schema demands.

    Both must demand the same of the place, or of a place around it. ``refined``: types were found
    to fit except for what they cannot say, so only those keywords have to be the same.
    """
    try:
        for length in range(len(path) + 1):
            given = _demands(producer, path[:length])
            wanted = _demands(consumer, path[:length])
            if refined and length == len(path):
                wanted = {(word, text) for word, text in wanted if word not in _TYPED}
            if wanted <= given:
                return True
            if any(word in _REACHING for word, _ in wanted - given):
                return False  # what it demands of places further inside is not seen at these
    except TooLarge:
        pass
    return False


def declares(root: Any, path: Path) -> bool:
    """Whether a bundled schema has a schema of its own for the last step of a path."""
    *outer, last = path
    nodes = _holding(root, _at(root, tuple(outer)))
    return any(inside([{**node, "additionalProperties": True}], last) != [True] for node in nodes)


def is_open(root: Any, path: Path) -> bool:
    """Whether objects at a path of a value may have any fields besides those that are named."""
    nodes = _holding(root, _at(root, path))
    return all(node.get("additionalProperties", True) in (True, {}) for node in nodes)


def _at(root: Any, path: Path) -> list[Any]:
    nodes = [root]
    for step in path:
        nodes = inside(list(_holding(root, nodes)), step)
    return nodes


def _holding(root: Any, nodes: list[Any]) -> Iterator[Mapping[str, Any]]:
    """The nodes with all that certainly hold for the same value."""
    seen: set[int] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping) and id(node) not in seen:
            seen.add(id(node))
            yield node
            waiting += node.get("allOf", ())
            if "$ref" in node:
                waiting.append(follow(root, node["$ref"].removeprefix("#")))


def _demands(root: Any, path: Path) -> set[tuple[str, str]]:
    """What is demanded of a place: keywords, each with all that it depends on, written out."""
    found: set[tuple[str, str]] = set()
    for node in _holding(root, _at(root, path)):
        for keyword in node:
            if keyword in _ANNOTATIONS or keyword.startswith("x-") or keyword in ("$ref", "allOf"):
                continue
            own = (keyword, *_WITH.get(keyword, ()))
            part = (
                node
                if keyword.startswith("unevaluated")
                else {k: node[k] for k in own if k in node}
            )
            found.add((keyword, _Writer(root).text(part)))
    return found


class _Writer:
    """Writes schemas in one form: annotations left out, references followed to their first turn."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.count = 0

    def text(self, schema: Any) -> str:
        return json.dumps(self._form(schema, ()), sort_keys=True)

    def _form(self, node: Any, way: tuple[str, ...]) -> Any:
        self.count += 1
        if self.count > MAX_NODES or len(way) > 50:
            raise TooLarge
        if not isinstance(node, Mapping):
            return node
        said = {
            key: sorted(value) if key == "required" else value
            for key, value in node.items()
            if key not in _ANNOTATIONS and not key.startswith("x-")
        }
        made = rebuilt(said, lambda _, child: self._form(child, way))
        if "$ref" in made:
            made["$ref"] = self._reference(made["$ref"].removeprefix("#"), way)
        return made

    def _reference(self, target: str, way: tuple[str, ...]) -> Any:
        if target in way:
            return len(way) - way.index(target)
        return self._form(follow(self.root, target), (*way, target))

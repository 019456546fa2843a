"""Schemas whose values would never end (K104): what demands itself, over and over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from analyzer.findings.messages import k1_schemas
from analyzer.lowering.conjunction import CHOICES, Node, target
from analyzer.lowering.lower import Lowering
from analyzer.rules.schema.parts import Mistake, Parts
from analyzer.types import List, Record, Ref, Refined, Type, Union
from kernel.errors import Path
from kernel.schema.problems import show_path

MAX_STEPS = 5_000
"""A schema that takes more to look through is taken to be in order."""


def endless(lowering: Lowering, parts: Parts) -> Iterator[Mistake]:
    """The references that close a circle of demands, one for each circle."""
    seen: set[str] = set()
    ends = _Ends()
    for _, node in parts.values():
        if not _refers(node) or node.pointer in seen:
            continue
        if not ends.holds(lowering.place((node,))):
            found = _circle(lowering, ends, node, parts, seen)
            if found is not None:
                yield found


def _refers(node: Node) -> bool:
    return isinstance(node.schema, Mapping) and "$ref" in node.schema


class _Ends:
    """The types that have a finite value: the least fixed point over the references.

    A reference has a finite value if its target has one.
    """

    def __init__(self) -> None:
        self.references: dict[str, Type] = {}
        self.ended: set[str] = set()
        self.steps = 0

    def holds(self, type_: Type) -> bool:
        """Whether some value of the type ends."""
        self.steps = 0
        new = self._reached(type_)
        before = -1
        while before < len(self.ended):
            before = len(self.ended)
            for name in reversed(new):
                if name not in self.ended and self._ends(self.references[name]):
                    self.ended.add(name)
        return self._ends(type_) or self.steps > MAX_STEPS

    def _reached(self, type_: Type) -> list[str]:
        """The references that a value of the type needs, without those visited before."""
        new: list[str] = []
        waiting = [type_]
        while waiting and self.steps <= MAX_STEPS:
            self.steps += 1
            one = waiting.pop()
            if isinstance(one, Ref) and one.name not in self.references:
                self.references[one.name] = one.resolve()
                new.append(one.name)
                waiting.append(self.references[one.name])
            waiting += _demands(one)
        return new

    def _ends(self, type_: Type) -> bool:
        match type_:
            case Ref():
                return type_.name in self.ended
            case Union():
                return any(map(self._ends, type_.members))
        return all(map(self._ends, _demands(type_)))


def _demands(type_: Type) -> tuple[Type, ...]:
    """The types of the parts that a value of a type cannot be without; of a union all members."""
    match type_:
        case Record():
            return tuple(one.type for _, one in type_.fields if one.required and not one.default)
        case List(least=0):
            return ()
        case List() | Union() | Refined():
            return type_.parts
    return ()


def _circle(
    lowering: Lowering, ends: _Ends, start: Node, parts: Parts, seen: set[str]
) -> Mistake | None:
    """The circle of demands that a node leads to; None if it was reported before."""
    way: dict[str, Node] = {}
    steps: list[Path] = []
    node: Node | None = start
    while node is not None and node.pointer not in way:
        if node.pointer in seen:
            return None
        way[node.pointer] = node
        node, step = next(_demanded(lowering, ends, node), (None, ()))
        steps.append(step)
    seen.update(way)
    own = [one for one in way.values() if _refers(one) and one.pointer in parts]
    place = (*parts[own[-1].pointer][0], "$ref")
    if node is None:
        return Mistake(place, k1_schemas.ENDLESS)
    first = list(way).index(node.pointer)
    shown = show_path(part for step in steps[first:] for part in step)
    return Mistake(place, k1_schemas.endless_through(shown))


def _demanded(lowering: Lowering, ends: _Ends, node: Node) -> Iterator[tuple[Node, Path]]:
    """The nodes without an end that every value of a node needs, and where in the value."""
    for child, step in _needed(lowering.root, node):
        if not ends.holds(lowering.place((child,))):
            yield child, step


def _needed(root: Any, node: Node) -> Iterator[tuple[Node, Path]]:
    schema = node.schema
    if not isinstance(schema, Mapping):
        return
    if "$ref" in schema:
        yield target(root, node), ()
    for keyword in ("allOf", *CHOICES):
        yield from ((child, ()) for child in node.children(keyword))
    for name in schema.get("required", ()):
        if name in schema.get("properties", ()):
            yield node.child("properties", name), (name,)
        elif "additionalProperties" in schema:
            yield node.child("additionalProperties"), (name,)
    if schema.get("minItems", 0):
        if schema.get("prefixItems"):
            yield node.child("prefixItems", 0), (0,)
        elif "items" in schema:
            yield node.child("items"), (0,)

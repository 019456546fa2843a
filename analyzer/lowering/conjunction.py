"""All schema nodes that hold for one place of a value at once, and the choices among them.

``allOf`` and ``$ref`` add nodes to a place, ``anyOf`` and ``oneOf`` choose among some: a place is
a list of alternatives, each of them a conjunction of nodes without choices.

A node *settles* what its defaults and numbers say when ``Schema.conform`` certainly applies them
last (``kernel.schema.normalise``: own keywords, ``allOf``, ``$ref``, then the first branch of
``anyOf`` and of ``oneOf`` that is valid). Where two of them may work on one value, neither does.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Protocol

from analyzer.types import Type
from kernel.schema.bundle import follow, pointer
from kernel.schema.keywords import subschemas, traits
from kernel.structs import field, struct

MAX_ALTERNATIVES = 24
"""Nothing is known of a place with more of them."""

MAX_LITERALS = 250
"""So many there may be where each of them is of certain values only."""

CHOICES = ("anyOf", "oneOf")
_DEMANDS_NOTHING = {
    "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly",
    "$comment", "$defs", "definitions", "format",
}  # fmt: skip
_SAME_OR_ELEMENT = {
    "allOf", "anyOf", "oneOf", "then", "else", "dependentSchemas", "items", "prefixItems",
    "contains", "unevaluatedItems", "additionalProperties", "unevaluatedProperties",
    "patternProperties",
}  # fmt: skip


@struct
class Node:
    """A node of a bundled schema, by its pointer; ``settles`` as explained above."""

    pointer: str
    schema: Any = field(compare=False)
    settles: bool = True

    def child(self, *path: str | int) -> Node:
        """The node at a path below this node."""
        schema = self.schema
        for step in path:
            schema = schema[step]
        return Node(self.pointer + pointer(path), schema, self.settles)

    def children(self, keyword: str) -> list[Node]:
        """The nodes of a keyword that holds a list of schemas."""
        return [self.child(keyword, index) for index in range(len(self.schema.get(keyword, ())))]


Nodes = tuple[Node, ...]


class Places(Protocol):
    """What gives the types of the places inside of a value of a bundled schema."""

    root: Any

    def inner(self, nodes: Iterable[Node]) -> Type:
        """The type of a place."""

    def takes(self, place: Type, default: Any) -> bool | None:
        """Whether a place takes a default; None if that leads in a circle."""


@struct
class Choice:
    """An ``anyOf`` or ``oneOf`` of a node."""

    node: Node
    keyword: str

    @property
    def branches(self) -> list[Node]:
        """Its schemas."""
        return self.node.children(self.keyword)

    @property
    def pointer(self) -> str:
        """Where it stands in the schema."""
        return f"{self.node.pointer}/{self.keyword}"


def demands(schema: Mapping[str, Any]) -> set[str]:
    """The keywords of a node that demand something of a value."""
    return {key for key in schema if key not in _DEMANDS_NOTHING and not key.startswith("x-")}


def target(root: Any, node: Node) -> Node:
    """What a node refers to with ``$ref``."""
    place = node.schema["$ref"].removeprefix("#")
    return Node(place, follow(root, place), node.settles)


def expanded(root: Any, nodes: Iterable[Node], held: Nodes = ()) -> Nodes | None:
    """Nodes with all that ``allOf`` and ``$ref`` add, after those that are ``held`` already.

    None if no value fits (``false``).
    """
    found = {node.pointer: node for node in held}
    waiting = list(nodes)[::-1]
    while waiting:
        node = waiting.pop()
        if node.schema is False:
            return None
        if node.pointer in found or not isinstance(node.schema, Mapping):
            continue
        found[node.pointer] = node
        if "$ref" in node.schema:
            waiting.append(target(root, node))
        waiting += reversed(node.children("allOf"))
    return tuple(found.values())


def alternatives(root: Any, nodes: Nodes) -> list[Nodes] | None:
    """The conjunctions of which a value of the place fits one; None if there are too many."""
    done: list[Nodes] = []
    first = expanded(root, nodes)
    waiting: list[tuple[Nodes, frozenset[str]]] = [] if first is None else [(first, frozenset())]
    while waiting:
        held, taken = waiting.pop(0)
        choice = next((one for one in choices(held) if one.pointer not in taken), None)
        if choice is None:
            done.append(held)
        else:
            taken |= {choice.pointer}
            made = [expanded(root, (branch,), held) for branch in choice.branches]
            waiting[:0] = [(one, taken) for one in made if one is not None]
        if len(waiting) + len(done) > MAX_ALTERNATIVES and (
            len(waiting) + len(done) > MAX_LITERALS
            or not all(map(_is_literal, chain(done, (one for one, _ in waiting))))
        ):
            return None
    return done


def _is_literal(held: Nodes) -> bool:
    return any("const" in node.schema or "enum" in node.schema for node in held)


def choices(held: Nodes) -> Iterator[Choice]:
    """The choices of nodes themselves."""
    for node in held:
        yield from (Choice(node, keyword) for keyword in CHOICES if keyword in node.schema)


def reached(root: Any, node: Node, by: Container[str | int] | None = None) -> Iterator[Node]:
    """A node, and those that it leads to: by references, and inside of it ``by`` some keywords."""
    seen: set[str] = set()
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if here.pointer in seen or not isinstance(here.schema, Mapping):
            continue
        seen.add(here.pointer)
        yield here
        inner = (path for path, _ in subschemas(here.schema) if by is None or path[0] in by)
        waiting += [here.child(*path) for path in inner]
        if "$ref" in here.schema:
            waiting.append(target(root, here))


def is_secret(root: Any, node: Node) -> bool:
    """Whether a value at a node, or an element of it, is secret (``kernel.schema.redact``)."""
    return any(traits(one.schema).secret for one in reached(root, node, _SAME_OR_ELEMENT))


class Reach:
    """What the normalisation of a bundled schema does where; remembered by pointer."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self._changing: dict[str, bool] = {}

    def changes(self, node: Node, only_defaults: bool = False) -> bool:
        """Whether a default, or a number's type, is in reach of a node."""
        key = f"{node.pointer}?{only_defaults}"
        if key not in self._changing:
            self._changing[key] = any(
                "default" in one.schema or (not only_defaults and numeric(one.schema))
                for one in reached(self.root, node)
            )
        return self._changing[key]

    def settled(self, nodes: Nodes, depth: int = 0) -> bool:
        """Whether the choices of a place certainly give the same value, whichever branch is taken.

        That is so when at most one of them changes a value, and is applied last.
        """
        held = expanded(self.root, nodes) or ()
        changing = [
            one for one in choices(held) if any(self.changes(branch) for branch in one.branches)
        ]
        if not changing:
            return True
        if len(changing) > 1 or len(nodes) > 1 or depth > 20:
            return False
        return self._last(nodes[0]) == changing[0] and all(
            self.settled((branch,), depth + 1) for branch in changing[0].branches
        )

    def _last(self, node: Node) -> Choice | None:
        """The choice of a node that is normalised last."""
        for _ in range(100):
            if not isinstance(node.schema, Mapping):
                return None
            own = list(choices((node,)))
            if own:
                return own[-1]
            if "$ref" in node.schema:
                node = target(self.root, node)
            elif node.schema.get("allOf"):
                node = node.children("allOf")[-1]
            else:
                return None
        return None


def numeric(schema: Mapping[str, Any]) -> str | None:
    """``number`` or ``integer`` where a node makes that of numbers (kernel.schema.normalise)."""
    names = {"number", "integer"} & set(types_of(schema))
    return next(iter(names)) if len(names) == 1 else None


def types_of(schema: Mapping[str, Any]) -> list[str]:
    """The names in ``type``; none where a node says nothing of it."""
    types = schema.get("type", [])
    return types if isinstance(types, list) else [types]

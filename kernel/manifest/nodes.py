"""The exact reading of one YAML document: a tree of nodes with places, and its faults.

It is made from libyaml's events without recursion, when a place is asked for, or when a document
has something that the quick reading of `kernel.manifest.stream` leaves to it: anchors, tags, keys
that are not strings, duplicates. A node that is reached through an alias is the anchored node.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from kernel.errors import BoolStep, Fault, ManifestError, Path
from kernel.manifest.scalars import (
    NotJson,
    Scalar,
    has_surrogate,
    joined,
    resolve,
    resolve_tagged,
    without_surrogates,
)
from kernel.manifest.source import Source
from kernel.structs import field, struct

MAX_DEPTH = 100  # deeper nesting is a fault; what reads documents may therefore recurse over them
MAX_NODES = 1_000_000  # a document that is larger, with its aliases expanded, is a fault
MAX_FAULTS = 100  # a document with more faults is not read to its end
_CORE = "tag:yaml.org,2002:"
_SCALAR_TAGS = ("str", "int", "float", "bool", "null")


@struct(frozen=False, eq=False)
class Node:
    """A node of YAML. ``start`` and ``end`` are offsets into the whole source.

    ``style`` is ``""`` for plain scalars and block collections, else the opening character.
    Mappings hold ``keys`` and, in the same order, ``items``; a key that stands twice is in
    ``faults`` and not here. ``size`` and ``depth`` count aliases as if they were written out.
    """

    kind: Literal["scalar", "sequence", "mapping"]
    start: int
    end: int
    style: str = ""
    value: Scalar = None
    text: str = ""
    keys: list[Node] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)
    size: int = 1
    depth: int = 0
    closed: bool = True
    index: dict[tuple[type, Scalar], int] | None = None

    def child(self, key: str | int | float | bool | None) -> tuple[Node | None, Node] | None:
        """The node of the key (None in a sequence) and of the value, or None."""
        if self.kind == "sequence":
            if type(key) is int and 0 <= key < len(self.items):
                return None, self.items[key]
            return None
        if self.index is None:
            self.index = {(type(k.value), k.value): n for n, k in enumerate(self.keys)}
        key = key.key if isinstance(key, BoolStep) else key
        place = self.index.get((type(key), key))
        if place is None and type(key) is str:  # a path that went through JSON
            place = next((n for n, k in enumerate(self.keys) if k.text == key), None)
        return None if place is None else (self.keys[place], self.items[place])

    def escaped(self, text: str) -> str:
        """A part of a text, of one line, as it is written within this scalar."""
        if self.style == "'":
            return text.replace("'", "''")
        return re.sub(r'(["\\])', r"\\\1", text) if self.style == '"' else text


class Composed(NamedTuple):
    """The root of a document and everything that is wrong with it."""

    root: Node
    faults: list[Fault]


@struct(frozen=False)
class _Open:
    """A collection that is being read; ``key`` is the key that waits for its value.

    ``merged`` are the mappings under merge keys, which are faults: what they mean is read all the
    same, so that nothing else seems to be wrong.
    """

    node: Node
    anchor: str | None
    key: Node | None = None
    drop: bool = False
    is_merge: bool = False
    merged: list[Node] = field(default_factory=list)
    seen: dict[tuple[bool, Scalar], Node] = field(default_factory=dict)


def _identity(value: Scalar) -> tuple[bool, Scalar]:
    """What tells keys from each other: ``1`` and ``true`` are two, which Python takes for one."""
    return isinstance(value, bool), value


class _Composer:
    def __init__(self, source: Source, offset: int) -> None:
        self.source = source
        self.offset = offset
        self.faults: list[Fault] = []
        self.anchors: dict[str, Node] = {}
        self.stack: list[_Open] = []
        self.root: Node | None = None

    def fault(self, code: str, message: str, node: Node, help: str | None = None) -> None:
        span = self.source.span(node.start, node.end)
        self.faults.append(Fault(code, message, span, help, self.path()))
        if len(self.faults) > MAX_FAULTS:
            raise ManifestError(self.faults)

    def give_up(self, message: str, node: Node) -> ManifestError:
        self.fault("K001", message, node)
        return ManifestError(self.faults)

    def path(self) -> Path:
        steps: list[str | int] = []
        for part in self.stack:
            if part.key is not None:
                steps.append(part.key.value if isinstance(part.key.value, int) else part.key.text)
            elif part.node.kind == "sequence":
                steps.append(len(part.node.items))
        return tuple(steps)

    def open(self, event: Any, kind: Literal["sequence", "mapping"]) -> None:
        style = ("[" if kind == "sequence" else "{") if event.flow_style else ""
        node = Node(kind, *self._marks(event), style, closed=False)
        if len(self.stack) >= MAX_DEPTH:
            raise self.give_up(f"nested more than {MAX_DEPTH} levels deep", node)
        self._check_tag(event, node, ("map",) if kind == "mapping" else ("seq",))
        self._anchor(event.anchor, node)
        self.stack.append(_Open(node, event.anchor))

    def close(self, event: Any) -> None:
        top = self.stack.pop()
        node = top.node
        node.closed = True
        if node.style:
            node.end = event.end_mark.index + self.offset
        elif node.items:
            node.end = max(node.items[-1].end if node.items[-1].start > node.start else 0, node.end)
        _merge(top)
        self.attach(node)

    def scalar(self, event: Any) -> None:
        node = Node("scalar", *self._marks(event), event.style or "", text=event.value)
        node.value = self._value(event, node)
        if node.style in ("|", ">"):
            # Without the line breaks, and lines of less indent, after the content.
            node.end = node.start + len(self.source.text[node.start : node.end].rstrip(" \t\r\n"))
        elif not event.value and node.start == node.end and self.stack:
            node.start = node.end = self._empty_place(node.start)
        self._anchor(event.anchor, node)
        self.attach(node)

    def alias(self, event: Any) -> None:
        here = Node("scalar", *self._marks(event))
        target = self.anchors.get(event.anchor)
        if target is None:
            raise self.give_up(f"there is no anchor &{event.anchor} before this alias", here)
        if not target.closed:
            raise self.give_up(f"the alias *{event.anchor} stands inside of what it means", here)
        self.attach(target, here)

    def attach(self, node: Node, place: Node | None = None) -> None:
        place = place or node
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        parent = top.node
        parent.end = max(parent.end, place.end)
        parent.size += node.size
        parent.depth = max(parent.depth, node.depth + 1)
        if parent.size > MAX_NODES:
            raise self.give_up(f"more than {MAX_NODES} values with its aliases expanded", place)
        if len(self.stack) + node.depth > MAX_DEPTH:
            raise self.give_up(f"nested more than {MAX_DEPTH} levels deep by its aliases", place)
        if parent.kind == "sequence":
            parent.items.append(node)
        elif top.key is None:
            self._take_key(top, node, place)
        else:
            if not top.drop:
                parent.keys.append(top.key)
                parent.items.append(node)
            elif top.is_merge:
                top.merged += node.items if node.kind == "sequence" else [node]
            top.key = None

    def _take_key(self, top: _Open, key: Node, place: Node) -> None:
        top.drop = top.is_merge = False
        if key.kind != "scalar":
            self.fault("K001", f"a {key.kind} cannot be a key", place)
            top.drop = True
        elif key.value == "<<" and not key.style:
            help = "YAML 1.2 has no merge keys; write the fields out"
            self.fault("K001", "the merge key << is not supported", place, help)
            top.drop = top.is_merge = True
        elif (first := top.seen.setdefault(_identity(key.value), key)) is not key:
            line, column = self.source.position(first.start)
            top.key = key
            message = f"the key {key.text!r} stands here a second time"
            self.fault("K002", message, place, f"the first is at line {line}, column {column}")
            top.drop = True
        top.key = key

    def _value(self, event: Any, node: Node) -> Scalar:
        try:
            if has_surrogate(event.value):
                node.text = joined(event.value)
            if event.ctag is not None:
                tag = self._check_tag(event, node, _SCALAR_TAGS)
                return resolve_tagged(node.text, tag)
            return node.text if node.style else resolve(event.value)
        except ValueError as error:
            self.fault("K010" if isinstance(error, NotJson) else "K001", str(error), node)
            # What follows shall not report it a second time, as a value of the wrong type.
            number = isinstance(error, NotJson) and not has_surrogate(node.text)
        return 0.0 if number else without_surrogates(node.text)

    def _check_tag(self, event: Any, node: Node, allowed: tuple[str, ...]) -> str:
        tag = None if event.ctag is None else str(event.ctag)
        if tag is None or tag == "!":
            return allowed[0]
        short = tag.removeprefix(_CORE)
        if tag.startswith(_CORE) and short in allowed:
            return short
        self.fault("K001", f"the tag {tag} is not one of YAML's core schema", node)
        return allowed[0]

    def _anchor(self, anchor: str | None, node: Node) -> None:
        if anchor is not None:
            self.anchors[anchor] = node

    def _marks(self, event: Any) -> tuple[int, int]:
        return event.start_mark.index + self.offset, event.end_mark.index + self.offset

    def _empty_place(self, start: int) -> int:
        """libyaml puts an absent value at the next token; it belongs right after its colon."""
        top = self.stack[-1]
        if top.key is None:
            return start
        text = self.source.text
        colon = text.find(":", top.key.end, start + 1)
        return colon + 1 if colon >= 0 else start


def _merge(top: _Open) -> None:
    """Add what merge keys mean: the pairs of mappings whose keys are not there."""
    for one in top.merged:
        for key, item in zip(one.keys, one.items, strict=True):
            if top.seen.setdefault(_identity(key.value), key) is key:
                top.node.keys.append(key)
                top.node.items.append(item)


def compose(get: Callable[[], Any], source: Source, offset: int) -> Composed:
    """Read one document from the events that ``get`` gives; raises ManifestError where none is.

    ``offset`` is where the events' text begins in the source.
    """
    composer = _Composer(source, offset)
    actions: dict[str, Callable[[Any], None]] = {
        "ScalarEvent": composer.scalar,
        "AliasEvent": composer.alias,
        "MappingStartEvent": lambda event: composer.open(event, "mapping"),
        "SequenceStartEvent": lambda event: composer.open(event, "sequence"),
        "MappingEndEvent": composer.close,
        "SequenceEndEvent": composer.close,
    }
    while (event := get()) is not None:
        name = type(event).__name__
        if name in actions:
            actions[name](event)
        elif name == "DocumentEndEvent":
            break
    assert composer.root is not None
    return Composed(composer.root, composer.faults)


def _mapping(keys: list[Scalar], items: list[Any]) -> Any:
    """A mapping of YAML: a dict, but where it has both a bool and the number that Python takes for
    the same key."""
    made = dict(zip(keys, items, strict=True))
    if len(made) == len(keys):
        return made
    from kernel.cel.values import MixedMap  # for start-up time

    return MixedMap.of(zip(keys, items, strict=True))


def to_data(root: Node) -> Any:
    """The plain Python value of a tree; what an alias shares is shared."""
    made: dict[int, Any] = {}

    def convert(node: Node) -> Any:
        if node.kind == "scalar":
            return node.value
        if id(node) not in made:
            items = [convert(item) for item in node.items]
            if node.kind == "mapping":
                made[id(node)] = _mapping([key.value for key in node.keys], items)
            else:
                made[id(node)] = items
        return made[id(node)]

    return convert(root)

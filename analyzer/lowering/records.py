"""The records and maps that a conjunction of schema nodes leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from analyzer.lowering.conjunction import CHOICES, Node, Nodes, Places, expanded, is_secret
from analyzer.types import NEVER, Dyn, Field, Map, Never, Record, Type, union
from kernel.schema.keywords import subschemas

_AT_TIMES = ("then", "else", "dependentSchemas")
_TELLING = {*_AT_TIMES, "dependentRequired", "allOf", *CHOICES}

UNDECLARED = Dyn("no schema says what it is")
"""The type of a field that is required, or may be there, but that no schema declares."""

IN_OPEN = Dyn("it is in a field that an open alternative may have")
"""The type of what is in a field that only other alternatives declare."""


def object_shape(places: Places, held: Nodes, why: list[str]) -> Type:
    """The type of the objects for which all nodes of a conjunction hold."""
    names = dict.fromkeys(
        name
        for node in held
        for keyword in ("properties", "required")
        for name in node.schema.get(keyword, ())
    )
    required = {name for node in held for name in node.schema.get("required", ())}
    silent = not any("required" in node.schema for node in held)
    conditional = set(_required_at_times(places.root, held))
    fields = []
    for name in names:
        field = _field(places, name, held, name in required, silent or name in conditional, why)
        if field.required and isinstance(field.type, Never):
            return NEVER
        fields.append((name, field))
    rest = _rest(places, held)
    patterns = _patterns(places, held)
    if not fields and not patterns and not isinstance(rest, Dyn | Never):
        return Map(rest)
    return Record(tuple(fields), rest, patterns, _unmatched(places, held) if patterns else NEVER)


def _field(
    places: Places, name: str, held: Nodes, required: bool, silent: bool, why: list[str]
) -> Field:
    nodes = tuple(_at(held, name))
    type_ = places.inner(nodes) if nodes else UNDECLARED
    given = [
        node for node in nodes if isinstance(node.schema, Mapping) and "default" in node.schema
    ]
    # Other keywords than ``properties`` give no defaults.
    is_property = any(name in node.schema.get("properties", ()) for node in held)
    default = False
    if given and len(nodes) > 1:
        why.append("defaults in several schemas")
    elif given and given[0].settles and is_property:
        taken = places.takes(type_, given[0].schema["default"])
        if taken is None:
            why.append("default")
        default, required = taken is not False, True
    secret = any(is_secret(places.root, node) for node in nodes)
    return Field(type_, required, secret, silent and not required, default, bool(nodes))


def _required_at_times(root: Any, held: Nodes) -> Iterator[str]:
    """The fields that are demanded where some other schema holds, or another field is there."""
    seen: set[str] = set()
    waiting = list(held)
    while waiting:
        node = waiting.pop()
        if node.pointer in seen or not isinstance(node.schema, Mapping):
            continue
        seen.add(node.pointer)
        if not node.schema.keys() & _TELLING:
            continue
        for names in (node.schema.get("dependentRequired") or {}).values():
            yield from names
        inner = [node.child(*path) for path, _ in subschemas(node.schema) if path[0] in _AT_TIMES]
        for one in expanded(root, inner) or ():
            yield from one.schema.get("required", ())
        waiting += inner
        waiting += [one for keyword in ("allOf", *CHOICES) for one in node.children(keyword)]


def _at(held: Nodes, name: str) -> Iterator[Node]:
    """The nodes for a field (``kernel.schema.places``)."""
    for node in held:
        found = False
        if name in node.schema.get("properties", ()):
            found = True
            yield node.child("properties", name)
        for pattern in node.schema.get("patternProperties", ()):
            if matches(pattern, name):
                found = True
                yield node.child("patternProperties", pattern)
        if not found and "additionalProperties" in node.schema:
            yield node.child("additionalProperties")


def matches(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern of ``patternProperties``."""
    from kernel.schema.engine import pattern_matcher

    return pattern_matcher(pattern)(name)


def _rest(places: Places, held: Nodes) -> Type:
    """The type of the fields that no node names; with patterns, of any that one may match."""
    patterns = [
        node.child("patternProperties", pattern)
        for node in held
        for pattern in node.schema.get("patternProperties", ())
    ]
    return union([_unmatched(places, held), *(places.inner((node,)) for node in patterns)])


def _unmatched(places: Places, held: Nodes) -> Type:
    """The type of the fields that no node names, and whose names match no pattern."""
    others = [
        node.child("additionalProperties") for node in held if "additionalProperties" in node.schema
    ]
    return places.inner(others) if others else UNDECLARED


def _patterns(places: Places, held: Nodes) -> tuple[tuple[str, Type], ...]:
    """The types of fields by patterns, where one node alone tells them."""
    telling = [
        node for node in held if node.schema.keys() & {"patternProperties", "additionalProperties"}
    ]
    if len(telling) != 1:
        return ()
    return tuple(
        (pattern, places.inner((telling[0].child("patternProperties", pattern),)))
        for pattern in telling[0].schema.get("patternProperties", ())
    )

"""The records and maps that a conjunction of schema nodes leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from analyzer.conjunction import Node, Nodes, Places, is_secret
from analyzer.types import NEVER, Dyn, Field, Map, Never, Record, Type, union

_UNDECLARED = Dyn("no schema says what it is")


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
    fields = []
    for name in names:
        field = _field(places, name, held, name in required, silent, why)
        if field.required and isinstance(field.type, Never):
            return NEVER
        fields.append((name, field))
    rest = _rest(places, held)
    if not fields and not isinstance(rest, Dyn | Never):
        return Map(rest)
    return Record(tuple(fields), rest)


def _field(
    places: Places, name: str, held: Nodes, required: bool, silent: bool, why: list[str]
) -> Field:
    nodes = tuple(_at(held, name))
    type_ = places.inner(nodes) if nodes else _UNDECLARED
    given = [
        node for node in nodes if isinstance(node.schema, Mapping) and "default" in node.schema
    ]
    default = False
    if given and len(nodes) > 1:
        why.append("defaults in several schemas")
    elif given and given[0].settles and _by_properties(held, name):
        taken = places.takes(type_, given[0].schema["default"])
        if taken is None:
            why.append("default")
        default, required = taken is not False, True
    secret = any(is_secret(places.root, node) for node in nodes)
    return Field(type_, required, secret, silent and not required, default)


def _by_properties(held: Nodes, name: str) -> bool:
    """Whether the field is one of ``properties``: other keywords give no defaults."""
    return any(name in node.schema.get("properties", ()) for node in held)


def _at(held: Nodes, name: str) -> Iterator[Node]:
    """The nodes for a field (``kernel.schema.places``)."""
    for node in held:
        found = False
        if name in node.schema.get("properties", ()):
            found = True
            yield node.child("properties", name)
        for pattern in node.schema.get("patternProperties", ()):
            if _matches(pattern, name):
                found = True
                yield node.child("patternProperties", pattern)
        if not found and "additionalProperties" in node.schema:
            yield node.child("additionalProperties")


def _matches(pattern: str, name: str) -> bool:
    from kernel.schema.engine import pattern_matcher

    return pattern_matcher(pattern)(name)


def _rest(places: Places, held: Nodes) -> Type:
    """The type of the fields that no node names; with patterns, of any that one may match."""
    others = [
        node.child("additionalProperties") for node in held if "additionalProperties" in node.schema
    ]
    patterns = [
        node.child("patternProperties", pattern)
        for node in held
        for pattern in node.schema.get("patternProperties", ())
    ]
    types = [places.inner((node,)) for node in patterns]
    return union([places.inner(others) if others else _UNDECLARED, *types])

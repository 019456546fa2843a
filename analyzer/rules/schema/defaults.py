"""Defaults that another schema of the same field refuses (K105).

A default that breaks its own schema is reported when the manifest is loaded; here ``allOf`` and
``$ref`` demand more of the field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from analyzer.findings.messages import k1_schemas
from analyzer.lowering.conjunction import Node, expanded
from analyzer.lowering.lower import Lowering
from analyzer.rules.schema.parts import Mistake, Parts
from analyzer.types import Never, Type


def refused_defaults(lowering: Lowering, parts: Parts) -> Iterator[Mistake]:
    """The defaults that another schema of the same field refuses."""
    told: set[str] = set()
    for _, node in parts.values():
        held = expanded(lowering.root, (node,)) or ()
        if len(held) < 2:
            continue
        for name, schemas in _fields(held).items():
            own = [one for one in schemas if "default" in one.schema]
            if len(schemas) < 2 or len(own) != 1:
                continue
            pointer = own[0].pointer
            if pointer not in parts or pointer in told:
                continue
            if _is_refused(lowering, own[0], lowering.place(tuple(schemas))):
                told.add(pointer)
                yield Mistake((*parts[pointer][0], "default"), k1_schemas.refused_default(name))


def _fields(held: tuple[Node, ...]) -> dict[str, list[Node]]:
    """The schemas of each field in a conjunction."""
    found: dict[str, list[Node]] = {}
    for node in held:
        for name, schema in node.schema.get("properties", {}).items():
            if isinstance(schema, Mapping):
                found.setdefault(name, []).append(node.child("properties", name))
    return found


def _is_refused(lowering: Lowering, own: Node, place: Type) -> bool:
    """Whether some value fits all schemas of a field, but not the default, which fits its own."""
    default = own.schema["default"]
    if isinstance(place, Never) or lowering.takes(lowering.place((own,)), default) is not True:
        return False
    return lowering.takes(place, default) is False

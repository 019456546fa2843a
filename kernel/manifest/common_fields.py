"""The field that every topology has, whether the schema of its kind declares it or not.

``concurrency`` (language.md, Topologies): a kind may give another field its role, or declare a
field of that name for something else; then its resources have no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel.manifest.model import Definition
from kernel.schema.keywords import role_of

CONCURRENCY = "concurrency"

NODE: Mapping[str, Any] = {
    "description": "How many invocations go on at a time, and what becomes of one that finds no "
    "slot free.",
    "x-kernel-role": CONCURRENCY,
    "type": "object",
}
"""What the schema of a kind would say of it."""


def has_common_concurrency(definition: Definition) -> bool:
    """Whether the resources of a kind have the field without a declaration."""
    if definition.topology is None or definition.body is not None:
        return False
    schema = definition.schema
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping):
        return True
    declared = [role_of(node) for node in properties.values()]
    return CONCURRENCY not in properties and CONCURRENCY not in declared


def own_fields(definition: Definition, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of a resource that the schema of its kind says something about."""
    if CONCURRENCY not in fields or not has_common_concurrency(definition):
        return fields
    return {name: value for name, value in fields.items() if name != CONCURRENCY}


def with_common_fields(definition: Definition, schema: Any) -> Any:
    """The schema of a kind's fields, with what its resources have besides, where it lists any."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not has_common_concurrency(definition):
        return schema
    return {**schema, "properties": {**properties, CONCURRENCY: NODE}}

"""Redaction: what a value looks like where secrets must not be seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kernel.errors import Path
from kernel.schema.bundle import follow
from kernel.schema.keywords import all_schemas, traits
from kernel.schema.places import inside, spread

REDACTED = "[redacted]"


def compile_redaction(schema: Any) -> Callable[[Any], Any] | None:
    """What redacts values of a bundled schema; None if the schema has no secret.

    A place is secret if any subschema that may apply to it says so, whether its branch is taken
    or not, and so is everything inside of it. Values need not be valid; the given one is not
    changed.
    """
    if not any(traits(node).secret for _, _, node in all_schemas(schema)):
        return None
    return lambda value: _redact(value, spread([schema], schema), schema)


def secret_at(schema: Any, path: Path, pointer: str = "") -> bool:
    """Whether the place that a path leads to, or one above it, is secret.

    The path starts at a value of the node at ``pointer`` of the bundled schema.
    """
    nodes = spread([follow(schema, pointer)], schema)
    for step in path:
        if _secret(nodes):
            return True
        nodes = spread(inside(nodes, step), schema)
    return _secret(nodes)


def _redact(value: Any, nodes: list[Mapping[str, Any]], root: Any) -> Any:
    if not nodes:
        return value
    if _secret(nodes):
        return REDACTED
    if type(value) is dict:
        return {k: _redact(v, spread(inside(nodes, k), root), root) for k, v in value.items()}
    if type(value) is list:
        return [_redact(v, spread(inside(nodes, i), root), root) for i, v in enumerate(value)]
    return value


def _secret(nodes: list[Mapping[str, Any]]) -> bool:
    return any(traits(node).secret for node in nodes)

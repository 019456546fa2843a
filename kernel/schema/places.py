"""Which schema nodes apply to a place of a value (those of a bundled schema)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel.schema.bundle import follow
from kernel.schema.engine import pattern_matcher


def spread(nodes: list[Any], root: Any) -> list[Mapping[str, Any]]:
    """The nodes with all that apply to the same value as they do."""
    found: list[Mapping[str, Any]] = []
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if not isinstance(node, Mapping) or any(node is other for other in found):
            continue
        found.append(node)
        for keyword in ("allOf", "anyOf", "oneOf"):
            waiting += node.get(keyword) or ()
        waiting += [node[keyword] for keyword in ("then", "else") if keyword in node]
        waiting += (node.get("dependentSchemas") or {}).values()
        if "$ref" in node:
            waiting.append(follow(root, node["$ref"].removeprefix("#")))
    return found


def inside(nodes: list[Mapping[str, Any]], step: str | int) -> list[Any]:
    """The nodes for a property or an item."""
    found: list[Any] = []
    for node in nodes:
        if isinstance(step, int):
            prefix = node.get("prefixItems") or ()
            if step < len(prefix):
                found.append(prefix[step])
            elif "items" in node:
                found.append(node["items"])
            found += [node[k] for k in ("contains", "unevaluatedItems") if k in node]
        else:
            found += _properties(node, step)
    return found


def _properties(node: Mapping[str, Any], name: str) -> list[Any]:
    found = [node["properties"][name]] if name in (node.get("properties") or {}) else []
    for pattern, child in (node.get("patternProperties") or {}).items():
        if pattern_matcher(pattern)(name):
            found.append(child)
    if not found and "additionalProperties" in node:
        found.append(node["additionalProperties"])
    return found + ([node["unevaluatedProperties"]] if "unevaluatedProperties" in node else [])

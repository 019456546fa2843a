"""A quick look at schemas: most are so plain that nothing can be wrong with them."""

from __future__ import annotations

from typing import Any, Final

_PLAIN: Final = frozenset(
    (
        "type", "properties", "required", "additionalProperties", "items", "enum", "minimum",
        "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern", "format", "title",
        "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment",
    )
)  # fmt: skip
_BOUNDS: Final = (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems"))
_EXACT: Final = 2**53


def is_plain(schema: Any) -> bool:
    """Whether this quick check proves that a schema has no mistakes."""
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if type(node) is not dict or not _is_plain(node):
            return False
        inner = node.get("properties")
        if inner:
            waiting += inner.values()
        if "items" in node:
            waiting.append(node["items"])
        if node.get("additionalProperties", True) not in (True, False):
            waiting.append(node["additionalProperties"])
    return True


def _is_plain(node: dict[str, Any]) -> bool:
    if not node.keys() <= _PLAIN and not all(
        key in _PLAIN or (type(key) is str and key.startswith("x-")) for key in node
    ):
        return False
    if len(node) == 1 and "type" in node:
        return True
    properties = node.get("properties", {})
    if type(properties) is not dict:
        return False
    if "required" in node and not _are_there(node["required"], properties):
        return False
    if "enum" in node and not _is_word(node):
        return False
    return all(_apart(node, least, most) for least, most in _BOUNDS)


def _are_there(required: Any, properties: dict[str, Any]) -> bool:
    return type(required) is list and all(
        type(name) is str and name in properties for name in required
    )


def _is_word(node: dict[str, Any]) -> bool:
    if (
        node.get("type", "string") != "string"
        or {"pattern", "minLength", "maxLength"} & node.keys()
    ):
        return False
    values = node["enum"]
    return type(values) is list and bool(values) and all(type(value) is str for value in values)


def _apart(node: dict[str, Any], least: str, most: str) -> bool:
    low, high = node.get(least, 0), node.get(most, _EXACT)
    if type(low) is not int or type(high) is not int:
        return False
    return -_EXACT <= low <= high <= _EXACT if least in node else -_EXACT <= high <= _EXACT

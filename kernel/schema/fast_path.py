"""The fast path for flat schemas: most values fit as they are, and this tells at once.

For an object whose properties are plain scalars a function is made that says True only for values
that :meth:`Schema.conform` would give back unchanged; whatever it does not know it leaves to that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kernel.schema.plain import MAX_TEXT, is_json

FastPath = Callable[[Any], bool]

MAX_PROPERTIES = 32

_OBJECT = {"type", "properties", "required", "additionalProperties", "$defs", "definitions"}
_SILENT = {"title", "description", "default", "examples", "deprecated", "format", "$comment"}
_MISSING = object()


def leave(value: Any) -> bool:
    """The fast path of a schema that has none: it knows no value."""
    return False


def compile_fast_path(schema: Any) -> FastPath:
    """What tells at once that a value fits a bundled schema."""
    if not isinstance(schema, Mapping) or schema.get("type") != "object":
        return leave
    properties, required = schema.get("properties"), schema.get("required", [])
    if not isinstance(properties, Mapping) or not 0 < len(properties) <= MAX_PROPERTIES:
        return leave
    if not _only(schema, _OBJECT) or not set(required) <= set(properties):
        return leave
    constants: dict[str, Any] = {"MISSING": _MISSING}
    lines = ["def fits(value):", " if type(value) is not dict: return False", " left = len(value)"]
    for number, (name, node) in enumerate(properties.items()):
        test = _test(node, number, constants)
        if test is None or not is_json(name):
            return leave
        constants[f"name{number}"] = name
        needed = name in required or "default" in node
        lines += _property(number, test, needed)
    lines.append(" return left == 0")
    # Names and bounds go in as constants: no text of the schema becomes code.
    exec("\n".join(lines), constants)
    made: FastPath = constants["fits"]
    return made


def _only(schema: Mapping[str, Any], known: set[str]) -> bool:
    rest = (key for key in schema if key not in known and key not in _SILENT)
    return all(key.startswith("x-kernel-") for key in rest)


def _property(number: int, test: str, needed: bool) -> Iterator[str]:
    yield f" item = value.get(name{number}, MISSING)"
    yield " if item is MISSING:"
    yield "  return False" if needed else "  pass"
    yield f" elif {test}: left -= 1"
    yield " else: return False"


def _test(node: Any, number: int, constants: dict[str, Any]) -> str | None:
    """Python for whether ``item`` is of a scalar type; None for what is not so plain."""
    if not isinstance(node, Mapping):
        return None
    match node.get("type"):
        case "string" if _only(node, {"type"}):
            return f"type(item) is str and item.isascii() and len(item) <= {MAX_TEXT:d}"
        case "string" if _only(node, {"type", "enum"}):
            constants[f"known{number}"] = frozenset(
                text for text in node["enum"] if type(text) is str
            )
            return f"type(item) is str and item in known{number}"
        case "boolean" if _only(node, {"type"}):
            return "type(item) is bool"
        case "number" if _only(node, {"type"}):
            return "type(item) is float and item - item == 0.0"
        case "integer" if _only(node, {"type", "minimum", "maximum"}):
            bounds = node.get("minimum"), node.get("maximum")
            if not all(type(bound) is int for bound in bounds):
                return None
            constants[f"least{number}"], constants[f"most{number}"] = bounds
            return f"type(item) is int and least{number} <= item <= most{number}"
    return None

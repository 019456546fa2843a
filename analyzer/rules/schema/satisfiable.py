"""Schemas that no value fits (K103): the innermost place that is the cause, and why.

``false``, and ``not: {}``, say that something is never there. They are left alone where nothing
demands it: an optional field, the rest of a closed object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from analyzer.findings.message import Message
from analyzer.findings.messages import k1_schemas
from analyzer.lowering.by_kind import json_kind, json_kinds
from analyzer.lowering.conjunction import Node, choices, target, types_of
from analyzer.lowering.lower import Lowering
from analyzer.lowering.records import matches
from analyzer.rules.schema.parts import Mistake, Parts, described
from analyzer.types import Never, Refined
from analyzer.types.acceptance import accepts
from analyzer.types.samples import all_values

_BOUNDS: Final = (
    ("number", "minimum", "maximum"),
    ("number", "exclusiveMinimum", "maximum"),
    ("number", "minimum", "exclusiveMaximum"),
    ("number", "exclusiveMinimum", "exclusiveMaximum"),
    ("string", "minLength", "maxLength"),
    ("array", "minItems", "maxItems"),
    ("object", "minProperties", "maxProperties"),
)


def unsatisfiable(lowering: Lowering, parts: Parts) -> Iterator[Mistake]:
    """The causes for which no value fits a part of a schema."""
    root = lowering.root
    causes: dict[str, Mistake] = {}
    for place, (path, node) in parts.items():
        if not path or not is_false(root, node):
            cause = _cause(lowering, node)
            if cause is not None:
                causes[place] = Mistake(path + cause.path, cause.message)
    for place, found in causes.items():
        _, node = parts[place]
        if not any(_is_blamed(lowering, one, parts, causes) for one in _inside(root, node)):
            yield found


def _inside(root: Any, node: Node) -> Iterator[Node]:
    if isinstance(node.schema, Mapping):
        yield from (node.child(*step) for step, _ in described(node.schema))
        if "$ref" in node.schema:
            yield target(root, node)


def _is_blamed(lowering: Lowering, node: Node, parts: Parts, causes: Mapping[str, Mistake]) -> bool:
    """Whether a node inside is the cause, and is reported instead."""
    if node.pointer in parts:
        return node.pointer in causes
    return not is_false(lowering.root, node) and _cause(lowering, node) is not None


def is_false(root: Any, node: Node) -> bool:
    """Whether a node refuses every value explicitly."""
    for _ in range(100):
        if node.schema is False:
            return True
        if not isinstance(node.schema, Mapping):
            return False
        if "not" in node.schema:
            return node.schema["not"] in (True, {})
        if "$ref" not in node.schema:
            return False
        node = target(root, node)
    return False


def _cause(lowering: Lowering, node: Node) -> Mistake | None:
    """Why no value fits a node, with the path below it; None where one may fit."""
    if is_false(lowering.root, node):
        return Mistake((), k1_schemas.NOTHING_FITS)
    if not isinstance(node.schema, Mapping):
        return None
    certain = _of_object(lowering.root, node)
    if certain is not None:
        return certain
    if any(all(is_false(lowering.root, one) for one in it.branches) for it in choices((node,))):
        return Mistake((), k1_schemas.NOTHING_FITS)
    type_ = lowering.place((node,))
    if isinstance(type_, Refined):
        values = all_values(type_.base)
        empty = values is not None and not any(accepts(type_, value) for value in values)
    else:
        empty = isinstance(type_, Never)
    return _explained(node.schema) if empty else None


def _of_object(root: Any, node: Node) -> Mistake | None:
    """What keeps all objects from fitting, where only objects may."""
    schema = node.schema
    if schema.get("type") != "object":
        return None
    for index, name in enumerate(schema.get("required", ())):
        forbidden = _is_forbidden(root, node, name)
        if forbidden:
            return Mistake(("required", index), k1_schemas.forbidden_field(name, forbidden))
    required = len(schema.get("required", ()))
    least, most = max(schema.get("minProperties", 0), required), schema.get("maxProperties")
    keyword = "minProperties" if least > required else "required"
    if "patternProperties" not in schema and _is_closed(root, node):
        known = [node.child("properties", name) for name in schema.get("properties", ())]
        count = sum(not is_false(root, one) for one in known)
        most = count if most is None else min(most, count)
    if most is None or least <= most:
        return None
    return Mistake((keyword,), k1_schemas.too_few_fields(least, most))


def _is_closed(root: Any, node: Node) -> bool:
    rest = "additionalProperties"
    return rest in node.schema and is_false(root, node.child(rest))


def _is_forbidden(root: Any, node: Node, name: str) -> str:
    """Why a field may never be there; empty where it may."""
    own = name in node.schema.get("properties", ())
    if own and is_false(root, node.child("properties", name)):
        return "its schema lets no value through"
    patterns = node.schema.get("patternProperties", ())
    matched = [one for one in patterns if matches(one, name)]
    if any(is_false(root, node.child("patternProperties", one)) for one in matched):
        return "its schema lets no value through"
    if own or matched or not _is_closed(root, node):
        return ""
    return "no other fields than the declared are allowed"


def _explained(schema: Mapping[str, Any]) -> Mistake:
    """The keywords that contradict each other, where they stand side by side."""
    left = json_kinds((Node("", schema),))
    for kind, lower, upper in _BOUNDS:
        if kind in left and lower in schema and upper in schema:
            least, most = schema[lower], schema[upper]
            open_ = (lower, upper) != ("minimum", "maximum") and kind == "number"
            if least > most or (open_ and least == most):
                message = k1_schemas.bounds_contradict(kind, lower, upper, least, most)
                return Mistake((upper,), message)
    for keyword in ("const", "enum"):
        if keyword in schema:
            return Mistake((keyword,), _of_values(schema, keyword, left))
    return Mistake((), k1_schemas.NOTHING_FITS)


def _of_values(schema: Mapping[str, Any], keyword: str, left: tuple[str, ...]) -> Message:
    values = [schema["const"]] if keyword == "const" else schema["enum"]
    if not values:
        return k1_schemas.EMPTY_ENUM
    types = types_of(schema)
    if types and not {json_kind(value) for value in values} & set(left):
        return k1_schemas.values_of_type(keyword, " or ".join(types))
    return k1_schemas.values_refused(keyword)

"""What a conjunction of schema nodes leaves of each kind of JSON value."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from analyzer.lowering.conjunction import Node, Nodes, Places, numeric, types_of
from analyzer.types import INT_MAX, INT_MIN, NEVER, Double, Int, List, Never, String, Type, union
from analyzer.types.doubles import nearest_double

JSON_MOST = 2**1023 - 1
"""The greatest whole number of JSON that is taken (kernel.schema.plain)."""

MAX_POSITIONS = 32
"""Lists with more ``prefixItems`` are known as lists of anything."""

KINDS = ("null", "boolean", "number", "string", "array", "object")

_BEYOND: Mapping[str, tuple[str | None, str]] = {
    "not": (None, "types cannot say what a value is not"),
    "if": (None, "what is demanded depends on another schema"),
    "multipleOf": ("number", "types know ranges of numbers only"),
    "uniqueItems": ("array", "types do not compare elements"),
    "contains": ("array", "types say the same of all elements"),
    "prefixItems": ("array", "types say the same of all elements"),
    "unevaluatedItems": ("array", "it depends on what other schemas say"),
    "patternProperties": ("object", "types know names of fields, not patterns"),
    "propertyNames": ("object", "types know names of fields, not what they are like"),
    "minProperties": ("object", "types do not count fields"),
    "maxProperties": ("object", "types do not count fields"),
    "dependentRequired": ("object", "what is demanded depends on another field"),
    "dependentSchemas": ("object", "what is demanded depends on another field"),
    "unevaluatedProperties": ("object", "it depends on what other schemas say"),
}
_NO_DEMAND: Mapping[str, tuple[Any, ...]] = {
    "uniqueItems": (False,),
    "minProperties": (0,),
    "unevaluatedItems": (True, {}),
    "unevaluatedProperties": (True, {}),
    "prefixItems": ([],),
    "patternProperties": ({},),
    "dependentRequired": ({},),
    "dependentSchemas": ({},),
}


def untypable(schemas: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str | None, str]]:
    """Each keyword that demands more than types say: the keyword, the kind it is for, why."""
    for schema in schemas:
        for keyword in schema:
            if keyword not in _BEYOND or schema[keyword] in _NO_DEMAND.get(keyword, ()):
                continue
            if keyword == "if" and not {"then", "else"} & schema.keys():
                continue
            yield keyword, *_BEYOND[keyword]


def json_kinds(held: Nodes) -> tuple[str, ...]:
    """The kinds of values that the ``type`` keywords leave."""
    left = set(KINDS)
    for node in held:
        if types := types_of(node.schema):
            left &= {"number" if name == "integer" else name for name in types}
    return tuple(kind for kind in KINDS if kind in left)


def json_kind(value: Any) -> str:
    """The kind of a JSON value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


def is_integral(held: Nodes) -> bool:
    """Whether the ``type`` keywords leave whole numbers only."""
    named = (types_of(node.schema) for node in held)
    return any("integer" in types and "number" not in types for types in named)


def number_form(held: Nodes) -> str | None:
    """``integer`` or ``number``, where every number of a place is delivered as that."""
    found = {kind for node in held if (kind := numeric(node.schema))}
    settled = {kind for node in held if node.settles and (kind := numeric(node.schema))}
    return next(iter(found)) if len(found) == 1 and settled == found else None


def _each(held: Nodes, keyword: str) -> list[Any]:
    return [node.schema[keyword] for node in held if keyword in node.schema]


def number_shape(held: Nodes, why: list[str]) -> Type:
    """The type of the numbers; ``why`` gets the keywords that types cannot express."""
    form, whole_only = number_form(held), is_integral(held)
    made: list[Type] = []
    if form != "number":
        made.append(_int(held, whole_only))
    if form != "integer":
        made.append(_double(held))
        if whole_only or (form is None and any(numeric(node.schema) for node in held)):
            why.append("type")
    return union(made)


def _int(held: Nodes, whole_only: bool) -> Type:
    least, most = (INT_MIN, INT_MAX) if whole_only else (-JSON_MOST, JSON_MOST)
    bounds = [math.ceil(bound) for bound in _each(held, "minimum")]
    bounds += [math.floor(bound) + 1 for bound in _each(held, "exclusiveMinimum")]
    least = max([least, *bounds])
    bounds = [math.floor(bound) for bound in _each(held, "maximum")]
    bounds += [math.ceil(bound) - 1 for bound in _each(held, "exclusiveMaximum")]
    most = min([most, *bounds])
    return Int(least, most) if least <= most else NEVER


def _double(held: Nodes) -> Type:
    least = max(
        [-math.inf]
        + [_up(bound) for bound in _each(held, "minimum")]
        + [_beyond(bound, math.inf) for bound in _each(held, "exclusiveMinimum")]
    )
    most = min(
        [math.inf]
        + [-_up(-bound) for bound in _each(held, "maximum")]
        + [_beyond(bound, -math.inf) for bound in _each(held, "exclusiveMaximum")]
    )
    return Double(least, most) if least <= most else NEVER


def _up(bound: float) -> float:
    """The smallest double that is not below a bound."""
    near = nearest_double(bound)
    return near if near >= bound else math.nextafter(near, math.inf)


def _beyond(bound: float, towards: float) -> float:
    """The nearest double that lies strictly on one side of a bound."""
    near = nearest_double(bound)
    lies = near > bound if towards > 0 else near < bound
    return near if lies else math.nextafter(near, towards)


def _size(bounds: list[Any], pick: Callable[[list[int]], int]) -> int | None:
    return pick([int(bound) for bound in bounds]) if bounds else None


def string_shape(held: Nodes, why: list[str]) -> Type:
    """The type of the texts."""
    least = _size(_each(held, "minLength"), max) or 0
    most = _size(_each(held, "maxLength"), min)
    if most is not None and least > most:
        return NEVER
    patterns = list(dict.fromkeys(_each(held, "pattern")))
    if len(patterns) > 1:
        why.append("pattern")
    formats = _each(held, "format")
    return String(
        None, formats[0] if formats else None, patterns[0] if patterns else None, least, most
    )


def array_shape(places: Places, held: Nodes) -> Type:
    """The type of the lists; with ``prefixItems`` that of lists of any of them."""
    least = _size(_each(held, "minItems"), max) or 0
    most = _size(_each(held, "maxItems"), min)
    known = [len(prefix) for prefix in _each(held, "prefixItems")]
    count = min(max(known, default=0), MAX_POSITIONS + 1)
    types = [places.inner(_at(held, position)) for position in range(count)]
    types.append(places.inner(_at(held, max(known, default=0))))
    first = next((index for index, one in enumerate(types) if isinstance(one, Never)), None)
    if first is not None:
        most = min(first, most) if most is not None else first
        types = types[:first]
    if most is not None and least > most:
        return NEVER
    return List(union(types), least, most)


def _at(held: Nodes, position: int) -> Iterator[Node]:
    for node in held:
        if position < len(node.schema.get("prefixItems", ())):
            yield node.child("prefixItems", position)
        elif "items" in node.schema:
            yield node.child("items")

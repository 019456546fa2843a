"""The types of single values: what ``enum`` and ``const`` leave."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from analyzer.lowering.by_kind import (
    is_integral,
    json_kind,
    json_kinds,
    number_form,
)
from analyzer.lowering.conjunction import CHOICES, Node, Nodes, demands
from analyzer.types import NULL, Bool, Double, Field, Int, List, Record, String, Type, union
from analyzer.types.doubles import nearest_double

_ELSEWHERE = {*CHOICES, "allOf", "$ref"}
"""What these lead to is held by the place too."""

MAX_LITERALS = 10
"""More numbers than these are known as a range."""


def literals(root: Any, held: Nodes, why: list[str]) -> list[Any] | None:
    """The values that ``enum`` and ``const`` allow at a place; None where there is neither.

    That only one branch of a ``oneOf`` fits is not checked; ``why`` gets the keyword if more values
    are given than fit.
    """
    listing = [node for node in held if {"enum", "const"} & node.schema.keys()]
    if not listing:
        return None
    first = listing[0].schema
    left, ints = json_kinds(held), is_integral(held)
    values = [
        value
        for value in ([first["const"]] if "const" in first else first["enum"])
        if json_kind(value) in left and (_whole(value) or not ints)
    ]
    if len(held) == 1 and demands(first) - {"type"} in ({"enum"}, {"const"}):
        return values
    asked = [node for node in held if demands(node.schema) - _ELSEWHERE]
    if any(set(CHOICES) & node.schema.keys() for node in held):
        mixed = [node for node in asked if demands(node.schema) & _ELSEWHERE]
        asked = [node for node in asked if node not in mixed]
        why += ["enum"] if mixed else []
    return list(_fitting(root, asked, values))


def _whole(value: Any) -> bool:
    return json_kind(value) != "number" or value == int(value)


def _fitting(root: Any, held: list[Node], values: Iterable[Any]) -> Iterable[Any]:
    from kernel.schema.engine import validator_at

    validators = [validator_at(root, node.pointer) for node in held]
    return (value for value in values if all(one.is_valid(value) for one in validators))


def literal_types(values: list[Any], held: Nodes, why: list[str]) -> list[Type]:
    """The types of values of a place; ``why`` says where that is a superset."""
    form = number_form(held)
    numbers = [value for value in values if json_kind(value) == "number"]
    texts = frozenset(value for value in values if json_kind(value) == "string")
    made: list[Type] = [String(texts)] if texts else []
    if len(numbers) > MAX_LITERALS:
        why.append("enum")
        made += _range(numbers, form)
    else:
        made += [_number(value, form) for value in numbers]
    others = [value for value in values if json_kind(value) not in ("number", "string")]
    return made + [literal_of(value, why) for value in others]


def _range(numbers: list[Any], form: str | None) -> list[Type]:
    made: list[Type] = []
    if form != "number" and (ints := [int(one) for one in numbers if _whole(one)]):
        made.append(Int(min(ints), max(ints)))
    if form != "integer":
        made.append(Double(nearest_double(min(numbers)), nearest_double(max(numbers))))
    return made


def literal_of(value: Any, why: list[str]) -> Type:
    """The type of one value, its numbers in either spelling; of long lists a superset."""
    match value:
        case None:
            return NULL
        case bool():
            return Bool(value)
        case int() | float():
            return _number(value, None)
        case str():
            return String(frozenset((value,)))
        case list():
            if len(value) > 1:
                why.append("enum")
            return List(union(literal_of(item, why) for item in value), len(value), len(value))
    return Record(tuple((name, Field(literal_of(item, why))) for name, item in value.items()))


def _number(value: float, form: str | None) -> Type:
    made: list[Type] = []
    if form != "number" and value == int(value):
        made.append(Int(int(value), int(value)))
    if form != "integer" and nearest_double(value) == value:
        made.append(Double(float(value), float(value)))
    return union(made)

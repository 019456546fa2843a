"""Types of results that each round of a loop makes anew, so that the rounds come to an end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from analyzer import types
from analyzer.types import Type, union


def widened(type_: Type) -> Type:
    """The type without bounds and literals."""
    return _mapped(type_, _unbounded)


def is_mistaken(type_: Type) -> bool:
    """Whether the type, or a part of it, is that of an expression with an error."""
    return isinstance(type_, types.Error) or any(map(is_mistaken, type_.parts))


def without_mistakes(type_: Type) -> Type:
    """The type without the parts that are of an expression with an error."""
    return _mapped(type_, lambda one: types.NEVER if isinstance(one, types.Error) else one)


def _unbounded(type_: Type) -> Type:
    match type_:
        case types.Int() | types.Double() | types.String() | types.Bool():
            return type(type_)()
        case types.List(element=element):
            return types.List(element)
        case types.Refined(base=base):
            return widened(base)
    return type_


def _mapped(type_: Type, change: Callable[[Type], Type]) -> Type:
    """The type with a change of all that it is made of, inner before outer."""
    match type_:
        case types.List(element=element):
            type_ = replace(type_, element=_mapped(element, change))
        case types.Map(value=value, key=key):
            type_ = types.Map(_mapped(value, change), _mapped(key, change))
        case types.Record(fields=fields, rest=rest):
            kept = ((name, replace(one, type=_mapped(one.type, change))) for name, one in fields)
            type_ = types.Record(tuple(kept), _mapped(rest, change))
        case types.Optional(value=value):
            type_ = types.Optional(_mapped(value, change))
        case types.Union(members=members):
            return union(_mapped(one, change) for one in members)
    return change(type_)

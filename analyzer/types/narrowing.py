"""The values of a type for which a comparison has a given outcome.

Each function may keep too much, never too little.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from analyzer.types import (
    NEVER,
    Bool,
    Double,
    Dyn,
    Error,
    Int,
    List,
    Map,
    Null,
    Record,
    String,
    Type,
    UInt,
    members_of,
    union,
    without,
)
from analyzer.types.members import list_sized
from analyzer.types.overloads import kinds


def comparable_kinds(type_: Type) -> frozenset[str] | None:
    """The kinds of a type, all numbers as one; None when something is not known."""
    found = kinds(type_)
    if found is None:
        return None
    return frozenset("number" if one in ("int", "uint", "double") else one for one in found)


def of_kinds(type_: Type, wanted: frozenset[str] | None) -> Type:
    """The values of a type that are of some kinds; all where these are not known."""
    if wanted is None:
        return type_
    return without(type_, lambda one: not (comparable_kinds(one) or wanted) & wanted)


def ordered(type_: Type, operator: str, value: Any) -> Type:
    """The values of a type that can be compared with a value, and stand in that order to it."""
    number = type(value) is int
    return union(
        _int_ordered(one, operator, value) if isinstance(one, Int) and number else one
        for one in members_of(type_)
        if not isinstance(one, Null | List | Map | Record)
    )


def _int_ordered(type_: Int, operator: str, value: int) -> Type:
    least, most = type_.least, type_.most
    if operator in ("<", "<="):
        most = min(most, value - 1 if operator == "<" else value)
    else:
        least = max(least, value + 1 if operator == ">" else value)
    return Int(least, most) if least <= most else NEVER


def equal_to(type_: Type, value: Any) -> Type:
    """The values of a type that are equal to a literal."""
    return union(_member_equal(one, value) for one in members_of(type_))


def _member_equal(type_: Type, value: Any) -> Type:
    match type_:
        case Dyn() | Error():
            return type_
        case Null():
            return type_ if value is None else NEVER
        case Bool():
            return Bool(value) if type(value) is bool and type_.contains(value) else NEVER
        case String():
            literal = String(frozenset([value])) if isinstance(value, str) else NEVER
            return literal if type_.contains(value) else NEVER
        case Int() if type(value) is int:
            return Int(value, value) if type_.contains(value) else NEVER
        case Int() | Double() | UInt():
            # A double is equal to the ints that round to it.
            return type_ if isinstance(value, int | float) and type(value) is not bool else NEVER
    return type_ if isinstance(value, bytes) and kinds(type_) == frozenset({"bytes"}) else NEVER


def different_from(type_: Type, value: Any) -> Type:
    """The values of a type that are not equal to a literal."""
    return union(_member_different(one, value) for one in members_of(type_))


def _member_different(type_: Type, value: Any) -> Type:
    match type_:
        case Null() if value is None:
            return NEVER
        case Bool() if type(value) is bool:
            return Bool(not value) if type_.contains(not value) else NEVER
        case String() if isinstance(value, str):
            return _text_different(type_, value)
        case Int() if type(value) is int:
            return _int_different(type_, value)
        case Double(least=least, most=most) if type(value) in (int, float):
            return NEVER if least == most == value else type_
    return type_


def _text_different(type_: String, value: str) -> Type:
    if type_.literals is not None:
        left = type_.literals - {value}
        if not left:
            return NEVER
        return String(left, type_.format, type_.pattern, type_.least, type_.most)
    return replace(type_, least=1) if value == "" and type_.least == 0 else type_


def _int_different(type_: Int, value: int) -> Type:
    if type_.least == type_.most == value:
        return NEVER
    if type_.least == value:
        return Int(value + 1, type_.most)
    return Int(type_.least, value - 1) if type_.most == value else type_


def sized(type_: Type, least: int, most: int | None) -> Type:
    """The values of a type whose size is within bounds; values without a size are kept."""
    return union(_member_sized(one, least, most) for one in members_of(type_))


def _member_sized(type_: Type, least: int, most: int | None) -> Type:
    if not isinstance(type_, List | String):
        return type_
    least = max(least, type_.least)
    most = min((bound for bound in (most, type_.most) if bound is not None), default=None)
    if most is not None and least > most:
        return NEVER
    if isinstance(type_, List):
        return list_sized(type_, least, most)
    return type_ if type_.literals is not None else replace(type_, least=least, most=most)


def not_empty(type_: Type) -> Type:
    """The values of a type that are not the empty list."""
    return union(
        _member_sized(one, 1, None) if isinstance(one, List) else one for one in members_of(type_)
    )

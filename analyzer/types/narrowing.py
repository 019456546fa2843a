"""The values of a type for which a comparison has a given outcome.

Each function may keep too much, never too little.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Final

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
from analyzer.types.doubles import nearest_double
from analyzer.types.members import list_sized
from analyzer.types.overloads import kinds

MAX_EXACT: Final = 2**53
"""Ints from here on are rounded where they are compared with doubles."""


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
    return union(
        _number_ordered(one, operator, value)
        for one in members_of(type_)
        if not isinstance(one, Null | List | Map | Record)
    )


def _number_ordered(type_: Type, operator: str, value: Any) -> Type:
    if type(value) not in (int, float) or math.isnan(value):
        return type_
    if isinstance(type_, Int):
        exact = type(value) is int or abs(value) < MAX_EXACT
        return _int_ordered(type_, operator, value) if exact else type_
    return _double_ordered(type_, operator, value) if isinstance(type_, Double) else type_


def _int_ordered(type_: Int, operator: str, value: float) -> Type:
    least, most = type_.least, type_.most
    if operator in ("<", "<="):
        most = min(most, math.ceil(value) - 1 if operator == "<" else math.floor(value))
    else:
        least = max(least, math.floor(value) + 1 if operator == ">" else math.ceil(value))
    return Int(least, most) if least <= most else NEVER


def _double_ordered(type_: Double, operator: str, value: float) -> Type:
    """The doubles in an order to a number, if there are some; what is no number is in no order."""
    bound, exact = nearest_double(value), value == nearest_double(value)
    least, most = type_.least, type_.most
    if operator in ("<", "<="):
        most = min(most, math.nextafter(bound, -math.inf) if operator == "<" and exact else bound)
    else:
        least = max(least, math.nextafter(bound, math.inf) if operator == ">" and exact else bound)
    return Double(least, most) if least <= most else type_


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
        case Int() | Double() if type(value) in (int, float) and abs(value) < MAX_EXACT:
            return _number_equal(type_, value)
        case Int() | Double() | UInt():
            # A double is equal to the ints that round to it.
            return type_ if isinstance(value, int | float) and type(value) is not bool else NEVER
    return type_ if isinstance(value, bytes) and kinds(type_) == frozenset({"bytes"}) else NEVER


def _number_equal(type_: Int | Double, value: float) -> Type:
    if not type_.least <= value <= type_.most:
        return NEVER
    if isinstance(type_, Double):
        return Double(float(value), float(value))
    return Int(int(value), int(value)) if value == int(value) else NEVER


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

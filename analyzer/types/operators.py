"""Equality, order and arithmetic of types: what can be equal, and what is known beforehand."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final, TypeVar

from analyzer.types import (
    BOOL,
    INT,
    INT_MAX,
    INT_MIN,
    NEVER,
    Bool,
    Double,
    Dyn,
    Error,
    Int,
    List,
    Null,
    String,
    Type,
    members_of,
    union,
)
from analyzer.types.narrowing import comparable_kinds

_MAX_LITERAL_LENGTH: Final = 200


def may_be_equal(left: Type, right: Type) -> bool:
    """Whether two values may be equal as far as their kinds say: numbers compare with numbers."""
    a, b = comparable_kinds(left), comparable_kinds(right)
    return a is None or b is None or not a or not b or bool(a & b)


def is_nullable(type_: Type) -> bool:
    """Whether null is one of the values."""
    return any(one.contains(None) for one in members_of(type_))


def equality(left: Type, right: Type) -> Bool:
    """The type of ``left == right``."""
    if not may_be_equal(left, right) or _are_disjoint(left, right):
        return Bool(False)
    return Bool(True) if _single(left) and left == right else BOOL


def negated(type_: Bool) -> Bool:
    """The type of ``!x``."""
    return BOOL if type_.literal is None else Bool(not type_.literal)


def _single(type_: Type) -> bool:
    match type_:
        case Null():
            return True
        case Bool(literal=literal):
            return literal is not None
        case Int(least=least, most=most):
            return least == most
        case String(literals=literals):
            return literals is not None and len(literals) == 1
    return False


def _are_disjoint(left: Type, right: Type) -> bool:
    match left, right:
        case Int(), Int():
            return left.most < right.least or right.most < left.least
        case String(), String() if left.literals is not None and right.literals is not None:
            return not left.literals & right.literals
        case Bool(), Bool() if left.literal is not None and right.literal is not None:
            return left.literal is not right.literal
    return False


_ORDERS: Final[dict[str, tuple[Callable[[int, int], bool], bool]]] = {
    "<": (operator.lt, True),
    "<=": (operator.le, True),
    ">": (operator.gt, False),
    ">=": (operator.ge, False),
}


def order(symbol: str, left: Type, right: Type) -> Bool:
    """The type of ``left < right`` and the like."""
    if not isinstance(left, Int) or not isinstance(right, Int):
        return BOOL
    holds, ascending = _ORDERS[symbol]
    best, worst = (left.least, right.most), (left.most, right.least)
    if not ascending:
        best, worst = worst, best
    if holds(*worst):
        return Bool(True)
    return BOOL if holds(*best) else Bool(False)


def arithmetic(symbol: str, left: Type, right: Type) -> Type | None:
    """The range of an operation on two ints; None when it certainly overflows."""
    if not isinstance(left, Int) or not isinstance(right, Int):
        return INT
    if symbol == "%":
        return _remainder(left, right)
    if symbol == "/":
        return _quotient(left, right)
    combine = _ARITHMETIC[symbol]
    ends = [combine(a, b) for a in (left.least, left.most) for b in (right.least, right.most)]
    return int_within(min(ends), max(ends))


_ARITHMETIC: Final[dict[str, Callable[[int, int], int]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


def int_within(least: int, most: int) -> Int | None:
    """The ints between two numbers; None when there are none of 64 bits."""
    least, most = max(least, INT_MIN), min(most, INT_MAX)
    return Int(least, most) if least <= most else None


def _remainder(left: Int, right: Int) -> Int:
    size = max(abs(right.least), abs(right.most)) - 1
    low = 0 if left.least >= 0 else max(-size, left.least)
    high = 0 if left.most <= 0 else min(size, left.most)
    return Int(min(low, 0), max(high, 0))


def _quotient(left: Int, right: Int) -> Int:
    if left.least < 0 or right.least <= 0:
        return INT
    return Int(left.least // right.most, left.most // right.least)


MAX_RANGES: Final = 8
"""With more ranges of ints, or of doubles, in a list literal only their ends are kept."""

Number = TypeVar("Number", Int, Double)


def union_of_many(types: Iterable[Type]) -> Type:
    """The union of many types, in a time that grows with their number only."""
    texts: set[str] = set()
    ints: set[Int] = set()
    doubles: set[Double] = set()
    others: Type = NEVER
    for one in types:
        if isinstance(one, String) and one.literals is not None and one == String(one.literals):
            texts |= one.literals
        elif isinstance(one, Int):
            ints.add(one)
        elif isinstance(one, Double) and one.least <= one.most:
            doubles.add(one)
        elif not isinstance(others, Dyn | Error):
            others = union([others, one])
    parts: list[Type] = [String(frozenset(texts))] if texts else []
    return union([*parts, *_few(ints, Int), *_few(doubles, Double), others])


def _few(ranges: set[Number], made: Callable[[Any, Any], Number]) -> list[Number]:
    """The ranges of numbers in their order; of many, all that is between the ends."""
    if len(ranges) > MAX_RANGES:
        return [made(min(one.least for one in ranges), max(one.most for one in ranges))]
    return sorted(ranges, key=lambda one: one.least)


def concatenated(left: Type, right: Type) -> Type | None:
    """The type of two strings or lists, one after the other; None for other types."""
    if isinstance(left, String) and isinstance(right, String):
        return _concatenated_texts(left, right)
    if isinstance(left, List) and isinstance(right, List):
        most = None if left.most is None or right.most is None else left.most + right.most
        return List(union([left.element, right.element]), left.least + right.least, most)
    return None


def _concatenated_texts(left: String, right: String) -> String:
    if _single(left) and _single(right):
        text = "".join([*(left.literals or ()), *(right.literals or ())])
        if len(text) <= _MAX_LITERAL_LENGTH:
            return String(frozenset([text]))
    return String(least=possible_size(left).least + possible_size(right).least)


def possible_size(type_: Type) -> Int:
    """What ``size(x)`` may be."""
    match type_:
        case String(literals=literals) if literals:
            lengths = [len(text) for text in literals]
            return Int(min(lengths), max(lengths))
        case String() | List():
            return Int(type_.least, INT_MAX if type_.most is None else type_.most)
    return Int(0)


def with_size_of(source: Type, result: Type, keep_least: bool) -> Type:
    """A list made of another list: with as many elements, or at least no more."""
    if not isinstance(source, List) or not isinstance(result, List):
        return result
    least = source.least if keep_least else min(source.least, 1)
    return replace(result, least=least, most=source.most)


def flattened(type_: Type, depth: int) -> Type:
    """The elements of a list, those of inner lists in their place."""
    if depth <= 0:
        return type_
    return union(
        flattened(one.element, depth - 1) if isinstance(one, List) else one
        for one in members_of(type_)
    )

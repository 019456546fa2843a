"""Unions: one type for values of several types, and its members."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from analyzer.types.algebra import (
    BOOL,
    NEVER,
    STRING,
    Bool,
    Double,
    Dyn,
    Error,
    Int,
    Never,
    Null,
    Ref,
    Refined,
    String,
    Type,
    Union,
)
from analyzer.types.doubles import is_never_json

_INDIRECT: Final = frozenset((Ref, Refined))


MAX_MEMBERS: Final = 24
"""A union of more members is given up as Dyn."""


def resolved(type_: Type) -> Type:
    """The type to read from: what a :class:`Ref` stands for, the base of a :class:`Refined`."""
    if type(type_) not in _INDIRECT:
        return type_
    for _ in range(100):
        if isinstance(type_, Ref):
            type_ = type_.resolve()
        elif isinstance(type_, Refined):
            type_ = type_.base
        else:
            return type_
    return Dyn("a reference that leads to itself")


def union(types: Iterable[Type]) -> Type:
    """The type of a value that is of one of several types.

    Members of one shape are joined where that loses nothing: literals of texts, ranges of numbers
    that touch, the two bools. Dyn and Error take all; Never is nothing.
    """
    types = list(types)
    if len(types) == 1:
        return types[0]
    members: list[Type] = []
    for one in types:
        for member in one.members if type(one) is Union else (one,):
            kind = type(member)
            if kind is Dyn or kind is Error:
                return member
            if kind is not Never:
                _add(members, member)
    if not members:
        return NEVER
    if len(members) == 1:
        return members[0]
    if len(members) > MAX_MEMBERS:
        return Dyn(f"a union of more than {MAX_MEMBERS} types")
    return Union(tuple(members))


def _add(members: list[Type], new: Type) -> None:
    for position, old in enumerate(members):
        joined = old if old == new else _joined(old, new)
        if joined is not None:
            del members[position]
            _add(members, joined)
            return
    members.append(new)


def _joined(a: Type, b: Type) -> Type | None:
    """One type with exactly the values of two types of one shape; None where there is none."""
    match a, b:
        case Bool(), Bool():
            return BOOL
        case Int(least=la, most=ma), Int(least=lb, most=mb):
            touch = max(la, lb) <= min(ma, mb) + 1
            return Int(min(la, lb), max(ma, mb)) if touch else None
        case String(), String() if a.literals is not None and b.literals is not None:
            return String(a.literals | b.literals) if _bare(a) and _bare(b) else None
        case String(), String() if b == STRING or a == STRING:
            return STRING
        case Double(), Double() if not is_never_json(a) and not is_never_json(b):
            touch = max(a.least, b.least) <= min(a.most, b.most)
            return Double(min(a.least, b.least), max(a.most, b.most)) if touch else None
    return None


def _bare(text: String) -> bool:
    return text == String(text.literals)


def without(type_: Type, removed: Callable[[Type], bool]) -> Type:
    """The type without the members for which ``removed`` is true; NEVER when none are left."""
    whole = resolved(type_)
    if type(whole) is not Union:
        return NEVER if removed(whole) else type_
    members = whole.members
    kept = [member for member in members if not removed(resolved(member))]
    return type_ if len(kept) == len(members) else union(kept)


def without_null(type_: Type) -> Type:
    """The type without null."""
    return without(type_, lambda one: isinstance(one, Null))


def members_of(type_: Type) -> tuple[Type, ...]:
    """The members of a union, references resolved; of any other type, itself."""
    if type(type_) in _INDIRECT:
        type_ = resolved(type_)
    if type(type_) is Union:
        if _INDIRECT.isdisjoint(map(type, type_.members)):
            return type_.members
        return tuple([inner for member in type_.members for inner in members_of(member)])
    return () if type(type_) is Never else (type_,)

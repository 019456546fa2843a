"""The values that are of two types: what ``allOf`` and a condition leave of a type."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from typing import Any

from analyzer.types import (
    NEVER,
    STRING,
    Bool,
    Double,
    Dyn,
    Error,
    Field,
    Int,
    List,
    Map,
    Never,
    Optional,
    Record,
    Ref,
    Refined,
    String,
    Type,
    Union,
    union,
)


def meet(a: Type, b: Type) -> Type:
    """The type of the values that are of both types; no value that is of both is left out.

    A value that is of only one may be in it where the algebra has no better type: two patterns,
    keys of maps.
    """
    match a, b:
        case (Never(), _) | (_, Dyn() | Error()):
            return a
        case (_, Never()) | (Dyn() | Error(), _):
            return b
        case _ if a == b:
            return a
        case (Ref(), _):
            return meet(a.resolve(), b)
        case (_, Ref()):
            return meet(a, b.resolve())
        case (Union(), _):
            return union(meet(member, b) for member in a.members)
        case (_, Union()):
            return union(meet(a, member) for member in b.members)
        case (Refined(), _):
            return _refined(a, meet(a.base, b))
        case (_, Refined()):
            return _refined(b, meet(a, b.base))
    return _of_one_kind(a, b)


def _meet_inside(a: Type, b: Type) -> Type:
    """What parts of two types have in common: when it is needed, where both may contain them."""
    if a == b or not (_refers(a) and _refers(b)):
        return meet(a, b)
    made: list[Type] = []

    def resolve() -> Type:
        if not made:
            made.append(meet(a, b))
        return made[0]

    both = "&".join(sorted((repr(a), repr(b))))
    return Ref(
        f"{blake2b(both.encode('utf-8', 'surrogatepass'), digest_size=8).hexdigest()}/{a} and {b}",
        resolve,
    )


def _refers(type_: Type) -> bool:
    if isinstance(type_, Union | Refined):
        return any(map(_refers, type_.parts))
    return isinstance(type_, Ref)


def _refined(refined: Refined, base: Type) -> Type:
    return NEVER if isinstance(base, Never) else replace(refined, base=base)


def _of_one_kind(a: Type, b: Type) -> Type:
    match a, b:
        case Bool(), Bool():
            return a if b.literal is None else b if a.literal in (None, b.literal) else NEVER
        case Int(), Int():
            return _bounds(Int, max(a.least, b.least), min(a.most, b.most))
        case Double(), Double():
            return _bounds(Double, max(a.least, b.least), min(a.most, b.most))
        case String(), String():
            return _texts(a, b)
        case List(), List():
            return _lists(a, b)
        case Optional(), Optional():
            return Optional(_meet_inside(a.value, b.value))
        case Map(), Map():
            return Map(_meet_inside(a.value, b.value), meet(a.key, b.key))
        case Record(), Map():
            return _records(a, _as_record(b))
        case Map(), Record():
            return _records(_as_record(a), b)
        case Record(), Record():
            return _records(a, b)
    return NEVER


def _bounds(made: type[Int] | type[Double], least: Any, most: Any) -> Type:
    return made(least, most) if least <= most else NEVER


def _texts(a: String, b: String) -> Type:
    literals = b.literals if a.literals is None else a.literals
    if literals is not None:
        kept = frozenset(text for text in literals if a.contains(text) and b.contains(text))
        return String(kept) if kept else NEVER
    least = max(a.least, b.least)
    most = min((one.most for one in (a, b) if one.most is not None), default=None)
    if most is not None and least > most:
        return NEVER
    return String(None, a.format or b.format, a.pattern or b.pattern, least, most)


def _lists(a: List, b: List) -> Type:
    element = _meet_inside(a.element, b.element)
    least = max(a.least, b.least)
    most = min((one.most for one in (a, b) if one.most is not None), default=None)
    if isinstance(element, Never):
        most = 0
    return NEVER if most is not None and least > most else List(element, least, most)


def _as_record(type_: Map) -> Record:
    """The map as a record of unknown fields; what its keys may be is forgotten."""
    return Record((), type_.value if meet(type_.key, STRING) != NEVER else NEVER)


def _records(a: Record, b: Record) -> Type:
    names = dict.fromkeys([name for name, _ in a.fields] + [name for name, _ in b.fields])
    fields = [(name, _field(a, b, name)) for name in names]
    if any(field.required and isinstance(field.type, Never) for _, field in fields):
        return NEVER
    return Record(tuple(fields), _meet_inside(a.rest, b.rest))


def _field(a: Record, b: Record, name: str) -> Field:
    one = a.get(name) or Field(a.rest, required=False, lenient=True)
    two = b.get(name) or Field(b.rest, required=False, lenient=True)
    return Field(
        _meet_inside(one.type, two.type),
        one.required or two.required,
        one.secret or two.secret,
        one.lenient and two.lenient,
        one.default and two.default,
    )

"""The values that are of two types: what ``allOf`` and a condition leave of a type."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from typing import Any

from analyzer import types
from analyzer.types import Type, union


def meet(a: Type, b: Type) -> Type:
    """The type of the values that are of both types; no value that is of both is left out.

    A value that is of only one may be in it where the algebra has no better type: two patterns,
    keys of maps.
    """
    match a, b:
        case (types.Never(), _) | (_, types.Dyn() | types.Error()):
            return a
        case (_, types.Never()) | (types.Dyn() | types.Error(), _):
            return b
        case _ if a == b:
            return a
        case (types.Ref(), _):
            return meet(a.resolve(), b)
        case (_, types.Ref()):
            return meet(a, b.resolve())
        case (types.Union(), _):
            return union(meet(member, b) for member in a.members)
        case (_, types.Union()):
            return union(meet(a, member) for member in b.members)
        case (types.Refined(), _):
            return _refined(a, meet(a.base, b))
        case (_, types.Refined()):
            return _refined(b, meet(a, b.base))
    return _of_one_kind(a, b)


def _meet_inside(a: Type, b: Type) -> Type:
    """The intersection of two parts; made when it is needed, where both may contain themselves."""
    if a == b or not (_refers(a) and _refers(b)):
        return meet(a, b)
    made: list[Type] = []

    def resolve() -> Type:
        if not made:
            made.append(meet(a, b))
        return made[0]

    both = "&".join(sorted((repr(a), repr(b))))
    return types.Ref(
        f"{blake2b(both.encode('utf-8', 'surrogatepass'), digest_size=8).hexdigest()}/{a} and {b}",
        resolve,
    )


def _refers(type_: Type) -> bool:
    if isinstance(type_, types.Union | types.Refined):
        return any(map(_refers, type_.parts))
    return isinstance(type_, types.Ref)


def _refined(refined: types.Refined, base: Type) -> Type:
    return types.NEVER if isinstance(base, types.Never) else replace(refined, base=base)


def _of_one_kind(a: Type, b: Type) -> Type:
    match a, b:
        case types.Bool(), types.Bool():
            return a if b.literal is None else b if a.literal in (None, b.literal) else types.NEVER
        case types.Int(), types.Int():
            return _bounds(types.Int, max(a.least, b.least), min(a.most, b.most))
        case types.Double(), types.Double():
            return _bounds(types.Double, max(a.least, b.least), min(a.most, b.most))
        case types.String(), types.String():
            return _texts(a, b)
        case types.List(), types.List():
            return _lists(a, b)
        case types.Optional(), types.Optional():
            return types.Optional(_meet_inside(a.value, b.value))
        case types.Map(), types.Map():
            return types.Map(_meet_inside(a.value, b.value), meet(a.key, b.key))
        case (types.Record() | types.Map(), types.Record() | types.Map()):
            return _records(_as_record(a), _as_record(b))
    return types.NEVER


def _bounds(made: type[types.Int] | type[types.Double], least: Any, most: Any) -> Type:
    return made(least, most) if least <= most else types.NEVER


def _texts(a: types.String, b: types.String) -> Type:
    literals = b.literals if a.literals is None else a.literals
    if literals is not None:
        kept = frozenset(text for text in literals if a.contains(text) and b.contains(text))
        return types.String(kept) if kept else types.NEVER
    least = max(a.least, b.least)
    most = min((one.most for one in (a, b) if one.most is not None), default=None)
    if most is not None and least > most:
        return types.NEVER
    return types.String(None, a.format or b.format, a.pattern or b.pattern, least, most)


def _lists(a: types.List, b: types.List) -> Type:
    element = _meet_inside(a.element, b.element)
    least = max(a.least, b.least)
    most = min((one.most for one in (a, b) if one.most is not None), default=None)
    if isinstance(element, types.Never):
        most = 0
    return types.NEVER if most is not None and least > most else types.List(element, least, most)


def _as_record(type_: types.Record | types.Map) -> types.Record:
    """A map as a record of unknown fields; the type of its keys is forgotten."""
    if isinstance(type_, types.Record):
        return type_
    return types.Record(
        (), type_.value if meet(type_.key, types.STRING) != types.NEVER else types.NEVER
    )


def _records(a: types.Record, b: types.Record) -> Type:
    names = dict.fromkeys([name for name, _ in a.fields] + [name for name, _ in b.fields])
    fields = [(name, _field(a, b, name)) for name in names]
    if any(field.required and isinstance(field.type, types.Never) for _, field in fields):
        return types.NEVER
    return types.Record(tuple(fields), _meet_inside(a.rest, b.rest))


def _field(a: types.Record, b: types.Record, name: str) -> types.Field:
    one = a.get(name) or types.Field(a.rest, required=False, lenient=True)
    two = b.get(name) or types.Field(b.rest, required=False, lenient=True)
    return types.Field(
        _meet_inside(one.type, two.type),
        one.required or two.required,
        one.secret or two.secret,
        one.lenient and two.lenient,
        one.default and two.default,
    )

"""Types that a declaration leaves open, filled with what a call gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from analyzer import types
from analyzer.types import Type, members_of, resolved, union
from analyzer.types.members import member

MAX_DEPTH: Final = 20

_JSON: Final = (
    types.Null, types.Bool, types.Int, types.String, types.Dyn, types.Error, types.Never
)  # fmt: skip


def seen_through(declared: Type, given: Type, depth: int = 0) -> Type:
    """The declared type; where it declares nothing, the type of what is given stands instead.

    What is declared stays: it is checked before anybody reads it. What is not given may be asked
    for, so that a guard is no mistake; what is behind the guard is of the type Error.
    """
    if depth > MAX_DEPTH:
        return declared
    if says_nothing(declared):
        return _in_json(given, declared)
    match declared, given:
        case types.Record(), types.Record() | types.Union():
            return _each(given, lambda one: _record(declared, one, depth), declared)
        case types.List(), types.List():
            return replace(
                declared, element=seen_through(declared.element, given.element, depth + 1)
            )
    return declared


def says_nothing(type_: Type) -> bool:
    """Whether a type is anything, or an object of which no field is declared."""
    if isinstance(type_, types.Record):
        return not type_.fields and not type_.patterns and isinstance(type_.rest, types.Dyn)
    return isinstance(type_, types.Dyn)


def leaves_open(type_: Type) -> bool:
    """Whether a type, or the type of something in it, declares nothing."""
    seen: set[str] = set()
    waiting = [type_]
    while waiting:
        one = waiting.pop()
        if isinstance(one, types.Ref):
            if one.name in seen:
                continue
            seen.add(one.name)
            one = resolved(one)
        if isinstance(one, types.Union):
            waiting += one.members
        elif isinstance(one, types.Refined):
            waiting.append(one.base)
        elif says_nothing(one):
            return True
        elif isinstance(one, types.Record):
            waiting += [field.type for _, field in one.fields]
            waiting += [part for _, part in one.patterns]
            if not isinstance(one.rest, types.Dyn):
                waiting.append(one.rest)
        elif isinstance(one, types.List):
            waiting.append(one.element)
        elif isinstance(one, types.Map):
            waiting.append(one.value)
    return False


def _each(given: Type, make: Callable[[types.Record], Type], declared: Type) -> Type:
    found = members_of(given)
    records = [make(one) for one in found if isinstance(one, types.Record)]
    return union(records) if len(records) == len(found) else declared


def _record(declared: types.Record, given: types.Record, depth: int) -> types.Record:
    fields = []
    for name, field in declared.fields:
        own = given.get(name)
        if own is not None and own.required:
            field = replace(field, type=seen_through(field.type, own.type, depth + 1))
        fields.append((name, field))
    return replace(declared, fields=tuple(fields))


def _in_json(given: Type, otherwise: Type, depth: int = 0) -> Type:
    """The type of a given value once it has been written as JSON; ``otherwise`` if not known."""
    if depth > MAX_DEPTH:
        return otherwise
    match given:
        case types.Union():
            found = [_in_json(one, otherwise, depth + 1) for one in given.members]
            return otherwise if any(isinstance(one, types.Dyn) for one in found) else union(found)
        case types.Record():
            fields = tuple(
                (name, replace(field, type=_in_json(field.type, types.DYN, depth + 1)))
                for name, field in given.fields
            )
            rest = types.ERROR if given.is_closed else _in_json(given.rest, types.DYN, depth + 1)
            return replace(given, fields=fields, rest=rest)
        case types.Map(key=types.String()):
            return replace(given, value=_in_json(given.value, types.DYN, depth + 1))
        case types.List():
            return replace(given, element=_in_json(given.element, types.DYN, depth + 1))
    return given if isinstance(given, _JSON) else otherwise


def is_there(type_: Type, path: tuple[str | int, ...]) -> bool:
    """Whether all fields of a path are certainly there, and the last one is no structure."""
    if isinstance(type_, types.Dyn):
        return True
    found = members_of(type_)
    if not path:
        return not any(isinstance(one, types.Record | types.Map | types.List) for one in found)
    step = path[0]
    if not isinstance(step, str):
        return False
    read = [member(one, step) for one in found]
    return all(one.presence == "certain" and is_there(one.type, path[1:]) for one in read)

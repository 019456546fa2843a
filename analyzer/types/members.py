"""Fields and elements of types: the type of ``x.f``, and of ``x`` once ``x.f`` was there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from typing import Literal

from analyzer.types import (
    NEVER,
    Dyn,
    Error,
    Field,
    Int,
    List,
    Map,
    Never,
    Optional,
    Record,
    String,
    Type,
    members_of,
    resolved,
    union,
)
from analyzer.types.algebra import is_match
from analyzer.types.intersection import meet
from kernel.structs import struct

Presence = Literal["certain", "possible", "undeclared", "never", "fieldless"]
"""``undeclared``: an open record may have it; ``fieldless``: the value has no fields at all."""

Narrow = Callable[[Type], Type]


@struct
class Member:
    """The type of a field, and whether the field is there."""

    presence: Presence
    type: Type = NEVER
    lenient: bool = False
    declared: bool = True


def member(type_: Type, name: str) -> Member:
    """The field of a type that is no union."""
    match type_:
        case Dyn() | Error():
            return Member("certain", type_)
        case Record():
            return _of_record(type_, name)
        case Map(value=value, key=key):
            known = any(one.contains(name) for one in members_of(key))
            return Member("possible", value) if known else Member("never")
    return Member("fieldless")


def _of_record(record: Record, name: str) -> Member:
    field = record.get(name)
    if field is not None and field.required:
        return Member("certain", field.type, declared=field.declared)
    if field is not None:
        return Member("possible", field.type, field.lenient)
    rest = _matched(record, name) if record.patterns else record.rest
    if isinstance(rest, Never):
        return Member("never")
    return Member("undeclared" if isinstance(rest, Dyn) else "possible", rest)


def _matched(record: Record, name: str) -> Type:
    """The type of a field that is not known, by the patterns that its name matches."""
    found = [type_ for pattern, type_ in record.patterns if is_match(pattern, name)]
    return reduce(meet, found) if found else record.unmatched


def field_names(type_: Type) -> frozenset[str]:
    """The names of the fields that the members of a type declare, whatever conditions found."""
    return frozenset(
        name
        for one in members_of(type_)
        if isinstance(one, Record)
        for name, field in one.fields
        if not isinstance(field.type, Never) and not field.guarded
    )


def has_undeclared(type_: Type) -> bool:
    """Whether objects of a type have declared fields, and may have others of which none is known.

    An object without declared fields is a map, of whose values nothing is said.
    """
    return any(
        isinstance(one, Record) and bool(one.fields) and isinstance(one.rest, Dyn)
        for one in members_of(type_)
    )


def is_in_some(type_: Type, name: str) -> bool:
    """Whether some records declare a field, and others allow any without declaring it."""
    records = [one for one in members_of(type_) if isinstance(one, Record)]
    fields = [one.get(name) for one in records]
    declaring = sum(field is not None and field.declared for field in fields)
    return 0 < declaring < len(records)


def values_of(type_: Record | Map) -> Type:
    """The type of all values of a map."""
    if isinstance(type_, Map):
        return type_.value
    return union([*(field.type for _, field in type_.fields), type_.rest])


def keys_of(type_: Record | Map) -> Type:
    """The type of all keys of a map."""
    if isinstance(type_, Map):
        return type_.key
    if not type_.is_closed:
        return String()
    names = frozenset(name for name, _ in type_.fields)
    return String(names) if names else NEVER


AccessStep = str | int | tuple[str, object]
"""A step of a path: a field, a position, or ``("$", path)`` for the value of another path."""


def narrowed(type_: Type, steps: tuple[AccessStep, ...], narrow: Narrow) -> Type:
    """The values of a type in which the value at some steps is there, and is kept by ``narrow``.

    A union loses the members without such values. ``narrow`` may keep too much, never too little.
    """
    if not steps:
        return narrow(type_)
    whole = resolved(type_)
    if isinstance(whole, Dyn | Error):
        return whole
    return union([_narrowed(one, steps, narrow) for one in members_of(whole)])


def _narrowed(type_: Type, steps: tuple[AccessStep, ...], narrow: Narrow) -> Type:
    step, rest = steps[0], steps[1:]
    if isinstance(type_, List):
        if isinstance(step, int) and step >= type_.least:
            return list_sized(type_, step + 1, type_.most)
        return type_
    if not isinstance(type_, Record) and not isinstance(type_, Map):
        return type_ if isinstance(type_, Dyn | Error | Optional) else NEVER
    if not isinstance(step, str):
        return type_
    found = member(type_, step)
    if found.presence in ("never", "fieldless"):
        return NEVER
    inner = narrowed(found.type, rest, narrow)
    return NEVER if isinstance(inner, Never) else with_field(type_, step, Field(inner))


def list_sized(type_: List, least: int, most: int | None) -> Type:
    """The lists of a type that have so many elements."""
    if most is not None and least > most:
        return NEVER
    return List(type_.element, least, most)


def with_field(type_: Record | Map, name: str, field: Field) -> Type:
    """The record with another field of that name; a map becomes a record with that field."""
    if isinstance(type_, Map) and any(one != String() for one in members_of(type_.key)):
        return type_
    record = Record((), type_.value) if isinstance(type_, Map) else type_
    known = record.get(name)
    if known is None:
        return _with_fields(record, (*record.fields, (name, replace(field, guarded=True))))
    if known.type is field.type and known.required is field.required:
        return type_
    made = Field(
        field.type, field.required, known.secret, known.lenient,
        field.default, field.declared, known.guarded,
    )  # fmt: skip
    return _with_fields(record, tuple([(n, made if n == name else f) for n, f in record.fields]))


def _with_fields(record: Record, fields: tuple[tuple[str, Field], ...]) -> Record:
    """As ``replace``, which takes longer."""
    return Record(fields, record.rest, record.patterns, record.unmatched, record.lengths)


def without_field(type_: Type, name: str) -> Type:
    """The values of a type that do not have a field."""
    whole = resolved(type_)
    if isinstance(whole, Dyn | Error):
        return whole
    return union(_member_without_field(one, name) for one in members_of(whole))


def _member_without_field(type_: Type, name: str) -> Type:
    if isinstance(type_, Dyn | Error | Optional):
        return type_
    found = member(type_, name)
    if found.presence == "certain" or found.presence == "fieldless":
        return NEVER
    if not isinstance(type_, Record) or found.presence != "possible":
        return type_
    return with_field(type_, name, Field(NEVER, required=False))


def is_within(index: Type, items: List) -> bool:
    """Whether an index is certainly a position of the list."""
    found = members_of(index)
    return bool(found) and all(
        isinstance(one, Int) and one.least >= 0 and one.most < items.least for one in found
    )

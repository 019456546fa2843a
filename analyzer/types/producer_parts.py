"""What a producer gives, in parts, where each part may fit another member of a union."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from analyzer import types
from analyzer.types import Type, resolved

MAX_PARTS: Final = 64
"""What has more parts than these stays whole."""


def parts_of(producer: Type, consumer: types.Union) -> list[Type]:
    """The producer in parts that may fit different members of a union; itself if there are none."""
    match producer:
        case types.Bool(literal=None):
            return [types.Bool(False), types.Bool(True)]
        case types.String(literals=literals) if literals is not None and len(literals) <= MAX_PARTS:
            return [types.String(frozenset((text,))) for text in sorted(literals)]
        case types.Int(least=least, most=most) if most - least < MAX_PARTS:
            return [types.Int(one, one) for one in range(least, most + 1)]
        case types.Record():
            return _record_parts(producer, consumer)
    return [producer]


def _record_parts(producer: types.Record, consumer: types.Union) -> list[Type]:
    members = [one for one in map(resolved, consumer.members) if isinstance(one, types.Record)]
    for index, (name, field) in enumerate(producer.fields):
        if not any(member.get(name) for member in members):
            continue
        parts = _field_parts(field, consumer)
        if len(parts) > 1:
            before, after = producer.fields[:index], producer.fields[index + 1 :]
            return [replace(producer, fields=(*before, (name, one), *after)) for one in parts]
    return [producer]


def _field_parts(field: types.Field, consumer: types.Union) -> list[types.Field]:
    if isinstance(field.type, types.Never):
        return [field]
    if not field.required:
        return [types.Field(types.NEVER, required=False), replace(field, required=True)]
    inner = resolved(field.type)
    parts = list(inner.members) if isinstance(inner, types.Union) else parts_of(inner, consumer)
    return [replace(field, type=one) for one in parts]

"""Which values a place takes: those that its schema's ``conform`` lets through.

A type says what is delivered, after defaults and numbers; a place takes more than that: an int
where a double is delivered, a record without a field that has a default, a timestamp where text is
delivered (``kernel.schema.Schema.conform``, ``kernel.invocation.stages.validate``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from analyzer.types import Double, Dyn, Error, Int, List, Map, Record, Ref, Refined, Type, Union
from kernel import cel
from kernel.schema import SchemaError
from kernel.schema.plain import is_json


def accepts(place: Type, value: Any) -> bool:
    """Whether the place takes a value, given in its JSON form (:func:`json_form`)."""
    match place:
        case Dyn():
            return is_json(value)
        case Ref():
            return accepts(place.resolve(), value)
        case Refined():
            return accepts(place.base, value) and place.accepts(value)
        case Union():
            return any(accepts(member, value) for member in place.members)
        case Int():
            whole = int(value) if type(value) is float and value.is_integer() else value
            return place.contains(whole)
        case Double():
            number = float(value) if type(value) is int else value
            return place.contains(number) and math.isfinite(number)
        case List():
            return isinstance(value, list | tuple) and (
                place.has_size(len(value)) and all(accepts(place.element, item) for item in value)
            )
        case Map():
            return isinstance(value, Mapping) and all(
                accepts(place.key, key) and accepts(place.value, item)
                for key, item in value.items()
            )
        case Record():
            return isinstance(value, Mapping) and _accepts_record(place, value)
    return place.contains(value)


def _accepts_record(place: Record, value: Mapping[Any, Any]) -> bool:
    known = dict(place.fields)
    if not all(
        accepts(field.type, value[name]) if name in value else field.default or not field.required
        for name, field in place.fields
    ):
        return False
    return all(
        isinstance(key, str) and accepts(place.rest, item)
        for key, item in value.items()
        if key not in known
    )


def json_form(value: Any) -> Any:
    """A value of CEL as it is given to a schema; what has no JSON form stays as it is."""
    try:
        return cel.to_json(value)
    except SchemaError:
        return value


def takes_all(place: Type) -> bool:
    """Whether the place takes every JSON value, or its type is a mistake that was reported."""
    return isinstance(place, Dyn | Error)

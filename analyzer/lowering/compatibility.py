"""Whether a schema still takes what an older one took, and gives nothing that it did not give.

A double and an int are two values to whoever computes with them: outputs that were numbers and are
integers now are no longer what they were. (It is not told of numbers that may be something else.)

What is *given* to a place comes before defaults: a field with a default may be left out, and a
place without a schema takes anything. What is *delivered* comes after them.

That an open object declares a field that it let through before is no difference that is told: by
such an addition contracts grow, and nobody gives a field that is not declared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, Literal

from analyzer import types
from analyzer.lowering.by_kind import JSON_MOST
from analyzer.lowering.equivalence import declares, implied, is_open, is_same
from analyzer.lowering.lower import lower
from analyzer.types import Type, union
from analyzer.types.subtyping import objections
from analyzer.types.verdict import Counterexample, Doubt
from kernel.errors import Path
from kernel.schema import NO_SCHEMAS, Problem, Schemas
from kernel.schema.bundle import bundle
from kernel.structs import struct


@struct
class Difference:
    """A value that is refused or given now, unlike before, at a path of the whole value.

    ``shown`` is how people see the value. ``certain``: there is such a value; otherwise the
    contrary only cannot be proven. ``added``: an open object declares a field that it did not
    declare before.
    """

    path: Path
    shown: str
    missing: bool = False
    certain: bool = True
    added: bool = False


def newly_refused(
    old: Any, new: Any, old_schemas: Schemas = NO_SCHEMAS, new_schemas: Schemas = NO_SCHEMAS
) -> list[Difference]:
    """What the old schema takes and the new one does not. Raises InvalidSchema."""
    before, after = bundle(old, old_schemas), bundle(new, new_schemas)
    return [
        replace(one, added=not one.missing and _is_added(before, after, one.path))
        for one in _differences(before, after, "given", strict=False)
    ]


def newly_given(
    old: Any, new: Any, old_schemas: Schemas = NO_SCHEMAS, new_schemas: Schemas = NO_SCHEMAS
) -> list[Difference]:
    """What the new schema delivers and the old one does not. Raises InvalidSchema."""
    before, after = bundle(old, old_schemas), bundle(new, new_schemas)
    return list(_differences(after, before, "delivered", strict=True))


def _differences(giving: Any, taking: Any, given: Sense, strict: bool) -> Iterator[Difference]:
    """What a producer gives and a consumer refuses, once for each path; certain ones first."""
    if is_same(giving, taking):
        return
    producer, consumer = _mapped(lower(giving), given), lower(taking)
    if strict:
        consumer = _mapped(consumer, "strict")
    told: set[Path] = set()
    doubts: list[Difference] = []
    for found in objections(producer, consumer, MAX_OBJECTIONS):
        example, doubt = found.counterexample, found.doubt
        if example is not None and example.path not in told:
            told.add(example.path)
            yield Difference(example.path, _shown(example), example.missing)
        elif doubt is not None and not _is_implied(giving, taking, doubt):
            doubts.append(Difference(doubt.path, doubt.reason, certain=False))
    for one in doubts:
        if one.path not in told:
            told.add(one.path)
            yield one


def _shown(example: Counterexample) -> str:
    if isinstance(example.place, types.Refined) and example.place.why == _DOUBLES:
        return str(Problem(example.path, "an int"))
    return str(example)


def _is_implied(giving: Any, taking: Any, doubt: Doubt) -> bool:
    """Whether a doubt is settled by the schemas: what is given is certainly taken."""
    if doubt.reason == _DOUBLES:
        return True
    keywords = not any(word in doubt.reason for word in ("default", "choices", "alternatives"))
    return implied(giving, taking, doubt.path, refined=doubt.kind == "refined" and keywords)


def _is_added(before: Any, after: Any, path: Path) -> bool:
    """Whether a path leads into a field that only the new schema names, of an open object."""
    return any(
        is_open(before, path[: length - 1])
        and not declares(before, path[:length])
        and declares(after, path[:length])
        for length in range(1, len(path) + 1)
        if isinstance(path[length - 1], str)
    )


MAX_OBJECTIONS: Final = 2_000
"""What speaks against larger changes is not looked at to its end."""

Sense = Literal["given", "delivered", "strict"]
"""Given to a place, delivered by it; or taken by a place that takes only what was delivered."""


def _mapped(type_: Type, sense: Sense) -> Type:
    """The type of what is given to a place, or the place that takes what is delivered only."""
    match type_:
        case types.Dyn():
            return type_ if sense == "strict" else ANYTHING
        case types.Ref():
            return types.Ref(f"{type_.name}?{sense}", lambda: _mapped(type_.resolve(), sense))
        case types.Refined():
            valid = type_.accepts if sense == "given" else type_.valid
            base = _mapped(type_.base, sense)
            return types.Refined(base, type_.why, f"{type_.name}?{sense}", valid, valid)
        case types.Double() if sense == "strict":
            return types.Refined(type_, _DOUBLES, f"{type_!r}?doubles", _is_double, _is_double)
        case types.List():
            return replace(type_, element=_mapped(type_.element, sense))
        case types.Map():
            return replace(type_, value=_mapped(type_.value, sense))
        case types.Union():
            return union(
                one if isinstance(one, types.Double) else _mapped(one, sense)
                for one in type_.members
            )
        case types.Record():
            fields = tuple((name, _field(one, sense)) for name, one in type_.fields)
            return types.Record(fields, _mapped(type_.rest, sense))
    return type_


_DOUBLES: Final = "only doubles"
"""What a place was that took numbers: all of them were doubles. Any int shows the difference."""


def _is_double(value: Any) -> bool:
    return type(value) is float


def _field(field: types.Field, sense: Sense) -> types.Field:
    required = field.required and not (sense == "given" and field.default)
    return replace(field, type=_mapped(field.type, sense), required=required, default=False)


def _anything() -> Type:
    numbers = (types.Int(-JSON_MOST, JSON_MOST), types.DOUBLE)
    return union(
        (types.NULL, types.BOOL, types.STRING, *numbers, types.List(ANYTHING), types.Map(ANYTHING))
    )


ANYTHING: Final[Type] = types.Ref("anything", _anything)
"""What a place without a schema takes: any JSON."""

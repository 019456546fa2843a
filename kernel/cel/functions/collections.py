"""The lists, sets, encoders and optionals extensions."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from kernel.cel import operations as op
from kernel.cel.budget import Budget
from kernel.cel.errors import Problem
from kernel.cel.functions.table import charged, library, on
from kernel.cel.values import DURATION, NONE, TIMESTAMP, Optional, described, native, type_name

_list = library("lists")
_set = library("sets")
_encoder = library("encoders")
_optional = library("optionals")

_SORTABLE: Final = frozenset(
    {"int", "uint", "double", "bool", "string", "bytes", TIMESTAMP, DURATION}
)


def sorted_by(budget: Budget, items: Any, keys: Any) -> list[Any]:
    """The items in the order of their keys, which are of one ordered type; stable."""
    budget.build_elements(len(items))
    budget.spend(len(items) * max(1, len(items).bit_length()))
    kinds = {type_name(key) for key in keys}
    if len(kinds) > 1 or not kinds <= _SORTABLE:
        types = " and ".join(sorted({described(key) for key in keys})[:2])
        raise Problem("no-overload", f"elements of {types} have no common order")
    values = [native(key) for key in keys]
    if kinds <= {"string", "bytes"}:
        budget.read(sum(map(len, values)))
    ranked = sorted(range(len(values)), key=values.__getitem__)
    return [items[i] for i in ranked]


def _sort(budget: Budget, items: Any) -> list[Any]:
    return sorted_by(budget, items, items)


def _distinct(budget: Budget, items: Any) -> list[Any]:
    found: list[Any] = []
    seen: set[str] = set()
    for item in items:
        budget.build_elements(1)
        # Strings are equal to nothing but strings, so that a set may answer for them.
        if item.__class__ is str:
            new = item not in seen
            seen.add(item)
        else:
            new = not op.contains_element(budget, item, found)
        if new:
            found.append(item)
    return found


def _flatten(budget: Budget, items: Any, depth: int = 1) -> list[Any]:
    if depth < 0:
        raise Problem("bad-argument", "the depth is negative")
    flat: list[Any] = []
    pending = [(iter(items), depth)]
    while pending:
        level, left = pending[-1]
        for item in level:
            budget.build_elements(1)
            if left and type_name(item) == "list":
                pending.append((iter(item), left - 1))
                break
            flat.append(item)
        else:
            pending.pop()
    return flat


def _range(budget: Budget, count: int) -> list[int]:
    budget.build_elements(max(0, count))
    return list(range(count))


def _slice(budget: Budget, items: Any, start: int, end: int) -> list[Any]:
    if not 0 <= start <= end <= len(items):
        raise Problem("index", f"the slice is out of range: the list has {len(items)} elements")
    budget.build_elements(end - start)
    return list(items[start:end])


def _reverse(budget: Budget, items: Any) -> list[Any]:
    budget.build_elements(len(items))
    return list(reversed(items))


def _contains(budget: Budget, items: Any, wanted: Any) -> bool:
    return all(op.contains_element(budget, item, items) for item in wanted)


def _equivalent(budget: Budget, a: Any, b: Any) -> bool:
    return _contains(budget, a, b) and _contains(budget, b, a)


def _intersects(budget: Budget, a: Any, b: Any) -> bool:
    return any(op.contains_element(budget, item, b) for item in a)


def _encode(budget: Budget, value: bytes) -> str:
    budget.build(len(value) * 4 // 3 + 4)
    budget.read(len(value))
    return base64.b64encode(value).decode()


def _decode(budget: Budget, text: str) -> bytes:
    budget.copy(len(text))
    padding = "=" * (-len(text) % 4) if "=" not in text else ""
    try:
        return base64.b64decode(text + padding, validate=True)
    except (binascii.Error, ValueError):
        raise Problem("bad-argument", "the string is not base64") from None


_ZERO_LENGTH: Final = frozenset({"string", "bytes", "list", "map"})


def is_zero(value: Any) -> bool:
    """Whether a value is the zero value of its type: null, false, 0, empty."""
    kind = type_name(value)
    if kind in _ZERO_LENGTH:
        return len(value) == 0
    if kind == DURATION:
        return bool(native(value).nanoseconds == 0)
    if kind in ("null_type", "bool", "int", "uint", "double"):
        return not value
    return kind == "optional_type" and not value.present


def _of_non_zero(value: Any) -> Optional:
    return NONE if is_zero(value) else Optional(value)


def _value(optional: Optional) -> Any:
    if not optional.present:
        raise Problem("bad-argument", "the optional has no value")
    return optional.value


def _unwrap(budget: Budget, items: Any) -> list[Any]:
    budget.build_elements(len(items))
    for item in items:
        if type_name(item) != "optional_type":
            raise Problem("no-overload", f"{described(item)} is not an optional")
    return [item.value for item in items if item.present]


def _first(items: Any) -> Optional:
    return Optional(items[0]) if items else NONE


def _last(items: Any) -> Optional:
    return Optional(items[-1]) if items else NONE


FUNCTIONS: Final = (
    _list(
        "distinct",
        "The elements, each once.",
        "[1, 2, 2.0].distinct() == [1, 2]",
        charged("list(T).() -> list(T)", _distinct),
        cost="product",
    ),
    _list(
        "flatten",
        "The elements, with those of inner lists in their place, one or `depth` levels deep.",
        "[1, [2, [3]]].flatten() == [1, 2, [3]] && [1, [2, [3]]].flatten(2) == [1, 2, 3]",
        charged("list(dyn).() -> list(dyn)", _flatten),
        charged("list(dyn).(int) -> list(dyn)", _flatten),
    ),
    _list(
        "lists.range",
        "The integers from 0 to before the number.",
        "lists.range(3) == [0, 1, 2]",
        charged("(int) -> list(int)", _range),
    ),
    _list(
        "reverse",
        "The list backwards.",
        "[1, 2].reverse() == [2, 1]",
        charged("list(T).() -> list(T)", _reverse),
    ),
    _list(
        "slice",
        "The elements from a position to before another.",
        "[1, 2, 3, 4].slice(1, 3) == [2, 3]",
        charged("list(T).(int, int) -> list(T)", _slice),
    ),
    _list(
        "sort",
        "The elements, of one ordered type, in order.",
        "[3, 1, 2].sort() == [1, 2, 3]",
        charged("list(T).() -> list(T)", _sort),
    ),
    _list(
        "first",
        "The first element as an optional.",
        "[1, 2].first() == optional.of(1) && [].first() == optional.none()",
        on("list(T).() -> optional(T)", _first),
    ),
    _list(
        "last",
        "The last element as an optional.",
        "[1, 2].last() == optional.of(2)",
        on("list(T).() -> optional(T)", _last),
    ),
    _set(
        "sets.contains",
        "Whether the first list has all elements of the second.",
        "sets.contains([1, 2, 3], [2.0, 3])",
        charged("(list(T), list(T)) -> bool", _contains),
        cost="product",
    ),
    _set(
        "sets.equivalent",
        "Whether each list has all elements of the other.",
        "sets.equivalent([1, 2], [2, 1, 1])",
        charged("(list(T), list(T)) -> bool", _equivalent),
        cost="product",
    ),
    _set(
        "sets.intersects",
        "Whether the lists have an element in common.",
        "sets.intersects([1, 2], [2, 3])",
        charged("(list(T), list(T)) -> bool", _intersects),
        cost="product",
    ),
    _encoder(
        "base64.encode",
        "The base64 text of bytes.",
        "base64.encode(b'hello') == 'aGVsbG8='",
        charged("(bytes) -> string", _encode),
    ),
    _encoder(
        "base64.decode",
        "The bytes of base64 text, with or without padding.",
        "base64.decode('aGVsbG8') == b'hello'",
        charged("(string) -> bytes", _decode),
    ),
    _optional(
        "optional.of",
        "The optional that holds the value.",
        "optional.of(1).value() == 1",
        on("(T) -> optional(T)", Optional),
    ),
    _optional(
        "optional.ofNonZeroValue",
        "The optional that holds the value; none for null, false, 0 and what is empty.",
        "optional.ofNonZeroValue('') == optional.none()",
        on("(T) -> optional(T)", _of_non_zero),
    ),
    _optional(
        "optional.none",
        "The optional without a value.",
        "!optional.none().hasValue()",
        on("() -> optional(T)", lambda: NONE),
    ),
    _optional(
        "optional.unwrap",
        "The values of the optionals in a list that have one.",
        "optional.unwrap([optional.of(1), optional.none()]) == [1]",
        charged("(list(optional(T))) -> list(T)", _unwrap),
    ),
    _optional(
        "unwrapOpt",
        "The values of the optionals in a list that have one.",
        "[optional.of(1), optional.none()].unwrapOpt() == [1]",
        charged("list(optional(T)).() -> list(T)", _unwrap),
    ),
    _optional(
        "hasValue",
        "Whether the optional has a value.",
        "optional.of(1).hasValue()",
        on("optional(T).() -> bool", lambda optional: optional.present),
    ),
    _optional(
        "value",
        "The value of the optional; an error when it has none.",
        "optional.of(1).value() == 1",
        on("optional(T).() -> T", _value),
    ),
    _optional(
        "or",
        "The optional itself when it has a value, otherwise the other one.",
        "optional.none().or(optional.of(1)) == optional.of(1)",
        on(
            "optional(T).(optional(T)) -> optional(T)",
            lambda optional, other: optional if optional.present else other,
        ),
    ),
    _optional(
        "orValue",
        "The value of the optional, or the other value when it has none.",
        "{'a': 1}.?b.orValue(2) == 2",
        on(
            "optional(T).(T) -> T",
            lambda optional, other: optional.value if optional.present else other,
        ),
    ),
)

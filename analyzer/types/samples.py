"""Values of a type: the smallest one, a few of them, all of them where they are few."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import islice, product
from typing import Any, Final

from analyzer import types
from analyzer.types import Type
from analyzer.types.doubles import NAN, is_never_json
from kernel import cel

NO_VALUE: Final = object()
"""What :meth:`Samples.smallest` gives where it finds no value."""

MAX_SIZE = 1_000
"""Longer texts and lists are not made."""

MAX_TYPES = 5_000
"""Of no more types are values made for one purpose."""

MAX_LISTED = 64
"""What has more values than these is not listed."""

_EXACT = 2**53
_TEXTS = ("", "a", "b", "0", "ab", "A", "aa", "a-b", "2000-01-01", "00000000")


class Samples:
    """Values of types, made for one purpose; each is made once."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[Type, Any]] = {}
        self._within: set[str] = set()

    def smallest(self, type_: Type) -> Any:
        """A small value of a type, or NOTHING where none is found."""
        if id(type_) in self._made:
            return self._made[id(type_)][1]
        if len(self._made) > MAX_TYPES:
            return NO_VALUE
        value = self._smallest(type_)
        self._made[id(type_)] = (type_, value)
        return value

    def _smallest(self, type_: Type) -> Any:
        match type_:
            case types.Ref():
                return self._inside(type_)
            case types.Union():
                found = map(self.smallest, type_.members)
                values = (one for one in found if one is not NO_VALUE)
                return min(values, key=size, default=NO_VALUE)
            case types.List():
                return self._list(type_)
            case types.Map():
                return {}
            case types.Record():
                return self._record(type_)
        return next((one for one in self.of(type_) if type_.contains(one)), NO_VALUE)

    def _inside(self, type_: types.Ref) -> Any:
        if type_.name in self._within:
            return NO_VALUE
        self._within.add(type_.name)
        try:
            return self.smallest(type_.resolve())
        finally:
            self._within.discard(type_.name)

    def _list(self, type_: types.List) -> Any:
        if not type_.least:
            return []
        element = self.smallest(type_.element)
        fits = element is not NO_VALUE and type_.least <= MAX_SIZE
        return [element] * type_.least if fits else NO_VALUE

    def _record(self, type_: types.Record) -> Any:
        made = {}
        for name, field in type_.fields:
            if field.required:
                made[name] = self.smallest(field.type)
                if made[name] is NO_VALUE:
                    return NO_VALUE
        return made

    def of(self, type_: Type, near: Type | None = None) -> Iterator[Any]:
        """A few values that may be of a type, some at the bounds of ``near``; small ones first."""
        match type_:
            case types.Ref():
                yield self._inside(type_)
            case types.Refined():
                yield from self.of(type_.base, near)
            case types.Union():
                for member in type_.members:
                    yield from islice(self.of(member, near), 8)
            case types.List():
                yield from self._lists(type_)
            case types.Map():
                yield {}
                value = self.smallest(type_.value)
                yield from ({key: value} for key in islice(self.of(type_.key), 2))
            case types.Record():
                yield from self._records(type_)
            case _:
                yield from _leaves(type_, near)

    def _lists(self, type_: types.List) -> Iterator[Any]:
        least = self._list(type_)
        yield least
        element = self.smallest(type_.element)
        if least is not NO_VALUE and element is not NO_VALUE and len(least) != type_.most:
            yield [*least, element]

    def _records(self, type_: types.Record) -> Iterator[Any]:
        least = self._record(type_)
        yield least
        if least is NO_VALUE:
            return
        for name, field in islice(type_.fields, MAX_LISTED):
            for member in islice(_members(field.type), 4):
                yield from ({**least, name: value} for value in self._simple(member))

    def _simple(self, type_: Type) -> list[Any]:
        """A few values of a type without going deeper."""
        if isinstance(type_, types.Ref | types.Record | types.List | types.Map | types.Refined):
            found = [self.smallest(type_)]
        else:
            found = list(islice(_leaves(type_, None), 4))
        return [one for one in found if one is not NO_VALUE]


def _members(type_: Type) -> tuple[Type, ...]:
    return type_.members if isinstance(type_, types.Union) else (type_,)


def size(value: Any) -> int:
    """How much there is to read of a value."""
    match value:
        case Mapping():
            return 1 + sum(1 + size(item) for item in value.values())
        case list():
            return 1 + sum(map(size, value))
        case str():
            return len(value)
    return 0


def _leaves(type_: Type, near: Type | None) -> Iterator[Any]:
    match type_:
        case types.Int():
            yield from _whole(type_, near)
        case types.Double():
            yield from _doubles(type_, near)
        case types.String():
            yield from _texts(type_, near)
        case types.Bool(literal=None):
            yield from (False, True)
        case types.Bool():
            yield type_.literal
        case _:
            yield _single(type_)


def _single(type_: Type) -> Any:
    match type_:
        case types.UInt():
            return cel.UInt(0)
        case types.Bytes():
            return b""
        case types.Timestamp():
            return cel.Timestamp(0)
        case types.Duration():
            return cel.Duration(0)
        case types.Optional():
            return cel.Optional(None, False)
        case types.TypeValue():
            return cel.Type("int")
        case types.Null() | types.Dyn() | types.Error():
            return None
    return NO_VALUE


def _whole(type_: types.Int, near: Type | None) -> Iterator[int]:
    """Whole numbers that doubles hold exactly, where there are any: no rounding is in the way."""
    tried = {0, 1, -1, 2, type_.least, type_.most, _EXACT, -_EXACT}
    for other in _numbers(near):
        if math.isfinite(other.least):
            tried.add(math.floor(other.least) - 1)
        if math.isfinite(other.most):
            tried.add(math.ceil(other.most) + 1)
    fitting = [one for one in tried if type_.contains(one)]
    exact = [one for one in fitting if abs(one) <= _EXACT]
    yield from sorted(exact or fitting, key=_distance)


def _doubles(type_: types.Double, near: Type | None) -> Iterator[float]:
    if is_never_json(type_):
        yield math.nan if type_ == NAN else type_.least
        return
    tried = {0.0, 0.5, 1.0, -1.0, -0.5, 1.5}
    bounds = [type_.least, type_.most]
    for other in _numbers(near):
        bounds += [float(other.least), float(other.most)]
    for bound in bounds:
        if math.isfinite(bound):
            tried |= {bound, bound + 0.5, bound - 0.5, math.nextafter(bound, math.inf)}
            tried.add(math.nextafter(bound, -math.inf))
    yield from sorted((one for one in tried if type_.contains(one)), key=_distance)


def _distance(number: float) -> tuple[float, bool]:
    return abs(number), number < 0


def _numbers(type_: Type | None) -> list[types.Int | types.Double]:
    members = _members(type_) if type_ else ()
    return [one for one in members if isinstance(one, types.Int | types.Double)]


def _texts(type_: types.String, near: Type | None) -> Iterator[str]:
    if type_.literals is not None:
        yield from sorted(type_.literals, key=lambda text: (len(text), text))
        return
    lengths = {type_.least, type_.most or 0}
    for other in _members(near) if near else ():
        if isinstance(other, types.String):
            lengths |= {max(other.least - 1, 0), (other.most or 0) + 1}
    tried = ["a" * length for length in lengths if length <= MAX_SIZE]
    yield from (text for text in sorted([*tried, *_TEXTS], key=len) if type_.contains(text))


def all_values(type_: Type) -> list[Any] | None:
    """All values of a type where they are few; None where they are not, or not known."""
    match type_:
        case types.Null():
            return [None]
        case types.Bool() | types.String(literals=frozenset()):
            return _if_few(_leaves(type_, None))
        case types.Int(least=least, most=most):
            return list(range(least, most + 1)) if most - least < MAX_LISTED else None
        case types.Double(least=least, most=most):
            return [least] if least == most != 0 else None
        case types.Union():
            return _if_few_of([all_values(member) for member in type_.members])
        case types.List():
            return _all_lists(type_)
        case types.Record():
            return _all_records(type_)
        case types.Refined():
            base = all_values(type_.base)
            return None if base is None else [one for one in base if type_.valid(one)]
    return None


def _if_few(values: Iterator[Any]) -> list[Any] | None:
    made = list(islice(values, MAX_LISTED + 1))
    return made if len(made) <= MAX_LISTED else None


def _if_few_of(parts: list[list[Any] | None]) -> list[Any] | None:
    made: list[Any] = []
    for part in parts:
        if part is None or len(made) + len(part) > MAX_LISTED:
            return None
        made += part
    return made


def _all_lists(type_: types.List) -> list[Any] | None:
    if type_.most is None or type_.most > 4:
        return None
    if not type_.most:
        return [[]]
    elements = all_values(type_.element)
    if elements is None or len(elements) ** type_.most > MAX_LISTED:
        return None
    counts = range(type_.least, type_.most + 1)
    return _if_few(list(one) for count in counts for one in product(elements, repeat=count))


def _all_records(type_: types.Record) -> list[Any] | None:
    if not type_.is_closed:
        return None
    choices: list[list[Any]] = []
    for _, field in type_.fields:
        values = all_values(field.type)
        if values is None:
            return None
        choices.append(values if field.required else [NO_VALUE, *values])
        if math.prod(map(len, choices)) > MAX_LISTED:
            return None
    names = [name for name, _ in type_.fields]
    return [
        {name: one for name, one in zip(names, values, strict=True) if one is not NO_VALUE}
        for values in product(*choices)
    ]

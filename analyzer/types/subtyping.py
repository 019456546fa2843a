"""Whether what one place gives is what another takes, and a value that shows why not.

A producer's type says what is delivered; a consumer's says what its schema delivers after
``conform``, so that the place itself takes more (``analyzer.types.acceptance``): an int fits a
double, a field with a default may be missing, a timestamp is given as text.

Nothing is said without proof. *Proven* holds for every value. *Refuted* comes with a value that
is of the producer's type and that the consumer refuses; both were asked. All else is a *doubt*,
with its reason: a warning at most, never an error.

Pairs of references that were met before are taken as proven (coinduction): a counterexample is
finite, so one of the other pairs shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from itertools import count, islice
from typing import Any, Final, Literal

from analyzer import types
from analyzer.types import Type, resolved
from analyzer.types.acceptance import accepts, json_form, takes_all
from analyzer.types.doubles import is_never_json
from analyzer.types.map_keys import are_keys_of_json, key_besides, key_named, meeting
from analyzer.types.producer_parts import parts_of
from analyzer.types.samples import MAX_SIZE, NO_VALUE, Samples, all_values
from analyzer.types.verdict import PROVEN, Counterexample, Doubt, Verdict
from kernel.cel.json_form import json_key
from kernel.errors import Path
from kernel.structs import struct

MAX_STEPS = 4_000
"""Larger comparisons are given up as a doubt."""

STEPS_FOR_VALUES = 10
"""What it costs to try some values."""

MAX_DEPTH = 40
"""Deeper ones too."""

MAX_TRIED = 64
"""So many suspected values are tried as counterexamples."""


_PLAIN: Final = frozenset({types.Bool, types.Int, types.String})
"""Types without parts, which are compared in one step."""


def is_assignable(producer: Type, consumer: Type) -> Verdict:
    """Whether every value of the producer's type is one that the consumer's place takes."""
    if type(producer) in _PLAIN and type(consumer) in _PLAIN and _holds(producer, consumer):
        return PROVEN
    doubt: Doubt | None = None
    for found in objections(producer, consumer):
        if found.refuted:
            return found
        doubt = doubt or found.doubt
    return PROVEN if doubt is None else Verdict(doubt=doubt)


def objections(producer: Type, consumer: Type, most: int = MAX_TRIED) -> Iterator[Verdict]:
    """The reasons against an assignment, place by place; none where it is proven.

    At most ``most`` of them; that there are more is a doubt.
    """
    try:
        for number, failure in enumerate(_Comparison().failures(producer, consumer)):
            if number == most:
                yield Verdict(doubt=Doubt("unclear", (), "there is more that was not looked at"))
                return
            if failure.shows(producer, consumer):
                yield Verdict(failure.counterexample())
            else:
                unseen = Doubt("unclear", failure.path, "no value was found that shows it")
                yield Verdict(doubt=failure.doubt or unseen)
    except RecursionError:
        yield Verdict(doubt=Doubt("unclear", (), "the types are nested too deep"))


@struct
class _Failure:
    """A reason that keeps a proof from being made; ``whole`` is a value suspected to show it."""

    path: Path = ()
    whole: Any = NO_VALUE
    value: Any = NO_VALUE
    place: Type = types.NEVER
    missing: bool = False
    doubt: Doubt | None = None

    def shows(self, producer: Type, consumer: Type) -> bool:
        """Whether the suspected value is given and refused."""
        if self.whole is NO_VALUE or not producer.contains(self.whole):
            return False
        return not accepts(consumer, json_form(self.whole))

    def counterexample(self) -> Counterexample:
        """The failure as a counterexample."""
        return Counterexample(self.whole, self.path, self.value, self.place, self.missing)

    def within(self, step: str | int, build: Callable[[Any], Any]) -> _Failure:
        """The failure as a failure of the value around it."""
        doubt = self.doubt and replace(self.doubt, path=(step, *self.doubt.path))
        whole = NO_VALUE if self.whole is NO_VALUE else build(self.whole)
        return replace(self, path=(step, *self.path), whole=whole, doubt=doubt)

    def at_key(self, name: str | int, key: Any) -> _Failure:
        """The failure at the entry ``name`` of a map, whose key there is another."""
        if key is None:
            return replace(self, whole=NO_VALUE)
        whole = NO_VALUE if self.whole is NO_VALUE else {key: self.whole[name]}
        return replace(self, whole=whole, path=(json_key(key), *self.path[1:]))


def _shown(value: Any, place: Type) -> _Failure:
    return _Failure(whole=value, value=value, place=place)


def _doubted(kind: Literal["dyn", "open", "refined", "unclear"], reason: str) -> _Failure:
    return _Failure(doubt=Doubt(kind, (), reason))


class _Comparison:
    """One comparison: the pairs of references assumed to fit, and the steps it has taken."""

    def __init__(self) -> None:
        self.assumed: set[tuple[Type, Type]] = set()
        self.samples = Samples()
        self.steps = 0
        self.depth = 0

    def failures(self, producer: Type, consumer: Type) -> Generator[_Failure, None, None]:
        """The reasons against an assignment; none where it is proven."""
        self.steps += 1
        if self.steps > MAX_STEPS or self.depth > MAX_DEPTH:
            yield _doubted("unclear", "the types are too large to compare")
            return
        self.depth += 1
        try:
            yield from self._failures(producer, consumer)
        finally:
            self.depth -= 1

    def _failures(self, producer: Type, consumer: Type) -> Iterator[_Failure]:
        match producer, consumer:
            case (types.Never() | types.Error(), _) | (_, types.Error()):
                return
            case (types.Ref(), _) | (_, types.Ref()):
                yield from self._resolved(producer, consumer)
            case (types.Dyn(), _) if not takes_all(consumer):
                yield _doubted("dyn", producer.reason)
            case _ if producer == consumer:
                return
            case (types.Union(), _):
                for member in producer.members:
                    yield from self.failures(member, consumer)
            case (_, types.Refined()):
                yield from self._into_refined(producer, consumer)
            case (types.Refined(), _):
                yield from self.failures(producer.base, consumer)
            case (_, types.Union()):
                yield from self._into_union(producer, consumer)
            case _:
                yield from self._of_one_kind(producer, consumer)

    def _resolved(self, producer: Type, consumer: Type) -> Iterator[_Failure]:
        pair = (producer, consumer)
        if producer == consumer or pair in self.assumed:
            return
        self.assumed.add(pair)
        yield from self.failures(
            producer.resolve() if isinstance(producer, types.Ref) else producer,
            consumer.resolve() if isinstance(consumer, types.Ref) else consumer,
        )

    def proves(self, producer: Type, consumer: Type) -> bool:
        """Whether an assignment is proven; assumptions of a failed attempt are forgotten."""
        before = set(self.assumed)
        found = self.failures(producer, consumer)
        first = next(found, None)
        found.close()
        if first is not None:
            self.assumed = before
        return first is None

    def _into_refined(self, producer: Type, consumer: types.Refined) -> Iterator[_Failure]:
        values = all_values(producer)
        if values is not None:
            yield from (_shown(one, consumer) for one in values if not accepts(consumer, one))
            return
        yield from self.failures(producer, consumer.base)
        yield from self._refused(producer, consumer)
        yield _doubted("refined", consumer.why)

    def _into_union(self, producer: Type, consumer: types.Union) -> Iterator[_Failure]:
        if any(self.proves(producer, member) for member in consumer.members):
            return
        parts = parts_of(producer, consumer)
        if len(parts) > 1:
            for part in parts:
                yield from self.failures(part, consumer)
            return
        near = [one for one in consumer.members if _alike(producer, one)]
        for member in near:
            for failure in islice(self.failures(producer, member), 8):
                if len(near) == 1 or failure.shows(producer, consumer):
                    yield failure
        yield from self._refused(producer, consumer)
        yield _doubted("unclear", f"one of {consumer} may fit")

    def _of_one_kind(self, producer: Type, consumer: Type) -> Iterator[_Failure]:
        match producer, consumer:
            case types.List(), types.List():
                yield from self._lists(producer, consumer)
            case (types.Record() | types.Map(), types.Record() | types.Map()):
                one, two = _produced(producer), _record(consumer)
                if one is None or two is None:
                    yield from self._leaves(producer, consumer)
                elif isinstance(producer, types.Map):
                    yield from self._map(producer, two)
                else:
                    yield from self._records(one, two)
            case (types.List(element=inner), _) if takes_all(consumer):
                for failure in self.failures(inner, consumer):
                    yield failure.within(0, self._list_around(producer))
            case (types.Record(), _) if takes_all(consumer):
                yield from self._records(producer, types.Record((), consumer))
            case (types.Map(), _) if takes_all(consumer) and _produced(producer):
                yield from self._map(producer, types.Record((), consumer))
            case _:
                yield from self._leaves(producer, consumer)

    def _leaves(self, producer: Type, consumer: Type) -> Iterator[_Failure]:
        if not _holds(_delivered(producer), consumer):
            yield from self._refused(producer, consumer)
            yield _doubted("unclear", f"{producer} may not be {consumer}")

    def _lists(self, producer: types.List, consumer: types.List) -> Iterator[_Failure]:
        short, long = producer.least < consumer.least, _is_longer(producer, consumer)
        if short or long:
            length = producer.least if short else max((consumer.most or 0) + 1, producer.least)
            element = self.samples.smallest(producer.element) if length else None
            fits = element is not NO_VALUE and length <= MAX_SIZE
            yield _shown([element] * length if fits else NO_VALUE, consumer)
        if producer.most != 0:
            for failure in self.failures(producer.element, consumer.element):
                yield failure.within(0, self._list_around(producer))

    def _records(self, producer: types.Record, consumer: types.Record) -> Iterator[_Failure]:
        for name, place in consumer.fields:
            yield from self._field(producer, name, place)
        for name, given in producer.fields:
            if consumer.get(name) is None and not isinstance(given.type, types.Never):
                yield from self._extra(producer, name, given, consumer.rest)
        if not isinstance(producer.rest, types.Never | types.Error) and not (
            takes_all(consumer.rest) and isinstance(producer.rest, types.Dyn)
        ):
            yield from self._rest(producer, consumer)

    def _map(self, producer: types.Map, consumer: types.Record) -> Iterator[_Failure]:
        yield from self._meeting_keys(producer, consumer)
        known = [name for name, _ in consumer.fields]
        for failure in self._records(types.Record((), producer.value), consumer):
            name = failure.path[0] if failure.path and not failure.missing else None
            if name is None or producer.key.contains(name):
                yield failure
            elif name in known:
                key = key_named(producer.key, str(name))
                if key is not None:  # else no entry of the map comes to that place
                    yield failure.at_key(name, key)
            else:
                yield failure.at_key(name, key_besides(producer.key, known, self.samples))

    def _meeting_keys(self, producer: types.Map, consumer: Type) -> Iterator[_Failure]:
        """Two keys of a map that are one key in JSON, as ``1`` and ``"1"`` are."""
        if isinstance(producer.value, types.Never):
            return
        if isinstance(producer.key, types.Dyn):
            yield _doubted("dyn", producer.key.reason)
            return
        met, value = meeting(producer.key, self.samples), self.samples.smallest(producer.value)
        if isinstance(met, tuple) and value is not NO_VALUE:
            yield _shown(dict.fromkeys(met, value), consumer)
        elif met:
            yield _doubted("unclear", "two of its keys may be the same in JSON")

    def _field(self, producer: types.Record, name: str, place: types.Field) -> Iterator[_Failure]:
        given = producer.get(name) or types.Field(producer.rest, required=False)
        if place.required and not place.default and not given.required:
            yield _missing(name, place, self.samples.smallest(producer))
        if producer.get(name) is None and isinstance(given.type, types.Dyn):
            if not takes_all(place.type):
                yield _doubted("open", f"nothing says what {name} is").within(name, lambda one: one)
            return
        for failure in self.failures(given.type, place.type):
            yield failure.within(name, _record_around(name, self.samples.smallest(producer)))

    def _extra(
        self, producer: types.Record, name: str, given: types.Field, rest: Type
    ) -> Iterator[_Failure]:
        if isinstance(rest, types.Never):
            found = iter((_shown(self.samples.smallest(given.type), rest),))
        else:
            found = self.failures(given.type, rest)
        for failure in found:
            yield failure.within(name, _record_around(name, self.samples.smallest(producer)))

    def _rest(self, producer: types.Record, consumer: types.Record) -> Iterator[_Failure]:
        if isinstance(producer.rest, types.Dyn):
            yield _doubted("open", "other fields may be there")
            return
        known = {name for name, _ in (*producer.fields, *consumer.fields)}
        name = next(one for one in _new_names() if one not in known)
        given = types.Field(producer.rest, required=False)
        yield from self._extra(producer, name, given, consumer.rest)

    def _refused(self, producer: Type, consumer: Type) -> list[_Failure]:
        """Failures with values that the consumer refuses, of a few that are tried."""
        self.steps += STEPS_FOR_VALUES
        values = islice(self.samples.of(producer, consumer), MAX_TRIED)
        tried = (_shown(one, consumer) for one in values)
        return list(islice((one for one in tried if one.shows(producer, consumer)), 4))

    def _list_around(self, producer: types.List) -> Callable[[Any], Any]:
        length = max(producer.least, 1)

        def build(value: Any) -> Any:
            other = self.samples.smallest(producer.element) if length > 1 else None
            other = value if other is NO_VALUE else other
            return [value] + [other] * (length - 1) if length <= MAX_SIZE else NO_VALUE

        return build


def _new_names() -> Iterator[str]:
    yield "other"
    yield from (f"other{number}" for number in count(2))


def _missing(name: str, place: types.Field, least: Any) -> _Failure:
    whole = NO_VALUE if least is NO_VALUE else {k: v for k, v in least.items() if k != name}
    return _Failure((name,), whole, None, place.type, missing=True)


def _record_around(name: str, least: Any) -> Callable[[Any], Any]:
    return lambda value: NO_VALUE if least is NO_VALUE else {**least, name: value}


def _is_longer(producer: types.List | types.String, consumer: types.List | types.String) -> bool:
    if consumer.most is None:
        return False
    return producer.most is None or producer.most > consumer.most


def _record(type_: types.Record | types.Map) -> types.Record | None:
    """A map as a record of unknown fields; None where its keys are not just any text."""
    if isinstance(type_, types.Record):
        return type_
    return types.Record((), type_.value) if type_.key == types.STRING else None


def _produced(type_: types.Record | types.Map) -> types.Record | None:
    """What is produced as a record: in JSON all keys are texts, and some are no more than any."""
    if isinstance(type_, types.Map) and are_keys_of_json(type_.key):
        return types.Record((), type_.value)
    return _record(type_)


def _delivered(type_: Type) -> Type:
    """What a type of CEL is as JSON (``kernel.invocation.stages.validate``)."""
    match type_:
        case types.UInt():
            return types.Int(0, 2 * types.INT_MAX + 1)
        case types.Timestamp() | types.Duration() | types.Bytes():
            return types.STRING
    return type_


def _holds(producer: Type, consumer: Type) -> bool:
    """Whether a consumer takes all values of a producer; neither has parts."""
    match producer, consumer:
        case types.Double(), types.Double() | types.Dyn() if is_never_json(producer):
            return False
        case (types.Int() | types.Double(), types.Double()):
            least, most = float(producer.least), float(producer.most)
            return consumer.least <= least and most <= consumer.most
        case types.Int(), types.Int():
            return consumer.least <= producer.least and producer.most <= consumer.most
        case types.Double(least=point, most=most), types.Int():
            return point == most and accepts(consumer, point)
        case types.String(), types.String():
            return _texts_hold(producer, consumer)
        case types.Bool(), types.Bool():
            return consumer.literal in (None, producer.literal)
        case _, types.Dyn():
            return _is_json(producer)
    return type(producer) is type(consumer) and not isinstance(producer, types.Int | types.Map)


def _is_json(type_: Type) -> bool:
    return not isinstance(type_, types.Map | types.Optional | types.TypeValue)


def _texts_hold(producer: types.String, consumer: types.String) -> bool:
    if producer.literals is not None:
        return all(map(consumer.contains, producer.literals))
    if consumer.literals is not None or consumer.pattern not in (None, producer.pattern):
        return False
    return producer.least >= consumer.least and not _is_longer(producer, consumer)


def _alike(producer: Type, member: Type) -> bool:
    """Whether a member of a union has the producer's shape, so that its failures can be shown."""
    member = resolved(member)
    groups = (
        (types.Record, types.Map),
        (types.Int, types.Double, types.UInt),
        (types.String, types.Timestamp, types.Duration, types.Bytes),
        (types.List,),
    )
    return any(isinstance(producer, one) and isinstance(member, one) for one in groups)

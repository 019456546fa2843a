"""Values that are written, against the schema of the place that takes them (K204 to K208, K006).

The structure is gone through together with the type of the place, so that each mistake is found
where it stands, and said once.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, Literal

from analyzer import types
from analyzer.expressions.quotients import is_double, is_int, quotients
from analyzer.expressions.templates import Evaluation
from analyzer.findings.message import Message
from analyzer.findings.messages import k0_text, k2_contracts, k6_values
from analyzer.findings.messages.k2_contracts import Place
from analyzer.types import Type, members_of, resolved, union
from analyzer.types.acceptance import accepts, json_form
from analyzer.types.subtyping import is_assignable
from analyzer.types.verdict import Verdict
from kernel.cel import Scalar
from kernel.cel.json_form import json_key, meeting_keys
from kernel.cel.tree import Binary
from kernel.cel.values import entries
from kernel.errors import Path
from kernel.manifest.suggest import nearest
from kernel.structs import struct

MAX_PARTS: Final = 2_000
"""Of a structure with more values the rest is compared as a whole."""

MAX_LENIENT: Final = 10
"""What nests deeper must be declared."""


@struct
class Mismatch:
    """One value that a place does not take.

    ``path`` leads to the value within the structure; ``key``: the mistake is the key itself.
    ``meant`` is the name that was probably meant.
    """

    message: Message
    path: Path
    key: bool = False
    meant: str | None = None


MAX_KEPT: Final = 8
"""So many places that take a value are remembered with it."""


def mismatches(value: Evaluation, type_: Type, place: Place, name: str) -> Iterator[Mismatch]:
    """What is wrong with the values that a template gives to a place of a type.

    ``name`` is whose place it is: a callee, a topology, a resource.
    """
    kept = value.taken_by
    if kept is not None and any(one is type_ for one in kept):
        return
    found = list(_Mismatches(value, place, name).at((), value.tree.structure, type_))
    if kept is not None and not found and len(kept) < MAX_KEPT:
        kept.append(type_)
    yield from found


@struct(frozen=False)
class _Mismatches:
    value: Evaluation
    rules: Place
    name: str
    parts: int = 0
    around: set[Path] | None = None

    def at(self, path: Path, written: Any, place: Type) -> Iterator[Mismatch]:
        self.parts += 1
        known = self.value.scalar_types.get(path)
        # No value fits a place of the type Never: its schema is what is wrong (K103).
        if isinstance(known, types.Error) or isinstance(place, types.Error):
            return
        if isinstance(place, types.Never):
            yield Mismatch(k2_contracts.takes_nothing(self.rules, self.thing(path)), path)
            return
        met = meeting_keys(written) if known is None and isinstance(written, Mapping) else None
        if met is not None:
            steps = zip(written, entries(written), strict=True)
            step = next(step for key, (step, _) in steps if key is met.second)
            message = k2_contracts.not_json(self.rules, self.thing(path), str(met))
            yield Mismatch(message, (*path, step), True)
            return
        if known is None and self.parts <= MAX_PARTS:
            match written, self._plain(place, written):
                case Mapping(), types.Record() as record:
                    yield from self.record(path, written, record, place)
                    return
                case Mapping(), types.Map() as map_:
                    for key, item in entries(written):
                        yield from self.at((*path, key), item, map_.value)
                    return
                case list() | tuple(), types.List() as list_ if list_.has_size(len(written)):
                    for index, item in enumerate(written):
                        yield from self.at((*path, index), item, list_.element)
                    if isinstance(place, types.Refined):
                        yield from self.whole(path, written, place)
                    return
        yield from self.whole(path, written, place)

    def _plain(self, place: Type, written: Any) -> Type:
        """The only shape of the place that fits what is written; the place if there are several."""
        if isinstance(place, types.Dyn) and isinstance(written, Mapping | list | tuple):
            return types.Map(place) if isinstance(written, Mapping) else types.List(place)
        kinds = (types.Record, types.Map) if isinstance(written, Mapping) else (types.List,)
        fitting = [one for one in members_of(place) if isinstance(one, kinds)]
        return fitting[0] if len(fitting) == 1 else place

    def record(
        self, path: Path, written: Mapping[Any, Any], record: types.Record, place: Type
    ) -> Iterator[Mismatch]:
        known = dict(record.fields)
        found: list[Mismatch] = []
        names = dict(zip(map(json_key, written), entries(written), strict=True))
        undeclared = [str(name) for name in names if name not in known]
        for name, (step, item) in names.items():
            declared = known.get(name)
            if declared is None and (wrong := self.undeclared((*path, step), record, names)):
                found.append(wrong)
            elif declared is not None or not record.is_closed:
                inside = record.rest if declared is None else declared.type
                found += self.at((*path, step), item, inside)
        told = {one.meant for one in found}
        for name, declared in record.fields:
            if name in names or not declared.required or declared.default or name in told:
                continue
            # That a field is missing and what stands there instead is one mistake.
            near = nearest(name, undeclared)
            found = [one for one in found if near is None or one.path != (*path, near)]
            found.append(self.missing((*path, name), path, declared, near))
        yield from found
        # A place takes a value with a warning all the same.
        taken = all(one.message.severity == "warning" for one in found)
        if taken and isinstance(place, types.Refined):
            yield from self.whole(path, written, place)

    def missing(self, path: Path, above: Path, field: types.Field, near: str | None) -> Mismatch:
        message = k2_contracts.missing(self.rules, self.name, shown_path(path), field.type, near)
        return Mismatch(message, above, True)

    def undeclared(
        self, path: Path, record: types.Record, written: Collection[Any]
    ) -> Mismatch | None:
        """The mistake in a name that a closed record refuses, or that nearly is a declared name.

        An open record takes such a name; but the field that was meant may be missing then.
        """
        known = {one: field for one, field in record.fields if one not in written}
        meant = nearest(str(path[-1]), known)
        if not record.is_closed and not meant:
            return None
        shown = shown_path(path)
        if record.is_closed or meant is None:
            message = k2_contracts.unknown(self.rules, self.name, shown, meant, known)
        else:
            needed = known[meant].required and not known[meant].default
            message = k2_contracts.undeclared(self.rules, self.name, shown, meant, needed=needed)
        return Mismatch(message, path, True, meant)

    def whole(self, path: Path, written: Any, place: Type) -> Iterator[Mismatch]:
        """A scalar, or a structure that is compared as a whole."""
        scalar = self.value.tree.scalars.get(path)
        given = self.value.type_at(path)
        if isinstance(given, types.Error | types.Never):
            return
        if scalar is None and not self.has_cel(path, written):
            if not accepts(place, json_form(written)):
                yield self.constant(path, written, place)
            return
        verdict = is_assignable(given, place)
        example = verdict.counterexample
        if example is not None and (isinstance(place, types.Dyn) or not example.is_json):
            said = f"this may be {example}"
            yield Mismatch(k2_contracts.not_json(self.rules, self.thing(path), said), path)
        elif verdict.refuted:
            texted = scalar is not None and scalar.whole is None
            yield self.refuted(path, given, place, verdict, texted)
        elif verdict.doubt is not None and verdict.doubt.kind == "unclear":
            reason = verdict.doubt.reason
            yield Mismatch(k2_contracts.may_not_fit(self.rules, self.thing(path), reason), path)
        elif is_double(place) and is_int(given) and any(_quotients(scalar)):
            yield Mismatch(k6_values.given_quotient(self.thing(path)), path)

    def has_cel(self, path: Path, written: Any) -> bool:
        """Whether a structure holds CEL."""
        if not isinstance(written, Mapping | list | tuple):
            return False
        if self.around is None:
            scalars = self.value.scalar_types
            self.around = {one[:length] for one in scalars for length in range(len(one) + 1)}
        return path in self.around

    def thing(self, path: Path) -> str:
        """What people call the value at a path."""
        if not path:
            return f"the {self.rules.what} of {self.name}"
        return f"the {self.rules.what} `{shown_path(path)}` of {self.name}"

    def constant(self, path: Path, written: Any, place: Type) -> Mismatch:
        thing, shown = self.thing(path), _literal(written)
        if not is_assignable(self.value.type_at(path), relaxed(place, "all")).refuted:
            message = k2_contracts.constant_out_of_limits(self.rules, thing, limits(place), shown)
        else:
            message = k2_contracts.constant_of_type(self.rules, thing, place, shown)
        return Mismatch(message, path)

    def refuted(
        self, path: Path, given: Type, place: Type, verdict: Verdict, texted: bool
    ) -> Mismatch:
        counterexample = verdict.counterexample
        assert counterexample is not None
        thing, example = self.thing(path), str(counterexample)
        alike = not is_assignable(given, relaxed(place)).refuted
        if texted and not alike:
            message = k0_text.text_around(thing, place)
        elif alike:
            takes = limits(counterexample.place)
            message = k2_contracts.may_be_out_of_limits(self.rules, thing, takes, example)
        elif not is_assignable(given, relaxed(_lenient(given, place, 0))).refuted:
            message = k2_contracts.may_be_incomplete(self.rules, thing, place, example)
        else:
            shown = "" if len(members_of(given)) == 1 and not counterexample.path else example
            message = k2_contracts.other_type(self.rules, thing, place, given, shown)
        return Mismatch(message, path)


def _quotients(scalar: Scalar | None) -> Iterator[Binary]:
    whole = None if scalar is None else scalar.whole
    return iter(()) if whole is None else quotients(whole.expr)


def _lenient(given: Type, place: Type, depth: int) -> Type:
    """The place without the fields that the giver's schema does not speak of at all."""
    given, place = resolved(given), resolved(place)
    if depth > MAX_LENIENT:
        return place
    match given, place:
        case types.Record(), types.Record():
            fields = []
            for name, wanted in place.fields:
                own = given.get(name)
                is_open = not isinstance(given.rest, types.Never | types.Error)
                silent = is_open if own is None else own.lenient
                inner = wanted.type if own is None else _lenient(own.type, wanted.type, depth + 1)
                required = wanted.required and not silent
                fields.append((name, replace(wanted, type=inner, required=required)))
            return types.Record(tuple(fields), place.rest)
        case types.List(), types.List():
            return replace(place, element=_lenient(given.element, place.element, depth + 1))
    return place


def shown_path(path: Path) -> str:
    """A path as people write it: ``routes[1].response.status``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def _literal(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:59] + "…"


Relax = Literal["limits", "all"]


def relaxed(place: Type, what: Relax = "limits", depth: int = 0) -> Type:
    """A place without the limits that only a few types can promise: bounds, lengths, patterns.

    Enumerations stay, unless ``what`` is ``all``: then a place takes all values of its kinds.
    """
    if depth > 20:
        return types.Dyn("nested deeply")
    match place:
        case types.Refined():
            return relaxed(place.base, what, depth)
        case types.Int(least=least, most=most):
            return place if least == most and what == "limits" else types.Int()
        case types.Double(least=least, most=most):
            return place if least == most and what == "limits" else types.Double()
        case types.String(literals=literals):
            return types.String(literals if what == "limits" else None)
        case types.List():
            return types.List(relaxed(place.element, what, depth + 1))
        case types.Map():
            return types.Map(relaxed(place.value, what, depth + 1), types.String())
        case types.Record():
            fields = tuple(
                (name, replace(field, type=relaxed(field.type, what, depth + 1)))
                for name, field in place.fields
            )
            return types.Record(fields, relaxed(place.rest, what, depth + 1))
        case types.Union():
            return union(relaxed(member, what, depth) for member in place.members)
    whole = resolved(place)
    return place if whole is place else relaxed(whole, what, depth + 1)


def limits(place: Type) -> str:
    """A place with its limits, in words."""
    said = [str(place)]
    for one in members_of(place):
        if isinstance(one, types.String):
            if one.least > 0 and one.most is None:
                said.append(f"of at least {one.least} characters")
            elif one.most is not None:
                said.append(f"of {one.least} to {one.most} characters")
            if one.pattern is not None:
                said.append(f"that matches {one.pattern}")
        elif isinstance(one, types.Double) and (
            one.least > float("-inf") or one.most < float("inf")
        ):
            said.append(f"from {one.least:g} to {one.most:g}")
        elif isinstance(one, types.List) and (one.least or one.most is not None):
            most = "" if one.most is None else f" to {one.most}"
            said.append(f"of {one.least}{most} elements")
    if isinstance(place, types.Refined):
        said.append(f"by its {place.why}")
    return " ".join(said)

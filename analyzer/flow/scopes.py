"""Which variables a sequence has at each place, and of what type (language.md, CEL and Topologies).

``steps`` holds what :mod:`analyzer.flow.availability` says has run, with the type of each step's
result; ``item``, ``index`` and ``error`` are there where a form brings them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from analyzer import types
from analyzer.flow.availability import Flow, Ran, State, flow_of
from analyzer.program.variables import ERROR, EVENT, Names
from analyzer.types import Type, members_of, union
from kernel.cel import Template, references
from kernel.topology import forms
from kernel.topology.callsite import CallSite
from kernel.topology.forms import Part, Step, Steps, all_steps, field_of
from kernel.topology.sequence import Sequence

ResultOf = Callable[[CallSite], Type]
"""What a call returns, by the contract of what it calls."""

TypeOf = Callable[["Scopes", Step, forms.Field], Type]
"""The type of what a field of a step gives."""

Read = frozenset[str]
"""Steps by name."""

MAX_NESTED_LOOPS = 4
"""Of loops that nest deeper, what a round sees of the round before is not known."""

_SKIPPED = types.Record((("skipped", types.Field(types.Bool(True))),))


@dataclass(frozen=True, slots=True)
class Scopes:
    """The variables at each place of one sequence.

    ``results`` has the type of what each step gives; the other fields are for the methods.
    ``entries`` are those of ``steps`` that were made already, by what they were made of.
    """

    results: Mapping[Step, Type]
    flow: Flow
    by_name: Mapping[str, Step]
    outer: Mapping[Step | None, Names]
    inside: Mapping[Step, Names]
    entries: dict[tuple[str, Ran], tuple[Type, types.Field]] = field(default_factory=dict)

    def before(self, step: Step, template: Template) -> Names:
        """For a template of the step's own fields: ``when``, ``inputs``, ``if``, ``while``, …"""
        return self.at(step, False, self.flow.before[step], steps_read(template))

    def within(self, step: Step, template: Template) -> Names:
        """For a template that sees the step's body: ``until``, ``result`` of a ``forEach``."""
        return self.at(step, True, self.flow.within[step], steps_read(template))

    def end(self, template: Template) -> Names:
        """For the result of the sequence."""
        return self.at(None, False, self.flow.end, steps_read(template))

    def at(self, step: Step | None, within: bool, state: State, wanted: Read | None) -> Names:
        """For a field of a step, in a state of its own; of the steps only those ``wanted``."""
        names = self.outer[step]
        if within and step is not None:
            names = self.inside.get(step, names)
        return {**names, "steps": self.steps(state, wanted)}

    def state(self, step: Step, within: bool) -> State:
        """What has run at a field of a step."""
        return self.flow.within[step] if within else self.flow.before[step]

    def steps(self, state: State, wanted: frozenset[str] | None = None) -> types.Record:
        """The variable ``steps``; of ``wanted`` only those, which keeps long sequences cheap."""
        names = state if wanted is None else [name for name in wanted if name in state]
        return types.Record(tuple((name, self._entry(name, state[name])) for name in sorted(names)))

    def _entry(self, name: str, ran: Ran) -> types.Field:
        step = self.by_name[name]
        result = self.results.get(step)
        if result is None:
            result = types.Dyn(f"what step `{name}` gave in the round before")
        kept = self.entries.get((name, ran))
        if kept is not None and kept[0] is result:
            return kept[1]
        entry: Type = types.Record(
            (("result", types.Field(result)), ("skipped", types.Field(types.Bool(False))))
        )
        if ran is not Ran.CERTAINLY and step.when is not None:
            entry = union((entry, _SKIPPED))
        made = types.Field(entry, required=ran is not Ran.PERHAPS)
        self.entries[name, ran] = result, made
        return made


@lru_cache(maxsize=16_384)
def steps_read(template: Template) -> Read | None:
    """The steps that a template names; None where it reads ``steps`` as a whole."""
    found = set()
    for _, embedded in template.tree.expressions():
        for reference in references(embedded.expr):
            if reference[0] == "steps":
                if len(reference) == 1 or not isinstance(reference[1], str):
                    return None
                found.add(reference[1])
    return frozenset(found)


def scopes_of(sequence: Sequence, base: Names, result_of: ResultOf, type_of: TypeOf) -> Scopes:
    """The scopes of a sequence. ``base`` are the variables that all of it has."""
    by_name = {step.name: step for step in all_steps(sequence.steps) if step.name is not None}
    scopes = Scopes({}, flow_of(sequence), by_name, {None: base}, {})
    walk = _Scoping(scopes, result_of, type_of)
    walk.steps(sequence.steps, base)
    return walk.scopes


@dataclass(slots=True)
class _Scoping:
    scopes: Scopes
    result_of: ResultOf
    type_of: TypeOf
    loops: int = 0
    results: dict[Step, Type] = field(init=False)
    outer: dict[Step | None, Names] = field(init=False)
    inside: dict[Step, Names] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.results, self.outer = {}, dict(self.scopes.outer)
        flow, by_name = self.scopes.flow, self.scopes.by_name
        self.scopes = Scopes(self.results, flow, by_name, self.outer, self.inside)

    def steps(self, steps: Steps, names: Names) -> None:
        for step in steps:
            self.outer[step] = names
            self.results[step] = self.result(step, names)

    def result(self, step: Step, names: Names) -> Type:
        """What a step gives when it is not skipped; what is inside of it is walked first."""
        given = [(part, self.part(step, part, names)) for part in step.parts]
        match step.form.gives:
            case "outputs" if step.site is not None:
                return self.result_of(step.site)
            case "value":
                return self.type_of(self.scopes, step, field_of(step, "value"))
            case "record":
                return types.Record(tuple((part.key, types.Field(type_)) for part, type_ in given))
            case "null":
                return types.NULL
            case "event":
                return EVENT
        return union(type_ for part, type_ in given if not part.is_ending)

    def part(self, step: Step, part: Part, names: Names) -> Type:
        """What a part gives where it runs: the result of its last step, or one of each item."""
        if part.is_isolated:
            return self.for_each(step, part, names)
        if part.repeats:
            return self.loop(step, part, names)
        if "error" in part.brings:
            names = {**names, "error": union((ERROR, types.NULL)) if part.is_ending else ERROR}
        self.steps(part.steps, names)
        return self.last(part.steps)

    def last(self, steps: Steps) -> Type:
        """The result of the last of some steps: null if it was skipped, or there is none."""
        if not steps:
            return types.NULL
        result = self.results[steps[-1]]
        return result if steps[-1].when is None else union((result, types.NULL))

    def loop(self, step: Step, part: Part, names: Names) -> Type:
        """A round sees the results of the round before, so their types are found by rounds too."""
        self.loops += 1
        if self.loops > MAX_NESTED_LOOPS or not self.settles(part, names):
            for inner in all_steps(part.steps):
                self.results[inner] = types.Dyn("it is of another type in each round")
            self.steps(part.steps, names)
        self.loops -= 1
        last = self.last(part.steps)
        return last if step in self.scopes.flow.entered else union((last, types.NULL))

    def settles(self, part: Part, names: Names) -> bool:
        """Whether types are found that the results have in every round.

        Before the first round there are none. What a round makes of some types is right if it is
        not more than these; to come to an end, bounds and literals are given up. What makes no
        sense with the types of an earlier round is left out, so that it is told at its place.
        """
        inner = tuple(all_steps(part.steps))
        before: dict[Step, Type] = dict.fromkeys(inner, types.NEVER)
        for wide, wider in ((False, False), (False, True), (True, True), (True, True)):
            self.results.update(before)
            self.steps(part.steps, names)
            found = {step: _sensible(self.results[step], before[step]) for step in inner}
            self.results.update(found)
            wide_found = {step: widened(type_) for step, type_ in found.items()}
            if before == (wide_found if wide else found):
                return True
            before = wide_found if wider else found
        return False

    def for_each(self, step: Step, part: Part, names: Names) -> Type:
        items = self.type_of(self.scopes, step, field_of(step, "list"))
        self.inside[step] = inside = {**names, "item": element_of(items), "index": types.Int(0)}
        self.steps(part.steps, inside)
        element = self.last(part.steps)
        if not part.gives_result:
            element = self.type_of(self.scopes, step, field_of(step, "value"))
        lists = [member for member in members_of(items) if isinstance(member, types.List)]
        least = min((one.least for one in lists), default=0)
        bounds = [one.most for one in lists]
        known = [most for most in bounds if most is not None]
        return types.List(
            element, least, max(known) if known and len(known) == len(bounds) else None
        )


def _sensible(found: Type, before: Type) -> Type:
    if not _is_mistaken(found):
        return found
    return before if before != types.NEVER else _mapped(found, _no_mistake)


def _is_mistaken(type_: Type) -> bool:
    return isinstance(type_, types.Error) or any(map(_is_mistaken, type_.parts))


def _no_mistake(type_: Type) -> Type:
    return types.NEVER if isinstance(type_, types.Error) else type_


def widened(type_: Type) -> Type:
    """The type without bounds and literals, so that the results of rounds come to an end."""
    return _mapped(type_, _unbounded)


def _unbounded(type_: Type) -> Type:
    match type_:
        case types.Int() | types.Double() | types.String() | types.Bool():
            return type(type_)()
        case types.List(element=element):
            return types.List(element)
        case types.Refined(base=base):
            return widened(base)
    return type_


def _mapped(type_: Type, change: Callable[[Type], Type]) -> Type:
    """The type with a change of all that it is made of, inner before outer."""
    match type_:
        case types.List(element=element):
            type_ = replace(type_, element=_mapped(element, change))
        case types.Map(value=value, key=key):
            type_ = types.Map(_mapped(value, change), _mapped(key, change))
        case types.Record(fields=fields, rest=rest):
            kept = ((name, replace(one, type=_mapped(one.type, change))) for name, one in fields)
            type_ = types.Record(tuple(kept), _mapped(rest, change))
        case types.Optional(value=value):
            type_ = types.Optional(_mapped(value, change))
        case types.Union(members=members):
            return union(_mapped(one, change) for one in members)
    return change(type_)


def element_of(items: Type) -> Type:
    """What a list holds; Dyn for what is no list, which is reported elsewhere."""
    elements = [
        member.element if isinstance(member, types.List) else types.DYN
        for member in members_of(items)
    ]
    return union(elements)

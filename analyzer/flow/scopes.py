"""Which variables a topology has at each place, and of what type (language.md, CEL and Topologies).

``steps`` holds what :mod:`analyzer.flow.availability` says has run, with the type of each step's
result; ``item``, ``index`` and ``error`` are there where a form brings them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from analyzer import types
from analyzer.flow.availability import Availability, Ran, State, availability_of
from analyzer.program.variables import EVENT, INDEX, Names
from analyzer.types import Type, members_of, union
from analyzer.types.widening import is_mistaken, widened, without_mistakes
from kernel.structs import field, struct
from kernel.topology import forms
from kernel.topology.callsite import CallSite
from kernel.topology.forms import Part, Step, Steps, all_steps, field_of
from kernel.topology.topology import Topology

ResultOf = Callable[[CallSite], Type]
"""What a call returns, by the contract of what it calls."""

TypeOf = Callable[["Scopes", Step, forms.Field], Type]
"""The type of what a field of a step gives."""

ErrorOf = Callable[[Part, Part], Type]
"""The variable ``error`` in the second part, which sees the failure of the first."""

MAX_NESTED_LOOPS = 4
"""Of loops that nest deeper, what a round sees of the round before is not known."""

_SKIPPED = types.Record((("skipped", types.Field(types.Bool(True))),))


@struct
class Scopes:
    """The variables at each place of one topology."""

    results: Mapping[Step, Type]
    """The type of what each step gives when it is not skipped."""
    availability: Availability
    by_name: Mapping[str, Step]
    outer: Mapping[Step | None, Names]
    """The variables but ``steps`` at a step's own fields; None: at the result."""
    inside: Mapping[Step, Names]
    """The same at the fields that see a step's body, where these are others."""
    entries: dict[tuple[str, Ran], tuple[Type, types.Field]] = field(default_factory=dict)
    """The fields of ``steps`` that were made already, each with the result it was made of."""

    def at(
        self, step: Step | None, within: bool, state: State, wanted: frozenset[str] | None
    ) -> Names:
        """The variables at a field of a step, or at the result of the topology (None).

        ``within``: the field sees the step's body; ``wanted``: the only steps that are needed.
        """
        names = self.outer[step]
        if within and step is not None:
            names = self.inside.get(step, names)
        return {**names, "steps": self.steps(state, wanted)}

    def state(self, step: Step, within: bool) -> State:
        """What has run at a field of a step."""
        return self.availability.within[step] if within else self.availability.before[step]

    def steps(self, state: State, wanted: frozenset[str] | None = None) -> types.Record:
        """The variable ``steps``; of ``wanted`` only those, which keeps long sequences cheap."""
        names = state if wanted is None else [name for name in wanted if name in state]
        return types.Record(tuple((name, self._entry(name, state[name])) for name in sorted(names)))

    def last(self, steps: Steps) -> Type:
        """The result of the last of some steps: null if it was skipped, or there is none."""
        if not steps:
            return types.NULL
        result = self.results[steps[-1]]
        return result if steps[-1].when is None else union((result, types.NULL))

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


def scopes_of(
    topology: Topology, base: Names, result_of: ResultOf, type_of: TypeOf, error_of: ErrorOf
) -> Scopes:
    """The scopes of a topology. ``base`` are the variables that all of it has."""
    by_name = {step.name: step for step in all_steps(topology.steps) if step.name is not None}
    scopes = Scopes({}, availability_of(topology), by_name, {None: base}, {})
    walk = _ScopesWalk(scopes, result_of, type_of, error_of)
    walk.steps(topology.steps, base)
    return walk.scopes


@struct(frozen=False)
class _ScopesWalk:
    scopes: Scopes
    result_of: ResultOf
    type_of: TypeOf
    error_of: ErrorOf
    loops: int = 0
    results: dict[Step, Type] = field(init=False)
    outer: dict[Step | None, Names] = field(init=False)
    inside: dict[Step, Names] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.results, self.outer = {}, dict(self.scopes.outer)
        availability, by_name = self.scopes.availability, self.scopes.by_name
        self.scopes = Scopes(self.results, availability, by_name, self.outer, self.inside)

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
            return self.loop(step, part, {**names, "index": _index(part.rounds)})
        if "error" in part.brings:
            before = step.parts[step.parts.index(part) - 1]
            names = {**names, "error": self.error_of(before, part)}
        self.steps(part.steps, names)
        return self.scopes.last(part.steps)

    def loop(self, step: Step, part: Part, names: Names) -> Type:
        """A round sees the results of the round before, so their types are found by rounds too."""
        self.loops += 1
        if self.loops > MAX_NESTED_LOOPS or not self.settles(part, names):
            for inner in all_steps(part.steps):
                self.results[inner] = types.Dyn("it is of another type in each round")
            self.steps(part.steps, names)
        self.loops -= 1
        last = self.scopes.last(part.steps)
        return last if step in self.scopes.availability.entered else union((last, types.NULL))

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
        lists = [member for member in members_of(items) if isinstance(member, types.List)]
        least = min((one.least for one in lists), default=0)
        known = [one.most for one in lists if one.most is not None]
        most = max(known) if known and len(known) == len(members_of(items)) else None
        self.inside[step] = inside = {**names, "item": element_of(items), "index": _index(most)}
        self.steps(part.steps, inside)
        element = self.scopes.last(part.steps)
        if not part.gives_result:
            element = self.type_of(self.scopes, step, field_of(step, "value"))
        return types.List(element, least, most)


def _index(rounds: int | None) -> types.Int:
    """The variable ``index`` in so many rounds at most."""
    return INDEX if rounds is None else types.Int(0, min(max(rounds - 1, 0), types.INT_MAX))


def _sensible(found: Type, before: Type) -> Type:
    """The type that a round found; where that has mistakes, the type of the round before."""
    if not is_mistaken(found):
        return found
    return before if before != types.NEVER else without_mistakes(found)


def element_of(items: Type) -> Type:
    """What a list holds; Dyn for what is no list, which is reported elsewhere."""
    elements = [
        member.element if isinstance(member, types.List) else types.DYN
        for member in members_of(items)
    ]
    return union(elements)

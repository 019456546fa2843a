"""Which variables a sequence has at each place, and of what type (language.md, CEL and Topologies).

``steps`` holds what :mod:`analyzer.flow` says has run, with the type of each step's result;
``item``, ``index`` and ``error`` are there where a form brings them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from analyzer.flow import Flow, Ran, State, flow_of
from analyzer.types import (
    DYN,
    INT,
    NEVER,
    NULL,
    STRING,
    Bool,
    Dyn,
    Field,
    Int,
    List,
    Record,
    String,
    Type,
    members_of,
    union,
)
from kernel.cel import Template, references
from kernel.topology.callsite import CallSite
from kernel.topology.sequence import Sequence
from kernel.topology.steps import (
    Boundary,
    Branch,
    Call,
    Choice,
    Each,
    Loop,
    Step,
    Steps,
    Together,
    Value,
    all_steps,
)

Names = Mapping[str, Type]
"""CEL variables by name."""

ResultOf = Callable[[CallSite], Type]
"""What a call returns, by the contract of what it calls."""

TypeOf = Callable[[Template, Names], Type]
"""The type of what a template gives, with these variables in scope."""

MAX_NESTED_LOOPS = 4
"""Of loops that nest deeper, what a round sees of the round before is not known."""

ERROR = Record(
    (
        ("message", Field(STRING)),
        ("code", Field(union((STRING, INT)))),
        ("step", Field(union((STRING, NULL)))),
        ("kind", Field(STRING)),
        ("data", Field(Dyn("what an error carries is not declared"))),
        ("attempt", Field(Int(0))),
        ("outcome", Field(String(frozenset(("failed", "unknown", "cancelled", "rejected"))))),
    )
)
"""The variable ``error`` (language.md, Call site)."""

_SKIPPED = Record((("skipped", Field(Bool(True))),))


@dataclass(frozen=True, slots=True)
class Scopes:
    """The variables at each place of one sequence.

    ``results`` has the type of what each step gives; the other fields are for the methods.
    """

    results: Mapping[Step, Type]
    flow: Flow
    by_name: Mapping[str, Step]
    outer: Mapping[Step | None, Names]

    def before(self, step: Step, template: Template) -> Names:
        """For a template of the step's own fields: ``when``, ``inputs``, ``if``, ``while``, …"""
        return self._with_steps(self.outer[step], self.flow.before[step], template)

    def within(self, step: Step, template: Template, more: Names | None = None) -> Names:
        """For a template that sees the step's body: ``until``, ``result`` of a ``forEach``."""
        names = {**self.outer[step], **(more or {})}
        return self._with_steps(names, self.flow.within[step], template)

    def end(self, template: Template) -> Names:
        """For the result of the sequence."""
        return self._with_steps(self.outer[None], self.flow.end, template)

    def _with_steps(self, names: Names, state: State, template: Template) -> Names:
        return {**names, "steps": self.steps(state, steps_read(template))}

    def steps(self, state: State, wanted: frozenset[str] | None = None) -> Record:
        """The variable ``steps``; of ``wanted`` only those, which keeps long sequences cheap."""
        names = state if wanted is None else [name for name in wanted if name in state]
        return Record(tuple((name, self._entry(name, state[name])) for name in sorted(names)))

    def _entry(self, name: str, ran: Ran) -> Field:
        step = self.by_name[name]
        result = self.results.get(step, Dyn(f"what step `{name}` gave in the round before"))
        entry: Type = Record((("result", Field(result)), ("skipped", Field(Bool(False)))))
        if ran is not Ran.CERTAINLY and step.when is not None:
            entry = union((entry, _SKIPPED))
        return Field(entry, required=ran is not Ran.PERHAPS)


def steps_read(template: Template) -> frozenset[str] | None:
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
    walk = _Walk(Scopes({}, flow_of(sequence), by_name, {None: base}), result_of, type_of)
    walk.steps(sequence.steps, base)
    return Scopes(walk.results, walk.scopes.flow, by_name, walk.outer)


@dataclass(slots=True)
class _Walk:
    scopes: Scopes
    result_of: ResultOf
    type_of: TypeOf
    loops: int = 0
    results: dict[Step, Type] = field(init=False)
    outer: dict[Step | None, Names] = field(init=False)

    def __post_init__(self) -> None:
        self.results, self.outer = {}, dict(self.scopes.outer)
        flow, by_name = self.scopes.flow, self.scopes.by_name
        self.scopes = Scopes(self.results, flow, by_name, self.outer)

    def steps(self, steps: Steps, names: Names) -> None:
        for step in steps:
            self.outer[step] = names
            self.results[step] = self.result(step, names)

    def result(self, step: Step, names: Names) -> Type:
        """What a step gives when it is not skipped; what is inside of it is walked first."""
        match step.form:
            case Call(site):
                return self.result_of(site)
            case Value(value):
                return self.type_of(value, self.scopes.before(step, value))
            case Branch(arms, otherwise):
                return self.one_of([*(steps for _, steps in arms), otherwise], names)
            case Choice(_, cases, default):
                ways = [*(steps for _, steps in cases), *([] if default is None else [default])]
                return self.one_of(ways, names)
            case Loop():
                return self.loop(step.form, names)
            case Each():
                return self.each(step, step.form, names)
            case Together(branches):
                return self.together(branches, names)
            case Boundary():
                return self.boundary(step.form, names)
            case _:
                return NEVER

    def one_of(self, ways: list[Steps], names: Names) -> Type:
        for steps in ways:
            self.steps(steps, names)
        return union(self.last(steps) for steps in ways)

    def last(self, steps: Steps) -> Type:
        """The result of the last of some steps: null if it was skipped, or there is none."""
        if not steps:
            return NULL
        result = self.results[steps[-1]]
        return result if steps[-1].when is None else union((result, NULL))

    def loop(self, loop: Loop, names: Names) -> Type:
        """A round sees the results of the round before, so their types are found by rounds too."""
        inner = all_steps(loop.body)
        for step in inner:
            self.results.pop(step, None)
        self.loops += 1
        self.steps(loop.body, names)
        if self.loops <= MAX_NESTED_LOOPS:
            first = {step: self.results[step] for step in all_steps(loop.body)}
            self.steps(loop.body, names)
            changed = [step for step, type_ in first.items() if self.results[step] != type_]
            if changed:
                self.forget(changed)
                self.steps(loop.body, names)
                self.forget(changed)
        self.loops -= 1
        last = self.last(loop.body)
        return union((last, NULL)) if loop.before else last

    def forget(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self.results[step] = Dyn("it is of another type in each round")

    def each(self, step: Step, each: Each, names: Names) -> Type:
        items = self.type_of(each.items, self.scopes.before(step, each.items))
        inside = {**names, "item": element_of(items), "index": Int(0)}
        self.steps(each.body, inside)
        element = self.last(each.body)
        if each.result is not None:
            within = self.scopes.within(step, each.result, inside)
            element = self.type_of(each.result, within)
        lists = [member for member in members_of(items) if isinstance(member, List)]
        least = min((one.least for one in lists), default=0)
        bounds = [one.most for one in lists]
        known = [most for most in bounds if most is not None]
        return List(element, least, max(known) if known and len(known) == len(bounds) else None)

    def together(self, branches: Iterable[tuple[str, Steps]], names: Names) -> Type:
        fields = []
        for name, steps in branches:
            self.steps(steps, names)
            fields.append((name, Field(self.last(steps))))
        return Record(tuple(fields))

    def boundary(self, boundary: Boundary, names: Names) -> Type:
        self.steps(boundary.body, names)
        results = [self.last(boundary.body)]
        if boundary.handler is not None:
            self.steps(boundary.handler, {**names, "error": ERROR})
            results.append(self.last(boundary.handler))
        if boundary.ending is not None:
            self.steps(boundary.ending, {**names, "error": union((ERROR, NULL))})
        return union(results)


def element_of(items: Type) -> Type:
    """What a list holds; Dyn for what is no list, which is reported elsewhere."""
    elements = [member.element if isinstance(member, List) else DYN for member in members_of(items)]
    return union(elements)

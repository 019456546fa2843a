"""The steps of a topology: every expression, every call against its contract, its result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from analyzer import types
from analyzer.checks.call_sites import check_site
from analyzer.checks.collector import Collector
from analyzer.checks.expected import check_constant, expect
from analyzer.expressions.templates import Evaluation, constant
from analyzer.findings.finding import Edit
from analyzer.findings.messages import k2_contracts, k4_types, k6_values
from analyzer.findings.messages.k2_contracts import OUTPUT
from analyzer.flow.at_place import check_in_scope, evaluate_at
from analyzer.flow.availability import Ran
from analyzer.flow.guards import Conditions, Known, conditions_of
from analyzer.flow.place import Place
from analyzer.flow.scopes import Scopes, scopes_of
from analyzer.program.linking import Unit
from analyzer.program.program import Program
from analyzer.program.variables import INVOCATION, Names
from analyzer.types import Type, members_of
from analyzer.types.operators import equality
from analyzer.types.subtyping import is_assignable
from kernel.cel import Expr, Template
from kernel.errors import Path
from kernel.manifest.suggest import nearest
from kernel.topology import forms
from kernel.topology.forms import Step, Steps, all_steps, inner_steps
from kernel.topology.reader import MAX_MILLISECONDS
from kernel.topology.sequence import Sequence

Made = dict[Template, Evaluation]
"""Templates that were evaluated already."""


def check_topology(program: Program, unit: Unit, collector: Collector) -> Type:
    """Write down what is wrong with the sequence of a unit; gives the type of its result."""
    assert unit.sequence is not None
    made: Made = {}
    conditions, scopes = scopes_in(program, unit, unit.sequence, made)
    return _Check(program, unit, collector, unit.sequence, conditions, scopes, made).run()


def scopes_in(
    program: Program, unit: Unit, sequence: Sequence, made: Made | None = None
) -> tuple[Conditions, Scopes]:
    """What is known, and which variables there are, at each place of the sequence of a unit.

    ``made`` gets the evaluations that are made on the way and hold for good.
    """
    conditions = conditions_of(sequence)
    names = program.variables.of_topology(unit)
    again = frozenset(_seen_again(sequence.steps))

    def type_of(scopes: Scopes, step: Step, template: Template, within: bool) -> Type:
        known = conditions.within[step] if within else conditions.form[step]
        place = Place(conditions, scopes.state(step, within), known, step, within)
        value = evaluate_at(scopes, place, template)
        if made is not None and step not in again:
            made[template] = value
        return value.type

    scopes = scopes_of(sequence, names, lambda s: program.result_of(unit, s), type_of)
    return conditions, scopes


@dataclass(slots=True)
class _Check:
    program: Program
    unit: Unit
    collector: Collector
    sequence: Sequence
    conditions: Conditions
    scopes: Scopes
    made: Made

    def run(self) -> Type:
        for step in all_steps(self.sequence.steps):
            self.step(step)
        for step in self.scopes.flow.unreachable:
            self.collector.add(k6_values.step_never_runs(), step.path)
        result = self.result()
        declared = self.program.contracts.declared(self.unit, "outputs")
        return result if declared is None else declared

    # Places

    def place(self, step: Step | None, known: Known, within: bool = False) -> Place:
        state = self.scopes.state(step, within)
        return Place(self.conditions, state, known, step, within)

    def value(
        self, template: Template, place: Place, path: Path, more: Names | None = None
    ) -> Evaluation:
        """What a field gives, with the findings in its expressions written down."""
        value = self.made.get(template) or evaluate_at(self.scopes, place, template, more)
        self.collector.add_evaluation(value, path)
        return value

    def condition(
        self,
        template: Template,
        place: Place,
        path: Path,
        more: Names | None = None,
        meant: bool | None = None,
    ) -> None:
        """A condition; one that is always ``meant`` is written so on purpose."""
        value = self.value(template, place, path, more)
        if not expect(self.collector, value, str(path[-1]), "a bool", path):
            return
        if meant is not None and isinstance(value.type, types.Bool) and value.type.literal is meant:
            return

        def alone(expr: Expr) -> Type:
            names = self.scopes.at(place.step, place.within, place.state, None)
            return check_in_scope(expr, {**names, **(more or {})})[0]

        check_constant(self.collector, value, path, alone)

    # Steps

    def step(self, step: Step) -> None:
        known = self.conditions.form[step]
        place = self.place(step, known)
        if step.when is not None:
            more = {"invocation": INVOCATION} if isinstance(step.form, forms.Call) else None
            before = self.place(step, self.conditions.before[step])
            self.condition(step.when, before, (*step.path, "when"), more)
        match step.form:
            case forms.Call(site):
                check_site(
                    self.program,
                    self.unit,
                    site,
                    lambda template, more: evaluate_at(self.scopes, place, template, more),
                    self.collector,
                )
            case forms.Value(value):
                self.value(value, place, (*step.path, "value"))
            case forms.If():
                self.branch(step, step.form)
            case forms.Switch():
                self.choice(step, step.form, place)
            case forms.Loop():
                self.loop(step, step.form, place)
            case forms.ForEach():
                self.each(step, step.form, place)
            case forms.Throw():
                self.raised(step, step.form, place)
            case forms.Sleep(duration):
                self.milliseconds(duration, place, (*step.path, "sleep"))
            case forms.WaitFor(pattern, timeout):
                self.pattern(pattern, place, (*step.path, "waitFor"))
                if timeout is not None:
                    self.milliseconds(timeout, place, (*step.path, "timeout"))

    def branch(self, step: Step, branch: forms.If) -> None:
        for number, (condition, _) in enumerate(branch.arms):
            where: Path = ("if",) if number == 0 else ("elseif", number - 1, "if")
            place = self.place(step, self.conditions.arms[step][number])
            self.condition(condition, place, (*step.path, *where))

    def choice(self, step: Step, choice: forms.Switch, place: Place) -> None:
        value = self.value(choice.subject, place, (*step.path, "switch"))
        subject = value.type
        if isinstance(subject, types.Dyn | types.Error):
            return
        covered = [self.case(step, key, subject) for key, _ in choice.cases]
        if choice.default is None:
            missing = _uncovered(subject, covered)
            if missing:
                self.collector.add(k4_types.no_case(missing), (*step.path, "switch"), key=True)

    def case(self, step: Step, key: Any, subject: Type) -> Any:
        """Judge the key of a case; gives the key that was meant."""
        if equality(subject, constant(key)).literal is not False:
            return key
        path = (*step.path, "cases", key)
        texts = [one for one in members_of(subject) if isinstance(one, types.String)]
        known = {text for one in texts for text in one.literals or ()}
        if isinstance(key, str) and known:
            meant = nearest(key, known)
            message = k4_types.impossible_case(key, subject, meant)
            fix = None
            if meant is not None and meant.isidentifier():
                fix = Edit(f"write '{meant}'", self.collector.document.span(path, True), meant)
            self.collector.add(message, path, key=True, fix=fix)
            return meant or key
        self.collector.add(k4_types.incomparable_case(constant(key), subject), path, key=True)
        return key

    def loop(self, step: Step, loop: forms.Loop, place: Place) -> None:
        name = "while" if loop.before else "until"
        if not loop.before:
            place = self.place(step, self.conditions.within[step], within=True)
        self.condition(loop.condition, place, (*step.path, name), meant=loop.before)

    def each(self, step: Step, each: forms.ForEach, place: Place) -> None:
        value = self.value(each.items, place, (*step.path, "forEach"))
        expect(self.collector, value, "forEach", "a list", (*step.path, "forEach"))
        if each.result is not None:
            inside = self.place(step, self.conditions.within[step], within=True)
            self.value(each.result, inside, (*step.path, "result"))

    def raised(self, step: Step, raise_: forms.Throw, place: Place) -> None:
        path = (*step.path, "throw")
        value = self.value(raise_.error, place, path)
        structure = raise_.error.tree.structure
        for name, wanted in (("code", "a string or an int"), ("message", "a string or null")):
            if isinstance(structure, dict) and name in structure:
                expect(self.collector, value.part((name,)), name, wanted, (*path, name))
        if isinstance(structure, dict) and "data" in structure:
            example = is_assignable(value.part(("data",)).type, types.DYN).counterexample
            if example is not None:
                self.collector.add(k4_types.data_not_json(example), (*path, "data"))

    def milliseconds(self, template: Template, place: Place, path: Path) -> None:
        value = self.value(template, place, path)
        if not expect(self.collector, value, str(path[-1]), "a number", path):
            return
        type_ = value.type
        if isinstance(type_, types.Int | types.Double) and (
            type_.most < 0 or type_.least > MAX_MILLISECONDS
        ):
            field = str(path[-1])
            message = k4_types.milliseconds_out_of_range(field, MAX_MILLISECONDS, type_)
            self.collector.add(message, path)

    def pattern(self, template: Template, place: Place, path: Path) -> None:
        value = self.value(template, place, path)
        expect(self.collector, value, "waitFor", "a string", path)

    # The result

    def result(self) -> Type:
        """What the sequence gives: its ``result``, or the results of its steps by name."""
        if self.sequence.result is None:
            return self.checked_results()
        path = self.sequence.result_path
        value = self.value(self.sequence.result, self.place(None, self.conditions.end), path)
        place = self.program.contracts.declared(self.unit, "outputs") or types.DYN
        self.collector.check_fits(value, place, OUTPUT, f"`{self.unit.label}`", path)
        return value.type

    def checked_results(self) -> Type:
        """The results of the steps by name, against the outputs that the topology declares."""
        given = self.all_results()
        declared = self.program.contracts.declared(self.unit, "outputs")
        example = is_assignable(given, declared or types.DYN).counterexample
        if example is not None:
            path, _ = self.unit.roles.get("outputs", self.unit.roles.get("steps", ((), None)))
            message = k2_contracts.results_do_not_fit(self.unit.label, example, declared)
            self.collector.add(message, path, key=True)
        return given

    def all_results(self) -> Type:
        fields = []
        for name, ran in sorted(self.scopes.flow.end.items()):
            step = self.scopes.by_name[name]
            certain = ran is Ran.CERTAINLY
            fields.append((name, types.Field(self.scopes.results[step], required=certain)))
        return types.Record(tuple(fields))


def _seen_again(steps: Steps) -> Iterator[Step]:
    """The steps that see what others of them gave before: in loops, and side by side."""
    for step in steps:
        if isinstance(step.form, forms.Loop | forms.Parallel):
            yield step
            for inner in inner_steps(step.form):
                yield from all_steps(inner)
        else:
            for inner in inner_steps(step.form):
                yield from _seen_again(inner)


def _uncovered(subject: Type, keys: list[Any]) -> list[str]:
    """The values of an enumeration that no case is for."""
    missing: list[str] = []
    for one in members_of(subject):
        match one:
            case types.String(literals=literals) if literals is not None:
                missing += [f"'{text}'" for text in sorted(literals) if text not in keys]
            case types.Bool(literal=literal):
                wanted = (True, False) if literal is None else (literal,)
                given = [key for key in keys if isinstance(key, bool)]
                missing += [str(value).lower() for value in wanted if value not in given]
            case types.Null() if None not in keys:
                missing.append("null")
    return missing

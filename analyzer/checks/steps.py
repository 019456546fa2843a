"""The steps of a topology: their expressions, their calls against contracts, the result."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from analyzer import types
from analyzer.checks.call_sites import check_site
from analyzer.checks.expected import check_constant, expect
from analyzer.checks.missing_brackets import check_value
from analyzer.checks.switches import check_keys
from analyzer.checks.unit_check import UnitCheck
from analyzer.expressions.templates import Evaluation
from analyzer.findings.finding import Edit
from analyzer.findings.messages import k2_contracts, k4_types, k6_values
from analyzer.findings.messages.k2_contracts import OUTPUT
from analyzer.flow.availability import Ran
from analyzer.flow.evaluation import check_in_scope, evaluate_at
from analyzer.flow.guards import conditions_of
from analyzer.flow.known import Conditions
from analyzer.flow.place import Place, place_of
from analyzer.flow.scopes import Scopes, scopes_of
from analyzer.program.caught import caught_by
from analyzer.program.linking import Unit
from analyzer.program.program import Program
from analyzer.program.variables import OF_FIELDS, Names
from analyzer.types import Type, members_of
from analyzer.types.subtyping import is_assignable
from kernel.cel import Expr, Template
from kernel.errors import Path
from kernel.structs import struct
from kernel.topology import forms
from kernel.topology.callsite import CallSite
from kernel.topology.forms import Part, Step, Steps, all_steps
from kernel.topology.reader import MAX_MILLISECONDS
from kernel.topology.topology import Topology

_RESULT_PLACES = ("outputs", "steps", "nodes", "entries")
"""At the first of these fields that is there it is told that the results do not fit."""

Evaluated = dict[Template, Evaluation]
"""Templates that were evaluated already."""


def check_topology(check: UnitCheck) -> Type:
    """Check the topology of a unit; gives the type of its result."""
    topology = check.unit.topology
    assert topology is not None
    evaluated: Evaluated = {}
    conditions, scopes = scopes_in(check.program, check.unit, topology, evaluated)
    return _TopologyCheck(check, topology, conditions, scopes, evaluated).run()


def scopes_in(
    program: Program, unit: Unit, topology: Topology, evaluated: Evaluated | None = None
) -> tuple[Conditions, Scopes]:
    """The conditions and the variables at each place of the topology of a unit.

    ``evaluated`` gets the evaluations that are made on the way and stay valid.
    """
    conditions = conditions_of(topology)
    names = program.variables.of_topology(unit)
    again = frozenset(_seen_again(topology.steps))

    def type_of(scopes: Scopes, step: Step, field: forms.Field) -> Type:
        value = evaluate_at(scopes, place_of(conditions, scopes, step, field), field.template)
        if evaluated is not None and step not in again:
            evaluated[field.template] = value
        return value.type

    scopes = scopes_of(
        topology,
        names,
        lambda site: program.result_of(unit, site),
        type_of,
        partial(caught_by, program.raising, unit),
    )
    return conditions, scopes


def type_of_field(
    program: Program, unit: Unit, step: Step, field: forms.Field, more: Names | None = None
) -> Type:
    """The type of what a field of a step gives, with what is known at its place."""
    assert unit.topology is not None
    conditions, scopes = scopes_in(program, unit, unit.topology)
    place = place_of(conditions, scopes, step, field)
    return evaluate_at(scopes, place, field.template, more).type


@struct(frozen=False)
class _TopologyCheck:
    check: UnitCheck
    topology: Topology
    conditions: Conditions
    scopes: Scopes
    evaluated: Evaluated

    def run(self) -> Type:
        for step in all_steps(self.topology.steps):
            for field in step.fields:
                if step.site is None or field.template is step.when:
                    self.field(step, field)
            if step.site is not None:
                self.site(step, step.site)
            for old, name in step.old_names:
                self.old_name(step, old, name)
        for step in self.scopes.availability.unreachable:
            self.check.add(k6_values.STEP_NEVER_RUNS, step.path)
        result = self.result()
        return self.outputs or result

    @property
    def outputs(self) -> Type | None:
        """What the topology declares that it gives."""
        return self.check.program.contracts.declared(self.check.unit, "outputs")

    # Fields

    def old_name(self, step: Step, old: str, name: str) -> None:
        """Warn of a field that is written under its old name, which the kernel still reads."""
        path = (*step.path, old)
        fix = Edit(f"write '{name}'", self.check.document.span(path, True), name)
        self.check.add(k2_contracts.old_name(old, name), path, key=True, fix=fix)

    def site(self, step: Step, site: CallSite) -> None:
        place = place_of(self.conditions, self.scopes, step)
        check_site(self.check, site, partial(evaluate_at, self.scopes, place))

    def evaluate(self, place: Place, more: Names, template: Template) -> Evaluation:
        """What a field gives at its place."""
        known = self.evaluated.get(template)
        return evaluate_at(self.scopes, place, template, more) if known is None else known

    def field(self, step: Step, field: forms.Field) -> None:
        """A field of a step: its expressions, and what it needs to give."""
        path = (*step.path, *field.path)
        place = place_of(self.conditions, self.scopes, step, field)
        more: Names = {name: OF_FIELDS[name] for name in field.brings if name in OF_FIELDS}
        evaluate = partial(self.evaluate, place, more)
        judge = partial(self.judge, step, field, place, path, more)
        check_value(self.check, field.template, path, evaluate, judge)

    def judge(
        self,
        step: Step,
        field: forms.Field,
        place: Place,
        path: Path,
        more: Names,
        value: Evaluation,
    ) -> None:
        """What the field of a step thinks of its value."""
        match field.expects:
            case "condition":
                self.condition(value, place, path, more, field.goes_on)
            case "key":
                check_keys(self.check, step, field, value, partial(self.alone, place, more))
            case "list":
                expect(self.check, value, str(path[-1]), "a list", path)
            case "error":
                self.thrown(value, path)
            case "milliseconds":
                self.milliseconds(value, path)
            case "pattern":
                self.pattern(value, place, path)

    def condition(
        self, value: Evaluation, place: Place, path: Path, more: Names, meant: bool | None
    ) -> None:
        """Check a condition; one that is always ``meant`` is written so on purpose."""
        if not expect(self.check, value, str(path[-1]), "a bool", path):
            return
        if meant is not None and isinstance(value.type, types.Bool) and value.type.literal is meant:
            return

        check_constant(self.check, value, path, partial(self.alone, place, more))

    def alone(self, place: Place, more: Names, expr: Expr) -> Type:
        """The type of an expression without regard to the conditions around it."""
        names = self.scopes.at(place.step, place.within, place.state, None)
        return check_in_scope(expr, {**names, **more})[0]

    def thrown(self, value: Evaluation, path: Path) -> None:
        structure = value.tree.structure
        for name, wanted in (("code", "a string or an int"), ("message", "a string or null")):
            if isinstance(structure, dict) and name in structure:
                expect(self.check, value.part((name,)), name, wanted, (*path, name))
        if isinstance(structure, dict) and "data" in structure:
            example = is_assignable(value.part(("data",)).type, types.DYN).counterexample
            if example is not None:
                self.check.add(k4_types.data_not_json(example), (*path, "data"))

    def milliseconds(self, value: Evaluation, path: Path) -> None:
        field, type_ = str(path[-1]), value.type
        if not expect(self.check, value, field, "a number", path):
            return
        example = is_assignable(type_, types.Double(0.0, MAX_MILLISECONDS)).counterexample
        if example is not None:
            within = any(map(_may_be_milliseconds, members_of(type_)))
            shown = f"may be {example}" if within else f"is {type_}"
            message = k4_types.milliseconds_out_of_range(field, MAX_MILLISECONDS, shown, within)
            self.check.add(message, path)

    def pattern(self, value: Evaluation, place: Place, path: Path) -> None:
        field, scalar = str(path[-1]), value.tree.scalars.get(())
        if not expect(self.check, value, field, "a string", path) or scalar is None:
            return
        begin = scalar.segments[0] if scalar.whole is None else scalar.whole
        if isinstance(begin, str):
            return
        type_ = value.type if scalar.whole is not None else self.alone(place, {}, begin.expr)
        texts = [one for one in members_of(type_) if isinstance(one, types.String)]
        if any(one.contains("") for one in texts):
            self.check.add(k4_types.empty_pattern(field), path)

    # The result

    def result(self) -> Type:
        """What the topology gives: its ``result``, or the results of its steps by name."""
        if self.topology.result is None:
            return self.checked_results()
        path = self.topology.result_path
        name = f"`{self.check.unit.label}`"
        evaluate = partial(self.evaluate, place_of(self.conditions, self.scopes), {})

        outputs = self.outputs or types.DYN

        def judge(value: Evaluation) -> None:
            self.check.check_fits(value, outputs, OUTPUT, name, path)

        return check_value(self.check, self.topology.result, path, evaluate, judge, outputs).type

    def checked_results(self) -> Type:
        """The results of the steps by name, against the outputs that the topology declares."""
        given = self.all_results()
        declared, unit = self.outputs, self.check.unit
        example = is_assignable(given, declared or types.DYN).counterexample
        if example is not None:
            path = next((unit.roles[one][0] for one in _RESULT_PLACES if one in unit.roles), ())
            message = k2_contracts.results_do_not_fit(unit.label, example, declared)
            self.check.add(message, path, key=True)
        return given

    def all_results(self) -> Type:
        if self.topology.given is None:
            return self.scopes.last(self.topology.steps)
        given = frozenset(self.topology.given)
        fields = []
        for name, ran in sorted(self.scopes.availability.end.items()):
            step = self.scopes.by_name[name]
            if step not in given:
                continue
            certain = ran is Ran.CERTAINLY
            fields.append((name, types.Field(self.scopes.results[step], required=certain)))
        return types.Record(tuple(fields))


def _may_be_milliseconds(type_: Type) -> bool:
    """Whether a type has values that a field of milliseconds takes."""
    if isinstance(type_, types.Int | types.Double):
        return type_.most >= 0 and type_.least <= MAX_MILLISECONDS
    return True


def _is_seen_early(part: Part) -> bool:
    """Whether other steps see the results of a part before the walk has come to its end."""
    return part.sees_round_before or (part.beside and part.after is None)


def _seen_again(steps: Steps) -> Iterator[Step]:
    """The steps in loops and in parallel branches, whose results other steps see beforehand."""
    for step in steps:
        again = any(map(_is_seen_early, step.parts))
        if again:
            yield step
        for part in step.parts:
            yield from (all_steps if again else _seen_again)(part.steps)

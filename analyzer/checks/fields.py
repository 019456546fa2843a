"""The fields of a resource, the check of a definition, the targets of a module, a policy."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from analyzer.checks.bindings import check_unbound
from analyzer.checks.call_sites import check_site
from analyzer.checks.expected import check_constant, expect
from analyzer.checks.imports import check_imports
from analyzer.checks.missing_brackets import check_value, may_be_expression
from analyzer.checks.policies import check_policy
from analyzer.checks.unit_check import UnitCheck
from analyzer.expressions.assignment import shown_path
from analyzer.expressions.conditions import assume
from analyzer.expressions.facts import Facts, is_impossible
from analyzer.expressions.templates import Evaluation, evaluate
from analyzer.findings.catalogue import codes
from analyzer.findings.messages.k2_contracts import FIELD, OUTPUT, Place
from analyzer.flow.evaluation import check_in_scope, evaluate_in_scope
from analyzer.flow.items import expression_of
from analyzer.program.linking import CelField, StandaloneSite, Unit
from analyzer.program.program import Program, written
from analyzer.program.variables import INVOCATION, Names
from analyzer.types import DYN, Dyn, List, Map, Record, Type, members_of
from kernel.cel import Template
from kernel.errors import Path
from kernel.manifest import Definition, Module, Policy, schemas_of
from kernel.safety import CLASSES

_OF_TEXTS: Final = codes("missing-brackets")


def check_fields(check: UnitCheck) -> None:
    """The values with CEL among the fields of a resource, and the call sites in them."""
    program, unit = check.program, check.unit
    if isinstance(unit.owner, Policy):
        check_policy(check, unit.owner)
        return
    if isinstance(unit.owner, Module):
        check_imports(check, unit.owner)
    names = program.variables.of_module(unit.module)
    for field in unit.fields:
        _check_field(check, field, names, FIELD)
    for field in unit.texts:
        if may_be_expression(field.value):
            _check_text(check, field, names)
    for field in unit.deferred:
        inside = {**names, **program.variables.of_context(unit, field.context, None)}
        _check_field(check, field, inside, OUTPUT)
    for site in unit.sites:
        _check_site(check, site)
    check_unbound(check)


def _check_field(check: UnitCheck, field: CelField, names: Names, place: Place) -> None:
    unit, wanted = check.unit, _declared(check.program, check.unit, field.path)

    def judge(value: Evaluation) -> None:
        if not isinstance(wanted, Dyn):
            called = replace(place, what=f"field `{shown_path(field.path[len(unit.path) :])}`")
            check.check_fits(value, wanted, called, f"`{unit.label}`", field.path)

    evaluate = partial(evaluate_in_scope, names=names)
    check_value(check, written(field.value), field.path, evaluate, judge, wanted)


def _check_text(check: UnitCheck, field: CelField, names: Names) -> None:
    """A text without CEL; what its schema says of it was told when the manifest was read."""
    told = len(check.findings)
    _check_field(check, field, names, FIELD)
    check.findings[told:] = [one for one in check.findings[told:] if one.code in _OF_TEXTS]


def _declared(program: Program, unit: Unit, path: Path) -> Type:
    """The type that the schema of the kind gives the field at a path of the document."""
    definition, home = unit.definition, unit.home
    if definition is None or home is None or definition.schema is None:
        return DYN
    type_ = program.contracts.lowered(definition.schema, schemas_of(home))
    for step in path[len(unit.path) :]:
        type_ = _type_inside(type_, step)
    return type_


def _type_inside(type_: Type, step: str | int) -> Type:
    found: list[Type] = []
    for one in members_of(type_):
        match one:
            case Record() if isinstance(step, str):
                field = one.get(step)
                found.append(one.rest if field is None else field.type)
            case Map() if isinstance(step, str):
                found.append(one.value)
            case List() if isinstance(step, int):
                found.append(one.element)
    return found[0] if len(found) == 1 else DYN


def _check_site(check: UnitCheck, site: StandaloneSite) -> None:
    """A call site that stands by itself, with the fields that its kind adds."""
    program, unit = check.program, check.unit
    result = program.result_of(unit, site.site)
    names = dict(program.variables.of_module(unit.module))
    if isinstance(unit.owner, Definition):
        names.update(variables_of_check(program, unit))
    else:
        names.update(program.variables.of_context(unit, site.context, site.data))
    check_site(check, site.site, lambda t, more: evaluate_in_scope(t, {**names, **more}))
    if site.site.when is not None:
        _check_when(check, site.site.when, (*site.path, "when"), names)
    for field in site.own_fields:
        if isinstance(unit.owner, Definition):
            _check_mapped(check, site, field, {**names, "result": result})
            continue
        inside = program.variables.of_context(unit, field.context, site.data, result)
        _check_field(check, field, {**program.variables.of_module(unit.module), **inside}, OUTPUT)


def _check_when(check: UnitCheck, when: Template, path: Path, names: Names) -> None:
    def judge(value: Evaluation) -> None:
        if expect(check, value, "when", "a bool", path):
            check_constant(check, value, path)

    evaluate = partial(evaluate_in_scope, names={**names, "invocation": INVOCATION})
    check_value(check, when, path, evaluate, judge)


def variables_of_check(program: Program, unit: Unit) -> Names:
    """The variables of the ``check`` of a definition."""
    assert unit.definition is not None
    fields = program.contracts.fields(unit.definition, unit.module)
    return {"self": fields, "inputs": program.contracts.arguments(unit), "invocation": INVOCATION}


def known_of_check(site: StandaloneSite, field: CelField, names: Names) -> Facts:
    """The facts at a field of a check: ``outputs`` is evaluated where the write has landed."""
    facts = Facts(names)
    for other in site.own_fields:
        if field.path[-1] == "outputs" and other.path[-1] == "landed":
            landed = expression_of(written(other.value))
            return facts if landed is None else assume(landed, True, facts)
    return facts


def _check_mapped(check: UnitCheck, site: StandaloneSite, field: CelField, names: Names) -> None:
    """The fields of a check: ``landed``, whether the write has landed, and ``outputs``."""
    facts = known_of_check(site, field, names)
    if is_impossible(facts):
        return
    outputs = check.program.contracts.declared(check.unit, "outputs")

    def evaluated(template: Template) -> Evaluation:
        return evaluate(template.tree, lambda expr: check_in_scope(expr, facts.scope, facts))

    def judge(value: Evaluation) -> None:
        if field.path[-1] == "landed":
            expect(check, value, "landed", "a bool", field.path)
        elif outputs is not None:
            check.check_fits(value, outputs, OUTPUT, f"`{check.unit.label}`", field.path)

    check_value(check, written(field.value), field.path, evaluated, judge, outputs or DYN)


def variables_of_safety(program: Program, unit: Unit, definition: Definition) -> Names:
    """The variables of the ``safety`` of a definition."""
    fields = program.contracts.fields(definition, unit.module)
    return {"self": fields, "inputs": program.contracts.arguments(unit)}


def check_safety(check: UnitCheck) -> None:
    """A safety class that is an expression over the fields of a resource and the inputs."""
    program, unit, definition = check.program, check.unit, check.unit.owner
    if not isinstance(definition, Definition):
        return
    safety = definition.safety
    if safety is None or "${{" not in safety:
        return
    value = evaluate_in_scope(written(safety), variables_of_safety(program, unit, definition))
    check.add_evaluation(value, ("safety",))
    wanted = program.contracts.lowered({"enum": [*CLASSES]}, schemas_of(unit.module))
    called = replace(FIELD, what="`safety`")
    check.check_fits(value, wanted, called, f"`{definition.kind}`", ("safety",))

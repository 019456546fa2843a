"""The fields of a resource, the check of a definition, the targets of a module, a policy."""

from __future__ import annotations

from dataclasses import replace

from analyzer.checks.call_sites import check_site
from analyzer.checks.collector import Sheet
from analyzer.checks.expected import decided, slot
from analyzer.checks.policies import check_policy
from analyzer.expressions.assignment import FIELD, OUTPUT, Codes, shown_path
from analyzer.expressions.facts import Facts, assume, is_impossible
from analyzer.expressions.templates import evaluate
from analyzer.flow.at_place import judge, plainly
from analyzer.flow.guards import expression_of
from analyzer.program.linking import Place, Site, Unit
from analyzer.program.program import World, written
from analyzer.program.variables import INVOCATION, Names
from analyzer.types import DYN, Dyn, List, Map, Record, Type, members_of
from kernel.errors import Path
from kernel.manifest import Definition, Policy, schemas_of
from kernel.safety import CLASSES


def check_fields(world: World, unit: Unit, sheet: Sheet) -> None:
    """The values with CEL among the fields of a resource, and the call sites in them."""
    if isinstance(unit.owner, Policy):
        check_policy(world, unit, unit.owner, sheet)
        return
    names = world.variables.of_module(unit.module)
    for place in unit.fields:
        _field(world, unit, place, names, FIELD, sheet)
    for place in unit.deferred:
        inside = {**names, **world.variables.of_context(unit, place.context, None)}
        _field(world, unit, place, inside, OUTPUT, sheet)
    for site in unit.sites:
        _site(world, unit, site, sheet)


def _field(
    world: World, unit: Unit, place: Place, names: Names, codes: Codes, sheet: Sheet
) -> None:
    value = plainly(written(place.value), names)
    sheet.evaluated(value, place.path)
    wanted = _wanted(world, unit, place.path)
    if not isinstance(wanted, Dyn):
        called = replace(codes, what=f"field `{shown_path(place.path[len(unit.path) :])}`")
        sheet.fits(value, wanted, called, f"`{unit.label}`", place.path)


def _wanted(world: World, unit: Unit, path: Path) -> Type:
    """What the kind's schema says of the field at a path of the document."""
    definition, home = unit.definition, unit.home
    if definition is None or home is None or definition.schema is None:
        return DYN
    type_ = world.contracts.lowered(definition.schema, schemas_of(home))
    for step in path[len(unit.path) :]:
        type_ = _inside(type_, step)
    return type_


def _inside(type_: Type, step: str | int) -> Type:
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


def _site(world: World, unit: Unit, site: Site, sheet: Sheet) -> None:
    """A call site that stands by itself, with the fields that its kind adds."""
    result = world.result_of(unit, site.site)
    names = dict(world.variables.of_module(unit.module))
    if isinstance(unit.owner, Definition):
        names.update(variables_of_check(world, unit))
    else:
        names.update(world.variables.of_context(unit, site.context, site.data))
    check_site(world, unit, site.site, lambda t, more: plainly(t, {**names, **more}), sheet)
    if site.site.when is not None:
        path = (*site.path, "when")
        value = plainly(site.site.when, {**names, "invocation": INVOCATION})
        sheet.evaluated(value, path)
        if slot(sheet, value, "when", "a bool", path):
            decided(sheet, value, path)
    for place in site.own:
        if isinstance(unit.owner, Definition):
            _mapped(world, unit, site, place, {**names, "result": result}, sheet)
            continue
        inside = world.variables.of_context(unit, place.context, site.data, result)
        merged = {**world.variables.of_module(unit.module), **inside}
        _field(world, unit, place, merged, OUTPUT, sheet)


def variables_of_check(world: World, unit: Unit) -> Names:
    """The variables of the ``check`` of a definition."""
    assert unit.definition is not None
    inputs = world.contracts.arguments(unit)
    fields = world.contracts.fields(unit.definition, unit.module)
    return {"self": fields, "inputs": inputs, "invocation": INVOCATION}


def known_of_check(site: Site, place: Place, names: Names) -> Facts:
    """What is known at ``landed`` or ``outputs`` of a check: at ``outputs`` that it landed."""
    facts = Facts(names)
    for other in site.own:
        if place.path[-1] == "outputs" and other.path[-1] == "landed":
            landed = expression_of(written(other.value))
            return facts if landed is None else assume(landed, True, facts)
    return facts


def _mapped(world: World, unit: Unit, site: Site, place: Place, names: Names, sheet: Sheet) -> None:
    """``landed`` and ``outputs`` of a check: whether the write landed, and what it gave."""
    facts = known_of_check(site, place, names)
    if is_impossible(facts):
        return
    value = evaluate(written(place.value).tree, lambda expr: judge(expr, facts.scope, facts))
    sheet.evaluated(value, place.path)
    if place.path[-1] == "landed":
        slot(sheet, value, "landed", "a bool", place.path)
        return
    outputs = world.contracts.declared(unit, "outputs")
    if outputs is not None:
        sheet.fits(value, outputs, OUTPUT, f"`{unit.label}`", place.path)


def check_safety(world: World, unit: Unit, sheet: Sheet) -> None:
    """A safety class that a definition computes from the fields of its resources."""
    definition = unit.owner
    if not isinstance(definition, Definition):
        return
    safety = definition.safety
    if safety is None or "${{" not in safety:
        return
    names = {"self": world.contracts.fields(definition, unit.module)}
    value = plainly(written(safety), names)
    sheet.evaluated(value, ("safety",))
    wanted = world.contracts.lowered({"enum": [*CLASSES]}, schemas_of(unit.module))
    called = replace(FIELD, what="`safety`")
    sheet.fits(value, wanted, called, f"`{definition.kind}`", ("safety",))

"""The scope at a place of a document: the variables, their types, and the facts.

The editor asks the same functions as the checks, so that it offers what the checks accept.
"""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.checks.concurrency import is_in_concurrency, variables_of_group
from analyzer.checks.fields import known_of_check, variables_of_check, variables_of_safety
from analyzer.checks.policies import variables_of_policy
from analyzer.checks.steps import check_topology, scopes_in
from analyzer.checks.unit_check import UnitCheck
from analyzer.expressions.conditions import assume
from analyzer.expressions.facts import Facts
from analyzer.flow.availability import Ran, State
from analyzer.flow.known import Conditions, Known
from analyzer.flow.place import place_of
from analyzer.flow.scopes import Scopes
from analyzer.program.linking import StandaloneSite, Unit
from analyzer.program.program import Program
from analyzer.program.variables import ERROR, INDEX, INVOCATION, Names
from analyzer.types import NEVER, Type
from kernel.errors import Path
from kernel.manifest import Definition, Document, Module, Policy
from kernel.structs import struct
from kernel.topology.callsite import FIELDS as CALL_FIELDS
from kernel.topology.callsite import CallSite
from kernel.topology.forms import Step, all_steps, visible_steps


@struct(eq=False)
class Scope:
    """What an expression at a place can read.

    ``facts`` are the variables with what conditions say of them; ``steps`` the steps of the
    topology by name; ``site`` the call site that the place belongs to.
    """

    facts: Facts
    steps: Mapping[str, Step]
    site: CallSite | None = None


def unit_at(program: Program, document: Document, path: Path) -> Unit | None:
    """The unit that a place belongs to: the innermost."""
    around = (
        unit
        for unit in program.linked.units.values()
        if unit.document is document and path[: len(unit.path)] == unit.path
    )
    return max(around, key=lambda unit: len(unit.path), default=None)


def scope_at(program: Program, unit: Unit, path: Path) -> Scope:
    """What can be read in an expression that stands at ``path`` of the unit's document."""
    settle(program, unit)
    if is_in_concurrency(unit, path):
        return Scope(Facts(variables_of_group(program, unit)), {})
    if unit.topology is not None:
        conditions, scopes = scopes_in(program, unit, unit.topology)
        step = step_at(unit, path)
        if step is not None:
            return _in_step(conditions, scopes, step, path[len(step.path) :])
        if path[: len(unit.topology.result_path)] == unit.topology.result_path:
            names = scopes.at(None, False, scopes.availability.end, None)
            return Scope(_facts(names, conditions.end), scopes.by_name)
    return _outside(program, unit, path)


def step_at(unit: Unit, path: Path) -> Step | None:
    """The innermost step that a place stands in."""
    steps = () if unit.topology is None else all_steps(unit.topology.steps)
    around = [step for step in steps if path[: len(step.path)] == step.path]
    return around[-1] if around else None


def result_of(program: Program, unit: Unit, step: Step) -> Type:
    """The type of what a step gives when it is not skipped."""
    if unit.topology is None:
        return NEVER
    settle(program, unit)
    return scopes_in(program, unit, unit.topology)[1].results.get(step, NEVER)


def settle(program: Program, unit: Unit) -> None:
    """Find out the results of the topologies that a unit calls and that declare no outputs."""
    _settle(program, unit, {unit.owner})


def _settle(program: Program, unit: Unit, begun: set[object]) -> None:
    contracts = program.contracts
    for site in unit.call_sites():
        callee = program.linked.callee(unit.module, site.target)
        called = None if callee is None else program.linked.unit_of(callee)
        if called is None or called.topology is None or called.owner in begun:
            continue
        begun.add(called.owner)
        if called.owner in contracts.results or called.declared("outputs") is not None:
            continue
        _settle(program, called, begun)
        contracts.results[called.owner] = check_topology(UnitCheck(program, called))


def _in_step(conditions: Conditions, scopes: Scopes, step: Step, field: Path) -> Scope:
    asked = next((one for one in step.fields if field[: len(one.path)] == one.path), None)
    place = place_of(conditions, scopes, step, asked)
    state = _with_other_nodes(conditions, scopes, step, place.state)
    names = dict(scopes.at(step, place.within, state, None))
    if step.site is not None:
        names.update(_of_call(field))
    elif asked is not None and "index" in asked.brings:
        names["index"] = INDEX
    return Scope(_facts(names, place.known), scopes.by_name, step.site)


def _with_other_nodes(conditions: Conditions, scopes: Scopes, step: Step, state: State) -> State:
    """What a step of a workflow could read: all nodes but those that wait for its own node.

    A node waits for what it reads, so that these steps would have run.
    """
    for one in conditions.lineage(step):
        way = conditions.ways[one]
        if way.parent is None or way.part is None or way.part.after is None:
            continue
        parts = way.parent.parts
        waiting = {parts.index(way.part)}
        for number, part in enumerate(parts):
            if not waiting.isdisjoint(part.after or ()):
                waiting.add(number)
        for number, part in enumerate(parts):
            for other in () if number in waiting else visible_steps(part.steps):
                if other.name is not None and other.name not in state:
                    ran = scopes.availability.end.get(other.name, Ran.CERTAINLY)
                    state = state.insert(other.name, ran)
    return state


def _of_call(field: Path) -> Names:
    """The variables that the fields of a call site have of their own."""
    if field[:1] and field[0] in CALL_FIELDS:
        retried = field[:2] == ("retry", "when")
        return {"invocation": INVOCATION, **({"error": ERROR} if retried else {})}
    return {}


def _outside(program: Program, unit: Unit, path: Path) -> Scope:
    """A field of a resource, a target, a route, a policy, the check or safety of a definition."""
    if isinstance(unit.owner, Policy):
        return Scope(Facts(variables_of_policy(program, unit, unit.owner)), {})
    if isinstance(unit.owner, Module) and path[:1] == ("imports",):
        return Scope(Facts(program.variables.of_imports(unit.owner)), {})
    names: dict[str, Type] = dict(program.variables.of_module(unit.module))
    if isinstance(unit.owner, Definition) and path[:1] == ("safety",):
        return Scope(Facts(variables_of_safety(program, unit, unit.owner)), {})
    for site in unit.sites:
        if path[: len(site.path)] == site.path:
            names.update(_of_site(program, unit, site, path))
            return Scope(_known_of_site(unit, site, path, names), {}, site.site)
    for place in unit.deferred:
        if path[: len(place.path)] == place.path:
            names.update(program.variables.of_context(unit, place.context, None))
    return Scope(Facts(names), {})


def _of_site(program: Program, unit: Unit, site: StandaloneSite, path: Path) -> Names:
    result = program.result_of(unit, site.site)
    if isinstance(unit.owner, Definition):
        names = dict(variables_of_check(program, unit))
    else:
        names = dict(program.variables.of_context(unit, site.context, site.data))
    names.update(_of_call(path[len(site.path) :]))
    for place in site.own_fields:
        if path[: len(place.path)] == place.path:
            if isinstance(unit.owner, Definition):
                names["result"] = result
            else:
                names.update(program.variables.of_context(unit, place.context, site.data, result))
    return names


def _known_of_site(unit: Unit, site: StandaloneSite, path: Path, names: Names) -> Facts:
    for place in site.own_fields if isinstance(unit.owner, Definition) else ():
        if path[: len(place.path)] == place.path:
            return known_of_check(site, place, names)
    return Facts(names)


def _facts(names: Names, known: Known) -> Facts:
    facts = Facts(names)
    for one in (one for one in known if one.gives is None):
        facts = assume(one.expr, one.outcome, facts)
    return facts

"""The policies of a module: what their rules see, and whether their targets name anything."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer import types
from analyzer.checks.expected import check_constant, expect
from analyzer.checks.unit_check import UnitCheck
from analyzer.findings.messages import k9_hygiene
from analyzer.flow.evaluation import evaluate_in_scope
from analyzer.program.contracts import ANYTHING
from analyzer.program.linking import Callee, Unit
from analyzer.program.program import Program, written
from analyzer.program.variables import INVOCATION, Names
from analyzer.types import Type, union, without
from kernel.manifest import Definition, Module, Policy, Resource
from kernel.policy.known import is_wild, names_nothing
from kernel.policy.names import kind_names, names_target, resource_names

_CALLED = "Invocable", "Runnable"


def check_policy(check: UnitCheck, policy: Policy) -> None:
    """The conditions of a policy, and the targets with wildcards."""
    program, unit = check.program, check.unit
    names = variables_of_policy(program, unit, policy)
    for place in unit.deferred:
        value = evaluate_in_scope(written(place.value), names)
        check.add_evaluation(value, place.path)
        if expect(check, value, "when", "a bool", place.path):
            check_constant(check, value, place.path)
    for number, target in enumerate(policy.targets):
        if is_wild(target) and names_nothing(program.linked.manifest, unit.module, target):
            check.add(k9_hygiene.target_names_nothing(target), ("targets", number))


def variables_of_policy(program: Program, unit: Unit, policy: Policy) -> Names:
    """The variables of the ``when`` of a rule."""
    named = list(_named(program, unit.module, policy))
    exact = not any(is_wild(target.partition("/")[0]) for target in policy.targets)
    kinds = frozenset(callee.definition.kind for callee in named)
    kind = types.String(kinds) if exact and kinds else types.STRING
    return {
        "inputs": _inputs(program, named),
        "principal": union((types.STRING, types.NULL)),
        "target": types.Record((("kind", types.Field(kind)), ("name", types.Field(types.STRING)))),
        "environment": types.STRING,
        "invocation": INVOCATION,
        "vars": program.variables.of_module(unit.module)["vars"],
    }


def _inputs(program: Program, named: list[Callee]) -> Type:
    """What the contracts of some targets accept, which is an object whatever they say."""
    if not named:
        return types.Dyn("the targets of the policy match nothing")
    type_ = union(program.contracts.inputs(callee) or ANYTHING for callee in named)
    objects = without(type_, lambda one: not isinstance(one, types.Record | types.Map | types.Dyn))
    return ANYTHING if isinstance(objects, types.Never) else objects


def _named(program: Program, module: Module, policy: Policy) -> Iterator[Callee]:
    """The resources that a policy names, and the kinds of which it names no resource."""
    seen: set[Definition] = set()
    for unit in program.linked.units.values():
        resource, definition, home = unit.owner, unit.definition, unit.home
        if not isinstance(resource, Resource) or definition is None or home is None:
            continue
        if _is_for(program, module, unit.module, definition) and names_target(
            policy.targets,
            kind_names(module, definition, home),
            resource_names(module, resource.name, unit.module),
        ):
            seen.add(definition)
            yield Callee(resource, unit.module, definition, home)
    for unit in program.linked.units.values():
        owner = unit.owner
        if not isinstance(owner, Definition) or owner in seen:
            continue
        names = kind_names(module, owner, unit.module)
        if _is_for(program, module, unit.module, owner) and names_target(policy.targets, names, ()):
            nobody = Resource(owner.kind, "", {}, owner.document, unit.module.name)
            yield Callee(nobody, unit.module, owner, unit.module)


def _is_for(program: Program, module: Module, place: Module, definition: Definition) -> bool:
    """Whether the policies of one module apply to a callee in another."""
    return definition.capability in _CALLED and module in (place, program.linked.manifest.root)

"""The fields of a resource, with what its kind says of them and does with them."""

from __future__ import annotations

from analyzer.program.linking import CelField, Unit
from analyzer.program.program import written
from analyzer.taint.callees import result_of_call, sinks_of_fields
from analyzer.taint.origins import CLEAN
from analyzer.taint.reached import Reached
from analyzer.taint.sinks import Sink
from analyzer.taint.survey import Survey
from analyzer.taint.tracing import Env, pieces
from kernel.manifest import Module, schemas_of


def walk_fields(survey: Survey, unit: Unit) -> Reached:
    """What the fields of a unit with CEL come to."""
    reached = Reached(unit)
    if isinstance(unit.owner, Module):
        _walk_imports(survey, unit.owner, reached)
    sinks = list(sinks_of_fields(survey, unit))
    if not sinks:
        return reached
    env = survey.module(unit.module)
    for place in unit.fields:
        _put(reached, place, env, sinks)
    for place in unit.deferred:
        context = dict(survey.context(unit, place.context, None))
        _put(reached, place, {**env, **context}, sinks)
    for site in unit.sites:
        for place in site.own_fields:
            context = dict(survey.context(unit, place.context, site.data))
            context["result"] = result_of_call(survey, unit, site.site, CLEAN, "result")
            _put(reached, place, {**env, **context}, sinks)
    return reached


def _walk_imports(survey: Survey, module: Module, reached: Reached) -> None:
    """The values that a module passes to the variables of its imports, which are not hidden."""
    env = survey.module(module)
    for alias, passed in module.passed.items():
        imported = module.imports[alias]
        for name, value in passed.vars.items():
            declared = imported.vars.get(name)
            if declared is not None:
                place = survey.annotations(declared.schema, schemas_of(imported))
                why = f"into the variable `{name}` of {imported.name}, which is none of its secrets"
                path = (*passed.path, "vars", name)
                reached.put(pieces(written(value), env), path, [Sink((), place, why)])


def _put(reached: Reached, place: CelField, env: Env, sinks: list[Sink]) -> None:
    root = reached.unit.path
    found = pieces(written(place.value), env)
    reached.put(found, root, sinks, place.path[len(root) :])

"""Where a value of an expression comes from: the schema that describes it, and its declaration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from analyzer.checks.scope_at import Scope, scope_at
from analyzer.expressions.facts import Facts
from analyzer.flow.items import expression_of
from analyzer.program.declared import DeclaredSchema, Part
from analyzer.program.linking import Unit
from analyzer.program.program import Program
from kernel.cel import reference_path
from kernel.errors import Path, Span
from kernel.manifest import Definition, Module, find_kind
from kernel.schema import InvalidSchema
from kernel.schema.bundle import bundle
from kernel.schema.places import inside, spread
from kernel.topology.callsite import CallSite
from kernel.topology.forms import Step, all_steps, field_of

Origin = tuple[DeclaredSchema, Path]
"""A declared schema, and the steps from it to what describes a value."""


def description(declared: DeclaredSchema, steps: Path) -> str:
    """The schema's description of the part of a value at some steps."""
    try:
        root = bundle(declared.schema, declared.schemas)
        nodes = spread([root], root)
        for step in steps:
            nodes = spread(inside(nodes, step), root)
    except (InvalidSchema, KeyError, AttributeError, TypeError):
        return ""
    return next((str(node["description"]) for node in nodes if node.get("description")), "")


def span(declared: DeclaredSchema, steps: Path) -> Span:
    """The declaration of the part of a value at some steps."""
    schema, path = declared.schema, declared.path
    for step in steps:
        if isinstance(step, int):
            schema, path = _get(schema, "items"), (*path, "items")
        elif _get(_get(schema, "properties"), step) is not None:
            schema = schema["properties"][step]
            path = (*path, "properties", step)
        else:
            break
    return declared.document.span(path, key=bool(path))


def steps_of(unit: Unit) -> Iterator[Step]:
    """All steps of a unit's topology, if it has one."""
    return all_steps(() if unit.topology is None else unit.topology.steps)


def scope_of(program: Program, module: Module, unit: Unit | None, path: Path) -> Scope:
    """The variables at a path of a document: those of the unit there, else of the module."""
    if unit is None:
        return Scope(Facts(program.variables.of_module(module)), {})
    return scope_at(program, unit, path)


def origin_of(program: Program, unit: Unit, scope: Scope, path: Path, place: Path) -> Origin | None:
    """The schema that a path of CEL is described by, and the steps of the path within it.

    ``place`` is where the expression stands.
    """
    found: DeclaredSchema | None = None
    match path:
        case ("inputs", *rest):
            found = unit.declared("inputs")
        case ("vars" | "secrets" as group, str(name), *rest):
            found = _variable(unit.module, group, name)
        case ("resources", str(name), *rest):
            found = _published(unit.module, name)
        case ("self", *rest) if isinstance(unit.owner, Definition):
            owner = unit.owner
            found = DeclaredSchema(owner.schema, unit.module, owner.document, ("schema",))
        case ("steps", str(name), "result", *rest):
            step = scope.steps.get(name)
            found = None if step is None else contract_of(program, unit, step.site, "outputs")
        case ("result", *rest):
            found = contract_of(program, unit, scope.site, "outputs")
        case ("item", *rest):
            return _item(program, unit, scope, place, tuple(rest))
    return None if found is None else (found, tuple(rest))


def contract_of(
    program: Program, unit: Unit, site: CallSite | None, part: Part
) -> DeclaredSchema | None:
    """The schema of what a call takes or gives."""
    callee = None if site is None else program.linked.callee(unit.module, site.target)
    return None if callee is None else callee.declared(part)


def _variable(module: Module, group: str, name: str) -> DeclaredSchema | None:
    one = getattr(module, group).get(name)
    return None if one is None else DeclaredSchema(one.schema, module, one.document, one.path)


def _published(module: Module, name: str) -> DeclaredSchema | None:
    resource = module.resources.get(name)
    kind = None if resource is None else find_kind(module, resource.kind)
    if kind is None or kind[0].outputs is None:
        return None
    return DeclaredSchema(kind[0].outputs, kind[1], kind[0].document, ("outputs",))


def _item(program: Program, unit: Unit, scope: Scope, place: Path, rest: Path) -> Origin | None:
    """The element of the list that the innermost ``forEach`` around a place goes over."""
    around = [step for step in steps_of(unit) if _brings_item(step, place)]
    if not around:
        return None
    expr = expression_of(field_of(around[-1], "list").template)
    path = None if expr is None else reference_path(expr)
    if path is None:
        return None
    return origin_of(program, unit, scope, (*path, 0, *rest), around[-1].path)


def _brings_item(step: Step, place: Path) -> bool:
    """Whether a place stands in a part of the step that brings ``item``."""
    paths = ((*step.path, *part.path) for part in step.parts if "item" in part.brings)
    return any(place[: len(path)] == path for path in paths)


def _get(data: Any, key: str) -> Any:
    return data.get(key) if isinstance(data, Mapping) else None

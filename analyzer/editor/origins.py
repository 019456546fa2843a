"""Where a value of an expression comes from: the schema that describes it, and its declaration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from analyzer.checks.scope_at import Scope
from analyzer.flow.guards import expression_of
from analyzer.program.linking import Unit
from analyzer.program.program import Program
from kernel.cel import reference_path
from kernel.errors import Path, Span
from kernel.manifest import Definition, Document, Module, find_kind, schemas_of
from kernel.schema import InvalidSchema
from kernel.schema.bundle import bundle
from kernel.schema.places import inside, spread
from kernel.topology.callsite import CallSite
from kernel.topology.forms import Step, all_steps, templates


@dataclass(frozen=True, slots=True)
class Origin:
    """A declared schema. ``document`` and ``path`` are where it stands, if that is known."""

    schema: Any
    module: Module
    document: Document | None = None
    path: Path = ()

    def nodes(self, steps: Path) -> list[Mapping[str, Any]]:
        """The schema nodes that apply to what lies at some steps of a value."""
        try:
            root = bundle(self.schema, schemas_of(self.module))
            nodes = spread([root], root)
            for step in steps:
                nodes = spread(inside(nodes, step), root)
        except (InvalidSchema, KeyError, AttributeError, TypeError):
            return []
        return nodes

    def description(self, steps: Path) -> str:
        """What the schema says of what lies at some steps of a value."""
        found = (node.get("description") for node in self.nodes(steps))
        return next((str(one) for one in found if one), "")

    def span(self, steps: Path) -> Span | None:
        """Where what lies at some steps of a value is declared."""
        if self.document is None:
            return None
        schema, path = self.schema, self.path
        for step in steps:
            if isinstance(step, int):
                schema, path = _get(schema, "items"), (*path, "items")
            elif _get(_get(schema, "properties"), step) is not None:
                schema = schema["properties"][step]
                path = (*path, "properties", step)
            else:
                break
        return self.document.span(path, key=bool(path))


def origin_of(
    program: Program, unit: Unit, scope: Scope, path: Path, place: Path
) -> tuple[Origin, Path] | None:
    """The schema that a path of CEL is described by, and the steps of the path within it.

    ``place`` is where the expression stands.
    """
    match path:
        case ("inputs", *rest):
            made = _declared(unit, "inputs")
            return None if made is None else (made, tuple(rest))
        case ("vars" | "secrets" as group, str(name), *rest):
            return _variable(unit.module, group, name, tuple(rest))
        case ("resources", str(name), *rest):
            return _published(unit.module, name, tuple(rest))
        case ("self", *rest) if isinstance(unit.owner, Definition):
            owner = unit.owner
            made = Origin(owner.schema, unit.module, owner.document, ("schema",))
            return made, tuple(rest)
        case ("steps", str(name), "result", *rest):
            step = scope.steps.get(name)
            return None if step is None else _of_step(program, unit, step, tuple(rest))
        case ("result", *rest) if scope.site is not None:
            made = outputs_of(program, unit, scope.site)
            return None if made is None else (made, tuple(rest))
        case ("item", *rest):
            return _item(program, unit, scope, place, tuple(rest))
    return None


def outputs_of(program: Program, unit: Unit, site: CallSite) -> Origin | None:
    """The schema of what a call gives."""
    return _of_callee(program, unit, site, "outputs")


def inputs_of(program: Program, unit: Unit, site: CallSite) -> Origin | None:
    """The schema of what a call takes."""
    return _of_callee(program, unit, site, "inputs")


def _of_callee(program: Program, unit: Unit, site: CallSite, part: str) -> Origin | None:
    callee = program.linked.callee(unit.module, site.target)
    if callee is None:
        return None
    own = callee.own_contract.get(part)
    if own is not None:
        return Origin(own[1], callee.module, callee.resource.document, own[0])
    definition = callee.definition
    declared = getattr(definition, part)
    path: Path = (part,)
    if declared is None and definition.body is not None:
        declared, path = definition.body.get(part), ("body", part)
    return None if declared is None else Origin(declared, callee.home, definition.document, path)


def _declared(unit: Unit, part: str) -> Origin | None:
    own = unit.roles.get(part)
    if own is not None:
        return Origin(own[1], unit.module, unit.document, own[0])
    definition, home = unit.definition, unit.home
    schema = None if definition is None else getattr(definition, part)
    if definition is None or home is None or schema is None:
        return None
    return Origin(schema, home, definition.document, (part,))


def _variable(module: Module, group: str, name: str, rest: Path) -> tuple[Origin, Path] | None:
    declaration = getattr(module, group).get(name)
    if declaration is None:
        return None
    return Origin(declaration.schema, module, declaration.document, declaration.path), rest


def _published(module: Module, name: str, rest: Path) -> tuple[Origin, Path] | None:
    resource = module.resources.get(name)
    kind = None if resource is None else find_kind(module, resource.kind)
    if kind is None or kind[0].outputs is None:
        return None
    return Origin(kind[0].outputs, kind[1], kind[0].document, ("outputs",)), rest


def _of_step(program: Program, unit: Unit, step: Step, rest: Path) -> tuple[Origin, Path] | None:
    made = None if step.site is None else outputs_of(program, unit, step.site)
    return None if made is None else (made, rest)


def _item(
    program: Program, unit: Unit, scope: Scope, place: Path, rest: Path
) -> tuple[Origin, Path] | None:
    """The element of the list that the innermost ``forEach`` around a place goes over."""
    around = [step for step in _steps_of(unit) if _brings_item(step, place)]
    if not around:
        return None
    items = next(one.template for one in templates(around[-1]) if one.expects == "list")
    expr = expression_of(items)
    path = None if expr is None else reference_path(expr)
    if path is None:
        return None
    return origin_of(program, unit, scope, (*path, 0, *rest), around[-1].path)


def _steps_of(unit: Unit) -> Iterator[Step]:
    return all_steps(() if unit.sequence is None else unit.sequence.steps)


def _brings_item(step: Step, place: Path) -> bool:
    """Whether a place stands in a part of the step that brings ``item``."""
    paths = ((*step.path, *part.path) for part in step.parts if "item" in part.brings)
    return any(place[: len(path)] == path for path in paths)


def _get(data: Any, key: str) -> Any:
    return data.get(key) if isinstance(data, Mapping) else None

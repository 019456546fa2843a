"""What the walks over all units share: the annotations of schemas, and what each topology does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from analyzer.program.contexts import written_schema
from analyzer.program.declared import Part
from analyzer.program.linking import Callee, Unit
from analyzer.program.program import Program
from analyzer.taint.annotations import Annotations, all_traits, annotations_of
from analyzer.taint.origins import CLEAN, Origin, Taint, tree
from analyzer.taint.sinks import Sink
from analyzer.taint.tracing import Env
from kernel.manifest import Definition, Module, resolve_kind, schemas_of
from kernel.schema import Schemas
from kernel.structs import field, struct
from kernel.topology.fields import Context, variables


@struct(frozen=False)
class Summary:
    """What a topology does with what it is given: where it puts it, and what it gives back."""

    sinks: dict[str, list[Sink]] = field(default_factory=dict)
    result: Taint = CLEAN


@struct(frozen=False)
class Survey:
    """What the walks of all units share."""

    program: Program
    summaries: dict[object, Summary] = field(default_factory=dict)
    """By the owner of the topology; callees are walked before those who call them."""
    made: dict[tuple[int, int], tuple[Any, Annotations | None]] = field(default_factory=dict)
    """Annotations by the identity of their schema and its neighbours; the schema keeps its own."""
    modules: dict[Module, Env] = field(default_factory=dict)
    """The variables of each module that was asked for."""

    def is_needed(self, units: Iterable[Unit]) -> bool:
        """Whether there are secrets, or calls of a kind that reads text as a language."""
        modules = {unit.module: None for unit in units}
        if any(module.secrets or _has_secret_vars(module) for module in modules):
            return True
        definitions: dict[Definition, None] = {}
        for unit in units:
            if "inputs" in unit.roles and _has_secret(unit.roles["inputs"][1]):
                return True
            if unit.definition is not None:
                definitions[unit.definition] = None
            for site in unit.call_sites():
                callee = self.program.linked.callee(unit.module, site.target)
                if callee is not None:
                    definitions[callee.definition] = None
        return any(map(_has_marks, definitions))

    def annotations(self, schema: Any, schemas: Schemas) -> Annotations | None:
        """The annotations of a schema, made once."""
        key = id(schema), id(schemas)
        if key not in self.made:
            self.made[key] = schema, annotations_of(schema, schemas)
        return self.made[key][1]

    def contract(self, declaring: Callee | Unit, part: Part) -> Annotations | None:
        """The annotations of the inputs or outputs of a callee, or of a topology itself."""
        found = declaring.declared(part)
        return None if found is None else self.annotations(found.schema, found.schemas)

    def module(self, module: Module) -> Env:
        """The variables of a module."""
        if module not in self.modules:
            self.modules[module] = {name: found for name, found in self._variables(module) if found}
        return self.modules[module]

    def _variables(self, module: Module) -> Iterator[tuple[str, Taint]]:
        yield (
            "secrets",
            tree(
                (name, of_origin(Origin(f"secrets.{name}", secret=True))) for name in module.secrets
            ),
        )
        declared = schemas_of(module)
        yield (
            "vars",
            tree(
                (name, variable(f"vars.{name}", self.annotations(one.schema, declared)))
                for name, one in module.vars.items()
                if _has_secret(one.schema)
            ),
        )
        yield "resources", tree(self._published(module))

    def _published(self, module: Module) -> Iterator[tuple[str, Taint]]:
        for name, resource in module.resources.items():
            definition = resolve_kind(module, resource.kind)
            if definition is not None and _has_secret(definition.outputs):
                annotations = self.annotations(definition.outputs, schemas_of(module))
                yield name, variable(f"resources.{name}", annotations)

    def context(self, unit: Unit, context: Context, data: Any) -> Iterator[tuple[str, Taint]]:
        """The variables that ``x-kernel-context`` brings to a field."""
        for name, schema in variables(context).items():
            if name in ("error", "result"):
                continue
            if name == "inputs" and "inputs" in unit.roles:
                yield name, variable(name, self.contract(unit, "inputs"), outside=True, given=True)
                continue
            full = written_schema(unit, schema, data)
            yield name, variable(name, annotations_of(full, schemas_of(unit.module)), outside=True)


def variable(
    name: str, annotations: Annotations | None, *, outside: bool = False, given: bool = False
) -> Taint:
    """The taint of a variable of which a schema says more."""
    secret = annotations is not None and annotations.secret
    tame = annotations is not None and annotations.is_tame
    from_caller = (name, ()) if given and not secret else None
    return of_origin(Origin(name, secret, outside and not tame, from_caller, False, annotations))


def of_origin(origin: Origin) -> Taint:
    return Taint(frozenset((origin,)))


def _has_secret_vars(module: Module) -> bool:
    return any(_has_secret(one.schema) for one in module.vars.values())


def _has_secret(schema: Any) -> bool:
    return any(one.secret for one in all_traits(schema))


def _has_marks(definition: Definition) -> bool:
    """Whether calls of a kind give secrets, or take text that is read as a language."""
    if any(one.untrusted for one in all_traits(definition.inputs)):
        return True
    if any(one.untrusted for one in all_traits(definition.schema)):
        return True
    if definition.body is not None and any(
        map(_has_secret, (definition.schema, definition.inputs))
    ):
        return True
    return _has_secret(definition.outputs)

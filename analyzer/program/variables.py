"""Which CEL variables a module, a topology and a field bring into scope, and of what type.

With :mod:`analyzer.flow.scopes`, which adds those of the steps, it is the one place that knows the
names of language.md, CEL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any, Final

from analyzer import types
from analyzer.lowering.lower import lower
from analyzer.program.contexts import written_schema
from analyzer.program.contracts import Contracts
from analyzer.program.linking import Linked, Unit
from analyzer.types import Type, members_of, union
from analyzer.types.seen_through import says_nothing
from kernel.manifest import Declaration, Module, resolve_kind, schemas_of
from kernel.schema import InvalidSchema
from kernel.topology.fields import Context, variables

Names = Mapping[str, Type]
"""CEL variables by name."""

INVOCATION: Final = types.Record(
    (
        ("id", types.Field(types.STRING)),
        ("run", types.Field(types.STRING)),
        ("attempt", types.Field(types.Int(1))),
        ("source", types.Field(types.STRING)),
        ("principal", types.Field(union((types.STRING, types.NULL)))),
        ("correlationId", types.Field(union((types.STRING, types.NULL)))),
        ("idempotencyKey", types.Field(types.STRING)),
        ("time", types.Field(types.Timestamp())),
    )
)
"""The variable ``invocation`` (language.md, CEL)."""


def error_with(code: Type, step: Type) -> types.Record:
    """The variable ``error`` (language.md, Call site), with a code and the name of a step."""
    outcomes = frozenset(("failed", "unknown", "cancelled", "rejected"))
    return types.Record(
        (
            ("message", types.Field(types.STRING)),
            ("code", types.Field(code)),
            ("step", types.Field(step)),
            ("kind", types.Field(types.STRING)),
            ("data", types.Field(types.Dyn("what an error carries is not declared"))),
            ("attempt", types.Field(types.Int(0))),
            ("outcome", types.Field(types.String(outcomes))),
        )
    )


ERROR: Final = error_with(
    types.Dyn("a code is a string or an int"), union((types.STRING, types.NULL))
)
"""The variable ``error`` where nothing is said of what fails: of its code anything is taken."""

EVENT: Final = types.Record(
    (
        ("type", types.Field(types.STRING)),
        ("subject", types.Field(union((types.STRING, types.NULL)))),
        ("time", types.Field(types.STRING)),
        ("id", types.Field(types.STRING)),
        ("data", types.Field(types.Dyn("what an event carries is told without its secrets"))),
    )
)
"""What ``waitFor`` gives (language.md, Topologies)."""

INDEX: Final = types.Int(0)
"""The number of a round of ``forEach`` or ``do``, from 0."""

OF_FIELDS: Final[Names] = {"invocation": INVOCATION, "index": INDEX}
"""The variables that fields of steps see besides those around the step (`Field.brings`)."""

ELSEWHERE: Final[Mapping[str, str]] = {
    "inputs": "inside a topology or a `body`",
    "self": "inside a `body`, and in `safety` and `check` of a definition",
    "steps": "inside a topology",
    "item": "inside `forEach`",
    "index": "inside `forEach`, in `do` loops and in their conditions",
    "error": "in `retry.when`, `catch` and `finally`",
    "result": "where a call site maps what came back",
    "request": "in routes",
    "event": "in routers and triggers",
    "invocation": "in the fields of a call site",
    "principal": "in the rules of a policy, elsewhere as `invocation.principal`",
    "target": "in the rules of a policy",
    "environment": "in the rules of a policy",
    "secrets": "everywhere but in a policy and in `group` of `concurrency`",
    "resources": "everywhere but in a policy, in `group` of `concurrency` and in the values for "
    "an import",
}
"""Where each variable that is not everywhere is in scope."""


class Variables:
    """The variables of each module, made once."""

    def __init__(self, linked: Linked, contracts: Contracts) -> None:
        self._linked = linked
        self._contracts = contracts
        self._modules: dict[Module, Names] = {}

    def by(self, contracts: Contracts) -> Variables:
        """The same variables by other contracts of the topologies."""
        other = copy(self)
        other._contracts = contracts
        return other

    def of_module(self, module: Module) -> Names:
        """``vars``, ``secrets`` and ``resources``, which are in scope everywhere in a module."""
        if module not in self._modules:
            names: dict[str, Type] = {
                "vars": _declared(module.vars.values(), module, secret=False),
                "secrets": _declared(module.secrets.values(), module, secret=True),
                "resources": self._resources(module),
            }
            if module.lost_head() is not None:
                names |= {"vars": types.ERROR, "secrets": types.ERROR}
            self._modules[module] = names
        return self._modules[module]

    def of_imports(self, module: Module) -> Names:
        """Those of the values that a module passes to its imports, before anything comes up."""
        return {name: self.of_module(module)[name] for name in ("vars", "secrets")}

    def of_topology(self, unit: Unit) -> Names:
        """Those of the call sites of a unit: the module's, ``inputs``, and ``self`` in a body."""
        names = dict(self.of_module(unit.module))
        names["inputs"] = self._contracts.arguments(unit)
        if unit.is_body and unit.definition is not None:
            names["self"] = self._contracts.fields(unit.definition, unit.module)
        if unit.topology is not None:
            for name, path in unit.topology.variables.items():
                names[name] = _part_of(names, path)
        return names

    def of_context(
        self, unit: Unit, context: Context, data: Any, result: Type = types.DYN
    ) -> Names:
        """The variables that ``x-kernel-context`` brings to a field of a unit.

        ``data`` is what the call site around the field writes, with the types of some of them;
        ``result`` is what its call gives.
        """
        names: dict[str, Type] = {}
        for name, schema in variables(context).items():
            if name == "error":
                names[name] = ERROR
            elif name == "result":
                names[name] = result
            else:
                written = written_schema(unit, schema, data)
                names[name] = _lowered(written, unit.home or unit.module, name)
                if name == "inputs" and ("inputs" in unit.roles or says_nothing(names[name])):
                    names[name] = self._contracts.arguments(unit)
        return names

    def _resources(self, module: Module) -> types.Record:
        """The published fields of the Providers and Services."""
        fields: dict[str, types.Field] = {}
        for name, resource in module.resources.items():
            definition = resolve_kind(module, resource.kind)
            if definition is None:
                fields[name] = types.Field(types.DYN)
            elif definition.capability in ("Provider", "Service"):
                fields[name] = types.Field(self._contracts.published(module, resource))
        fields |= {name: types.Field(types.DYN) for name in module.lost if "." not in name}
        return types.Record(tuple(fields.items()))


def _part_of(names: Names, path: tuple[str, ...]) -> Type:
    """The type of a variable that stands for a part of another; null where that is not there."""
    type_: Type = types.Record(tuple((name, types.Field(one)) for name, one in names.items()))
    for name in path:
        type_ = union(_field_of(one, name) for one in members_of(type_))
    return type_


def _field_of(type_: Type, name: str) -> Type:
    match type_:
        case types.Record():
            found = type_.get(name)
            if found is None:
                return types.Dyn(f"`{name}` is not declared") if not type_.is_closed else types.NULL
            return found.type if found.required else union((found.type, types.NULL))
        case types.Map(value=value):
            return union((value, types.NULL))
        case types.Dyn():
            return type_
    return types.NULL


def values_taken(declarations: Iterable[Declaration], module: Module) -> types.Record:
    """What a module takes for its variables, or secrets: it needs what no other source gives."""
    return types.Record(
        tuple(
            (one.name, types.Field(_lowered(one.schema, module, one.name), not one.has_source))
            for one in declarations
        )
    )


def _declared(declarations: Iterable[Declaration], module: Module, *, secret: bool) -> types.Record:
    return types.Record(
        tuple(
            (one.name, types.Field(_lowered(one.schema, module, one.name), secret=secret))
            for one in declarations
        )
    )


def _lowered(schema: Any, module: Module, name: str) -> Type:
    try:
        return lower(schema, schemas_of(module), name=name)
    except InvalidSchema:
        return types.Dyn("its schema is wrong")

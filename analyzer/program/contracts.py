"""The contracts of callees, as types, each made once.

A contract of the resource itself (fields with the role ``inputs`` or ``outputs``) comes before that
of its definition; a topology that declares no outputs gives the type of its result.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from typing import Any

from analyzer.lowering.lower import lower
from analyzer.program.declared import Part
from analyzer.program.linking import Callee, Linked, Unit
from analyzer.types import Dyn, Map, Never, Record, Type, without
from analyzer.types.seen_through import leaves_open
from kernel.manifest import Definition, Module, Resource, find_kind, schemas_of
from kernel.manifest.fields import closed
from kernel.schema import InvalidSchema, Schemas
from kernel.schema.keywords import traits
from kernel.topology.fields import open_schema

ANYTHING = Dyn("its inputs are not declared")
"""Arguments of which nothing is declared: any object."""


class Contracts:
    """The types of inputs, outputs and fields.

    ``results`` is what topologies were found to give, by the owner of their unit.
    """

    def __init__(self, linked: Linked) -> None:
        self._linked = linked
        self._made: dict[tuple[int, int], tuple[Any, Type]] = {}
        self._texts: dict[tuple[str, int], Type] = {}
        self._parts: dict[tuple[int, int, Part], tuple[Callee, Type | None]] = {}
        self._opened: dict[Definition, Any] = {}
        self._given: Mapping[Unit, Type] = {}
        self._open: dict[int, tuple[Type, bool]] = {}
        self.results: dict[object, Type] = {}

    def inside(self, unit: Unit, given: Type | None) -> Contracts:
        """The same contracts during a call that gives these inputs to a unit; None: any inputs."""
        inside = copy(self)
        inside._given = {} if given is None else {unit: given}
        inside.results = dict(self.results)
        return inside

    def inputs(self, callee: Callee) -> Type | None:
        """What a call's argument object must fit; None where anything goes."""
        return self._part(callee, "inputs")

    def outputs(self, callee: Callee) -> Type:
        """What a call gives."""
        declared = self._part(callee, "outputs")
        if declared is not None:
            return declared
        found = self.results.get(callee.owner)
        return found if found is not None else Dyn(f"{callee.definition.kind} declares no outputs")

    def arguments(self, unit: Unit) -> Type:
        """The variable ``inputs`` of a topology, which is an object whatever its schema says."""
        declared = self._given.get(unit) or self.declared(unit, "inputs") or ANYTHING
        objects = without(declared, lambda one: not isinstance(one, Record | Map | Dyn))
        return ANYTHING if isinstance(objects, Never) else objects

    def declared(self, unit: Unit, part: Part) -> Type | None:
        """The inputs or outputs that a topology itself declares."""
        found = unit.declared(part)
        return None if found is None else self.lowered(found.schema, found.schemas)

    def fields(self, definition: Definition, home: Module) -> Type:
        """The variable ``self``: the fields of a resource, as its controller gets them."""
        if definition.schema is None:
            return Dyn("its fields are not declared")
        return self.lowered(self.opened(definition), schemas_of(home))

    def opened(self, definition: Definition) -> Any:
        """The schema of a kind's fields, with the nodes open that hold no plain values."""
        if definition not in self._opened:
            self._opened[definition] = closed(open_schema(definition.schema))
        return self._opened[definition]

    def published(self, module: Module, resource: Resource) -> Type:
        """What a Provider or a Service gives to others."""
        kind = find_kind(module, resource.kind)
        if kind is None or kind[0].outputs is None:
            return Dyn(f"{resource.kind} declares no outputs")
        return self.lowered(kind[0].outputs, schemas_of(kind[1]))

    def leaves_open(self, type_: Type) -> bool:
        """Whether nothing is said of something that a type of these contracts leads to."""
        known = self._open.get(id(type_))
        if known is None:
            # The type is kept, so that no other one gets its identity.
            known = self._open[id(type_)] = type_, leaves_open(type_)
        return known[1]

    def lowered(self, schema: Any, schemas: Schemas) -> Type:
        """The type of a schema; Dyn for a wrong one, which is reported elsewhere."""
        key = (id(schema), id(schemas))
        if key not in self._made:
            # The schema is kept, so that no other one gets its identity.
            self._made[key] = (schema, self._by_text(schema, schemas))
        return self._made[key][1]

    def _by_text(self, schema: Any, schemas: Schemas) -> Type:
        """The type of a schema; the same for all schemas that are written alike."""
        text = (json.dumps(schema, default=str), id(schemas))
        if text not in self._texts:
            try:
                self._texts[text] = lower(schema, schemas)
            except InvalidSchema:
                self._texts[text] = Dyn("its schema is wrong")
        return self._texts[text]

    def _part(self, callee: Callee, part: Part) -> Type | None:
        key = (id(callee.resource), id(callee.definition), part)
        if key not in self._parts:
            # The callee is kept, so that no other one gets its identity.
            found = callee.declared(part)
            type_ = None if found is None else self.lowered(found.schema, found.schemas)
            if type_ is not None and part == "outputs":
                type_ = _with_lengths(type_, callee.definition)
            self._parts[key] = callee, type_
        return self._parts[key][1]


def _with_lengths(type_: Type, definition: Definition) -> Type:
    """The type of what a controller gives, with the numbers that it promises to be sizes of lists.

    What a topology gives promises nothing: nobody holds its steps to it.
    """
    if not isinstance(type_, Record) or definition.controller is None or definition.outputs is None:
        return type_
    properties = definition.outputs.get("properties", {})
    found = {name: traits(schema).same_length for name, schema in properties.items()}
    lengths = tuple((name, listed) for name, listed in found.items() if listed is not None)
    return replace(type_, lengths=lengths) if lengths else type_

"""From JSON Schema (2020-12) to the type of the values that are delivered (analyzer.md, Types).

What is delivered is what ``kernel.schema.Schema.conform`` gives: defaults are there, numbers are
of the schema's type. The type holds every such value. It holds no others either, or a part of it
is ``Refined``, which knows the keywords that demand more and asks the validator.

References are followed when they are needed, so that a schema may contain itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import Any

from analyzer import types
from analyzer.lowering import by_kind, conjunction
from analyzer.lowering.by_kind import JSON_MOST, json_kinds, untypable
from analyzer.lowering.conjunction import Node, Nodes, Reach, choices, demands
from analyzer.lowering.literals import literal_types, literals
from analyzer.lowering.records import object_shape
from analyzer.types import Type, union
from analyzer.types.acceptance import accepts
from analyzer.types.intersection import meet
from kernel.errors import Path
from kernel.schema import NO_SCHEMAS, Schemas
from kernel.schema.bundle import bundle
from kernel.schema.keywords import all_schemas
from kernel.schema.plain import is_json
from kernel.structs import field, struct

MAX_NODES = 20_000
"""A schema with more nodes, its choices multiplied out, is known in part only."""

MAX_INLINE = 30
"""Deeper places are lowered when they are needed."""


def lower(schema: Any, schemas: Schemas = NO_SCHEMAS, *, name: str = "") -> Type:
    """The type of the values that a schema delivers; ``name`` is what people call it.

    ``schemas`` is where its references to others lead. Raises
    :class:`kernel.schema.InvalidSchema` for what is no schema (`check_schema` says why).
    """
    bundled = bundle(schema, schemas)
    return _lowered(json.dumps(bundled, default=str), _Same(bundled), name)


@struct
class _Same:
    """A bundled schema, which is not compared: its text is."""

    root: Any = field(compare=False)


@lru_cache(maxsize=256)
def _lowered(text: str, bundled: _Same, name: str) -> Type:
    """The type of a schema with this text: the next reading of a manifest gets the same one."""
    from kernel.schema.engine import validator

    validator(bundled.root)
    return Lowering(bundled.root, name).place((Node("", bundled.root),))


@struct
class Untyped:
    """A keyword, at ``path``, that says more than a type can."""

    path: Path
    why: str


def untyped(schema: Any) -> tuple[Untyped, ...]:
    """The keywords of a schema that types say in part only (K106)."""
    return tuple(
        Untyped((*path, keyword), why)
        for _, path, node in all_schemas(schema)
        for keyword, _, why in untypable((node,))
    )


class CircularPlace(Exception):
    """The type of a place is needed to make that same type."""


class Lowering:
    """The types of the places of one bundled schema, made once each."""

    def __init__(self, root: Any, name: str) -> None:
        self.root = root
        self.name = name or "schema"
        self.reach = Reach(root)
        self.depth = 0
        self.node_count = 0
        self._made: dict[Nodes, Type] = {}
        self._open: set[Nodes] = set()

    @cached_property
    def identity(self) -> str:
        """A digest of the schema's text, which tells it from other schemas."""
        text = json.dumps(self.root, default=str)
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

    def inner(self, nodes: Iterable[Node]) -> Type:
        """The type of a place inside a value; a :class:`Ref` where it may contain itself."""
        given = tuple(nodes)
        kept = tuple(self._end(node) for node in given)
        if any(node.schema is False for node in kept):
            return types.NEVER
        kept = tuple(node for node in kept if isinstance(node.schema, Mapping))
        if not kept:
            return types.Dyn("no schema says what it is")
        if self.depth < MAX_INLINE and not any(map(_refers, (*given, *kept))):
            return self.place(kept)
        places = sorted({node.pointer for node in kept})
        loose = "" if all(node.settles for node in kept) else "~"
        where = "&".join(places) or f"/{self.name}"
        return types.Ref(f"{self.identity}{loose}{where}", lambda: self.place(kept))

    def _end(self, node: Node) -> Node:
        """What a node that only refers to another refers to in the end."""
        for _ in range(100):
            if not isinstance(node.schema, Mapping) or demands(node.schema) != {"$ref"}:
                break
            node = conjunction.target(self.root, node)
        return node

    def place(self, nodes: Nodes) -> Type:
        """The type of the values for which all the nodes hold."""
        if nodes in self._made:
            return self._made[nodes]
        if nodes in self._open:
            raise CircularPlace
        if self.node_count > MAX_NODES:
            return self.refined(
                types.DYN, ["more alternatives than can be looked at"], nodes, nodes
            )
        self._open.add(nodes)
        self.depth += 1
        try:
            self._made[nodes] = self._place(nodes)
        finally:
            self.depth -= 1
            self._open.discard(nodes)
        return self._made[nodes]

    def _place(self, nodes: Nodes) -> Type:
        why = []
        if not self.reach.settled(nodes):
            nodes = tuple(Node(node.pointer, node.schema, False) for node in nodes)
            why.append("several choices with defaults or numbers")
        found = conjunction.alternatives(self.root, nodes)
        if found is None:
            return self.refined(types.DYN, ["too many alternatives"], nodes, nodes)
        self.node_count += sum(map(len, found))
        members = [self._alternative(held, nodes) for held in found]
        why += self._of_choices(found, members)
        return self.refined(self.joined(members, why), why, nodes, nodes)

    def _of_choices(self, found: list[Nodes], members: list[Type]) -> Iterator[str]:
        """The demands of the choices of a place, besides that one of the members fits."""
        made = {choice for held in found for choice in choices(held)}
        if any(one.keyword == "oneOf" for one in made) and not _disjoint(members):
            yield "oneOf"
        branches = [branch for choice in made for branch in choice.branches]
        common = set.intersection(*map(set, found)) if found else set()
        demanded = {keyword for node in common for keyword in demands(node.schema)}
        if demanded - {*conjunction.CHOICES, "type", "$ref", "allOf"} and any(
            self.reach.changes(branch, only_defaults=True) for branch in branches
        ):
            yield "defaults in a choice"

    def _alternative(self, held: Nodes, nodes: Nodes) -> Type:
        """The type of the values for which all nodes of a conjunction hold."""
        why: list[str] = []
        values = literals(self.root, held, why)
        if values is not None:
            members = literal_types(values, held, why)
        elif not any(demands(node.schema) for node in held):
            return types.DYN
        else:
            why += [keyword for keyword, of, _ in untypable(n.schema for n in held) if of is None]
            members = [self._of_kind(kind, held, nodes) for kind in json_kinds(held)]
        return self.refined(self.joined(members, why), why, held, nodes)

    def _of_kind(self, kind: str, held: Nodes, nodes: Nodes) -> Type:
        why = [keyword for keyword, of, _ in untypable(n.schema for n in held) if of == kind]
        return self.refined(self._shape(kind, held, why), why, held, nodes)

    def _shape(self, kind: str, held: Nodes, why: list[str]) -> Type:
        match kind:
            case "number":
                return by_kind.number_shape(held, why)
            case "string":
                return by_kind.string_shape(held, why)
            case "array":
                return by_kind.array_shape(self, held)
            case "object":
                return object_shape(self, held, why)
        return types.NULL if kind == "null" else types.BOOL

    def joined(self, members: list[Type], why: list[str]) -> Type:
        """The union of some types; ``why`` gets a reason where it had too many members."""
        made = union(members)
        if isinstance(made, types.Dyn) and not any(isinstance(one, types.Dyn) for one in members):
            why.append("too many alternatives")
        return made

    def refined(self, base: Type, why: list[str], held: Nodes, nodes: Nodes) -> Type:
        """The type, refined by the validator where ``why`` has reasons for that.

        ``held`` are the nodes that must hold; ``nodes`` those whose defaults and numbers apply.
        """
        if not why or isinstance(base, types.Never):
            return base
        validators = Validators(
            self.root, [node.pointer for node in held], [node.pointer for node in nodes]
        )
        where = "&".join(sorted(validators.held))
        reasons = ", ".join(dict.fromkeys(why))
        return types.Refined(
            base, reasons, f"{self.identity}{where}", validators.valid, validators.accepts
        )

    def takes(self, place: Type, default: Any) -> bool | None:
        """Whether a place takes its default; None where the answer depends on itself."""
        try:
            return accepts(place, default)
        except (CircularPlace, RecursionError):
            return None


class Validators:
    """The validators of the nodes of a place; made at the first use."""

    def __init__(self, root: Any, held: list[str], nodes: list[str]) -> None:
        self.root = root
        self.held = held
        self.nodes = nodes

    @cached_property
    def _validators(self) -> list[Any]:
        from kernel.schema.engine import validator_at

        return [validator_at(self.root, place).is_valid for place in self.held]

    @cached_property
    def _plans(self) -> list[Any]:
        from kernel.schema.normalise import compile_plan

        plans = (compile_plan(self.root, place) for place in self.nodes)
        return [plan for plan in plans if plan is not None]

    def valid(self, value: Any) -> bool:
        """Whether a value fits all nodes as it is."""
        return is_json(value) and all(valid(value) for valid in self._validators)

    def accepts(self, value: Any) -> bool:
        """Whether a value fits after defaults and numbers."""
        if not is_json(value):
            return False
        for plan in self._plans:
            value = plan(value)
        return self.valid(value)


def _refers(node: Node) -> bool:
    """Whether a reference is followed to know what a value at a node is."""
    waiting = [node.schema]
    while waiting:
        schema = waiting.pop()
        if isinstance(schema, Mapping):
            if "$ref" in schema:
                return True
            for keyword in ("allOf", *conjunction.CHOICES):
                waiting += schema.get(keyword, ())
    return False


def _disjoint(members: list[Type]) -> bool:
    """Whether no value is certainly of two of the types, however its numbers are written."""
    loose = [_loose(member) for member in members]
    return all(
        isinstance(meet(one, other), types.Never)
        for index, one in enumerate(loose)
        for other in loose[:index]
    )


def _loose(type_: Type) -> Type:
    """What a type may be before defaults and numbers: a superset to compare branches with."""
    match type_:
        case types.Int():
            return union([type_, types.Double(_float(type_.least), _float(type_.most))])
        case types.Double():
            return union([type_, types.Int(-JSON_MOST, JSON_MOST)])
        case types.Record():
            fields = (
                (name, types.Field(_loose(one.type), one.required and not one.default))
                for name, one in type_.fields
            )
            return types.Record(tuple(fields), _loose(type_.rest))
        case types.Map():
            return types.Map(_loose(type_.value), type_.key)
        case types.List():
            return types.List(_loose(type_.element), type_.least, type_.most)
        case types.Union():
            return union(map(_loose, type_.members))
        case types.Refined():
            return _loose(type_.base)
        case types.Ref():
            return types.DYN
    return type_


def _float(value: int) -> float:
    return float(max(min(value, JSON_MOST), -JSON_MOST))

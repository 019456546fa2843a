"""Schemas that refer to the contracts of other definitions, made self-contained.

A reference is ``#/$defs/x`` (within the same schema), ``Charge#/inputs`` or
``Payments.Charge#/outputs/properties/id``; each definition is a resource at the URI
``kernel:///Payments.Charge``. Nothing is ever fetched. `bundle` copies what is referred to into
the ``$defs`` of one document, so that everything after it follows local pointers only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from kernel.errors import Path
from kernel.schema.keywords import all_schemas, rebuilt, subschemas
from kernel.schema.problems import InvalidSchema, Problem
from kernel.structs import struct

URI = "kernel:///"
MAX_DEPTH = 100  # schemas that are nested deeper are refused
MAX_CHECKS = 100_000  # schemas that hold one value against more schemas than that are refused
INT64 = (-(2**63), 2**63 - 1)
_DROPPED = ("$id", "$schema", "$anchor", "$dynamicAnchor", "$dynamicRef", "$vocabulary")
_MISSING = object()


@struct(eq=False)
class Contract:
    """The schemas of one definition that others may refer to.

    ``parts`` maps ``schema``, ``inputs``, ``outputs`` to JSON Schemas; ``schemas`` is where
    references inside of them lead.
    """

    name: str
    parts: Mapping[str, Any]
    schemas: Schemas


class Schemas:
    """Where the references of one module's schemas lead.

    ``lookup`` gives the contract for a name as it is written (``Charge``, ``Payments.Charge``), or
    None.
    """

    __slots__ = ("lookup",)

    def __init__(self, lookup: Callable[[str], Contract | None] = lambda name: None) -> None:
        self.lookup = lookup


NO_SCHEMAS = Schemas()


def pointer(path: Path) -> str:
    """A JSON pointer (RFC 6901) as a URI fragment without its ``#``: `%` is escaped."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "".join("/" + step.replace("%", "%25") for step in steps)


def follow(schema: Any, pointer: str) -> Any:
    """What a JSON pointer leads to; raises KeyError where it leads nowhere."""
    for raw in pointer.split("/")[1:]:
        step = unquote(raw).replace("~1", "/").replace("~0", "~")
        if isinstance(schema, Mapping) and step in schema:
            schema = schema[step]
        elif isinstance(schema, list) and step.isdecimal() and int(step) < len(schema):
            schema = schema[int(step)]
        else:
            raise KeyError(pointer)
    return schema


def local(schema: Any, root: Any) -> Any:
    """The node that a local ``$ref`` leads to; what stands beside the ``$ref`` goes over it."""
    for _ in range(MAX_DEPTH):
        reference = schema.get("$ref") if isinstance(schema, Mapping) else None
        if not isinstance(reference, str) or not reference.startswith("#"):
            break
        try:
            found = follow(root, reference[1:])
        except KeyError:
            break
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**found, **beside} if isinstance(found, Mapping) else found
    return schema


def properties_of(bundled: Any) -> Mapping[str, Any]:
    """The schemas of the properties of a bundled object schema, by name, references followed."""
    properties = _referred(bundled, bundled).get("properties", {})
    return {name: _referred(one, bundled) for name, one in properties.items()}


def _referred(schema: Any, root: Any) -> Mapping[str, Any]:
    while isinstance(schema, Mapping) and "$ref" in schema and "type" not in schema:
        schema = follow(root, schema["$ref"].removeprefix("#"))
    return schema if isinstance(schema, Mapping) else {}


def bundle(schema: Any, schemas: Schemas = NO_SCHEMAS) -> Any:
    """The schema as one document without references to the outside; the given one is not changed.

    ``$id`` and the like are left out; ``type: integer`` gets the bounds of a 64-bit integer,
    which is what CEL computes with. Raises InvalidSchema for references that lead nowhere.
    """
    bundler = _Bundler()
    root = bundler.copy(schema, schema, schemas, "", (), 0)
    while bundler.waiting:
        name, part, home = bundler.waiting.pop()
        bundler.found[name] = bundler.copy(part, part, home, "/$defs" + pointer((name,)), (), 0)
    if bundler.problems:
        raise InvalidSchema(bundler.problems)
    if bundler.found:
        root = {**root, "$defs": {**root.get("$defs", {}), **bundler.found}}
    if bundler.refers:
        _check_circles(root)
    return root


def moved(schema: Any, place: str) -> Any:
    """The schema, made self-contained, as it is written when it stands at ``place``, a pointer.

    Raises InvalidSchema for references that lead nowhere, or to other schemas.
    """
    bundle(schema)
    return _Bundler().copy(schema, schema, NO_SCHEMAS, place, (), 0)


class _Bundler:
    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.names: dict[int, str] = {}
        self.kept: list[Any] = []
        self.found: dict[str, Any] = {}
        self.waiting: list[tuple[str, Any, Schemas]] = []
        self.refers = False

    def copy(
        self, node: Any, root: Any, schemas: Schemas, prefix: str, path: Path, depth: int
    ) -> Any:
        if type(node) is not dict and not isinstance(node, Mapping):
            return node
        if depth > MAX_DEPTH:
            raise InvalidSchema([Problem(path, f"nested more than {MAX_DEPTH} levels deep")])
        made = rebuilt(
            {key: value for key, value in node.items() if key not in _DROPPED},
            lambda step, child: self.copy(child, root, schemas, prefix, path + step, depth + 1),
        )
        reference = node.get("$ref", node.get("$dynamicRef"))
        if reference is not None and not isinstance(reference, str):
            self.problems.append(Problem((*path, "$ref"), "a reference is a string"))
            del made["$ref"]
        elif reference is not None:
            self.refers = True
            made["$ref"] = self._target(reference, root, schemas, prefix, path)
        _bound_integers(made)
        return made

    def _target(self, reference: str, root: Any, schemas: Schemas, prefix: str, path: Path) -> str:
        name, _, fragment = reference.removeprefix(URI).partition("#")
        target = root
        if name:
            part, _, rest = fragment.removeprefix("/").partition("/")
            contract = schemas.lookup(name)
            if contract is None or contract.parts.get(part) is None:
                return self._lost(reference, contract, part, path)
            target = contract.parts[part]
            prefix = "/$defs" + pointer((self._import(contract, part),))
            fragment = f"/{rest}" if rest else ""
        elif fragment and not fragment.startswith("/"):
            anchor = _find_anchor(root, fragment)
            fragment = fragment if anchor is None else pointer(anchor)
        try:
            if fragment and not fragment.startswith("/"):
                raise KeyError(fragment)
            found = follow(target, fragment)
        except KeyError:
            return self._lost(reference, None, "", path)
        if not isinstance(found, Mapping | bool):
            return self._lost(reference, None, "", path)
        return f"#{prefix}{fragment}"

    def _import(self, contract: Contract, part: str) -> str:
        schema = contract.parts[part]
        if id(schema) not in self.names:
            name = base = f"{contract.name}/{part}"
            while name in self.names.values():
                name = f"{base};{len(self.names)}"
            self.names[id(schema)] = name
            self.kept.append(schema)
            self.waiting.append((name, schema, contract.schemas))
        return self.names[id(schema)]

    def _lost(self, reference: str, contract: Contract | None, part: str, path: Path) -> str:
        why = "leads nowhere"
        if contract is not None:
            why = f"leads nowhere: {contract.name} has no {part or 'part'!r} to refer to"
        elif "://" in reference.removeprefix(URI):
            why = "leads nowhere: nothing is fetched"
        self.problems.append(Problem((*path, "$ref"), f"the reference {reference!r} {why}"))
        return "#"


_SAME = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas")


def _check_circles(root: Any) -> None:
    """Raises InvalidSchema where a schema refers to itself without a step into the value.

    And where its references multiply, so that checking one value would take for ever.
    """
    weights: dict[str, int] = {}
    waiting: list[tuple[str, Path]] = [("", ())]
    while waiting:
        place, path = waiting.pop()
        _weigh(root, place, path, weights)
        for step, _ in subschemas(follow(root, place)):
            waiting.append((place + pointer(step), path + step))


def _weigh(root: Any, start: str, path: Path, weights: dict[str, int]) -> None:
    """Count the schemas that one value is held against at ``start``, references followed."""
    open_: list[str] = []
    waiting: list[tuple[str, bool]] = [(start, True)]
    while waiting:
        here, entering = waiting.pop()
        if not entering:
            open_.pop()
            weights[here] = 1 + sum(weights[place] for place in _same_value(root, here))
            if weights[here] > MAX_CHECKS:
                message = f"the references multiply to more than {MAX_CHECKS} schemas for one value"
                raise InvalidSchema([Problem(path, message)])
        elif here in open_:
            raise InvalidSchema([Problem(path, "the references lead in a circle")])
        elif here not in weights:
            open_.append(here)
            waiting.append((here, False))
            waiting.extend((place, True) for place in _same_value(root, here))


def _same_value(root: Any, place: str) -> list[str]:
    """The schemas that hold for the same value as the one at ``place``."""
    node = follow(root, place)
    places = [place + pointer(step) for step, _ in subschemas(node) if step[0] in _SAME]
    if isinstance(node, Mapping) and "$ref" in node:
        places.append(node["$ref"].removeprefix("#"))
    return places


def _bound_integers(made: dict[str, Any]) -> None:
    types = made.get("type")
    names = types if isinstance(types, list) else [types]
    if "integer" not in names or "number" in names:
        return
    for keyword, bound, narrower in (("minimum", INT64[0], max), ("maximum", INT64[1], min)):
        given = made.get(keyword, bound)
        if isinstance(given, int | float):
            made[keyword] = narrower(given, bound)


def _find_anchor(root: Any, name: str) -> Path | None:
    for _, path, node in all_schemas(root):
        if name in (node.get("$anchor"), node.get("$dynamicAnchor")):
            return path
    return None

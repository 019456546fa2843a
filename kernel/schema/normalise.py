"""Defaults and numbers: what a value becomes before it is validated.

A schema is compiled to a function once; it is None where the schema has neither a default nor a
numeric type in reach. The function copies what it changes and gives the same object where it
changes nothing. ``type: number`` makes floats of integers (as JSON readers with doubles do, rounded
beyond 2^53), ``type: integer`` makes integers of whole floats; a position that allows both
keeps what was written.

Followed are properties, patternProperties, additionalProperties, items, prefixItems, allOf, anyOf,
oneOf (the first branch that is valid with its defaults; where there is none, the first that is
valid without them, and what comes of it is refused like any bad default) and $ref. Not followed are
``if``, ``not``, ``dependentSchemas``, ``contains``, ``propertyNames`` and ``unevaluated…``: they
test, they do not describe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from kernel.schema.bundle import follow, pointer
from kernel.schema.engine import pattern_matcher, validator_at
from kernel.schema.keywords import subschemas

Plan = Callable[[Any], Any]
_MISSING = object()
_FOLLOWED = (
    "properties", "patternProperties", "additionalProperties", "items", "prefixItems", "allOf",
    "anyOf", "oneOf",
)  # fmt: skip


def compile_plan(schema: Any, place: str = "") -> Plan | None:
    """The normalisation of values at a node of a bundled schema, whose pointer is ``place``."""
    return _Compiler(schema).plan(follow(schema, place), place)


class _Compiler:
    def __init__(self, root: Any) -> None:
        self.root = root
        self.needs: dict[str, bool] = {}
        self.made: dict[str, Plan | None] = {}

    def plan(self, node: Any, place: str) -> Plan | None:
        if not isinstance(node, Mapping) or not self._needed(place):
            return None
        if place in self.made:
            return self.made[place]
        forward: list[Plan | None] = [None]

        def later(value: Any) -> Any:
            return forward[0](value) if forward[0] else value

        self.made[place] = later  # a reference into this node while it is being made
        plans = [
            {"number": _to_float, "integer": _to_int}.get(_numeric(node) or ""),
            self._object(node, place),
            self._array(node, place),
            *self._conjuncts(node, place),
            self._choice(node, place, "anyOf"),
            self._choice(node, place, "oneOf"),
        ]
        forward[0] = self.made[place] = _chain([plan for plan in plans if plan])
        return forward[0]

    def _needed(self, place: str) -> bool:
        """Whether a default or a numeric type is in reach of the node."""
        if place in self.needs:
            return self.needs[place]
        seen: set[str] = set()
        waiting = [place]
        while waiting:
            here = waiting.pop()
            node = follow(self.root, here)
            if here in seen or not isinstance(node, Mapping):
                continue
            seen.add(here)
            if "default" in node or _numeric(node) is not None or self.needs.get(here):
                self.needs[place] = True
                return True
            waiting += [
                here + pointer(step) for step, _ in subschemas(node) if step[0] in _FOLLOWED
            ]
            if "$ref" in node:
                waiting.append(node["$ref"].removeprefix("#"))
        self.needs.update(dict.fromkeys(seen, False))
        return False

    def _object(self, node: Mapping[str, Any], place: str) -> Plan | None:
        known: list[tuple[str, Plan | None, Any]] = []
        properties = node.get("properties") or {}
        for name, child in properties.items():
            plan = self.plan(child, place + pointer(("properties", name)))
            default = child.get("default", _MISSING) if isinstance(child, Mapping) else _MISSING
            if plan or default is not _MISSING:
                known.append((name, plan, default))
        plans = [_known_properties(known)] if known else []
        patterns: list[Callable[[Any], bool]] = []
        for pattern, child in (node.get("patternProperties") or {}).items():
            patterns.append(pattern_matcher(pattern))
            if plan := self.plan(child, place + pointer(("patternProperties", pattern))):
                plans.append(_properties(patterns[-1], plan))
        if rest := self.plan(node.get("additionalProperties"), f"{place}/additionalProperties"):
            plans.append(_properties(_is_other(properties, patterns), rest))
        return _chain(plans)

    def _array(self, node: Mapping[str, Any], place: str) -> Plan | None:
        first = self._each(node, place, "prefixItems")
        rest = self.plan(node.get("items"), f"{place}/items")
        return _items(first, rest) if rest or any(first) else None

    def _conjuncts(self, node: Mapping[str, Any], place: str) -> list[Plan | None]:
        plans = self._each(node, place, "allOf")
        if (reference := node.get("$ref")) is not None:
            target = reference.removeprefix("#")
            plans.append(self.plan(follow(self.root, target), target))
        return plans

    def _choice(self, node: Mapping[str, Any], place: str, keyword: str) -> Plan | None:
        plans = self._each(node, place, keyword)
        if not any(plans):
            return None
        at = [validator_at(self.root, f"{place}/{keyword}/{n}") for n in range(len(plans))]
        return _first_valid([(plan, one.is_valid) for plan, one in zip(plans, at, strict=True)])

    def _each(self, node: Mapping[str, Any], place: str, keyword: str) -> list[Plan | None]:
        children = enumerate(node.get(keyword) or ())
        return [self.plan(child, f"{place}/{keyword}/{index}") for index, child in children]


def _numeric(node: Mapping[str, Any]) -> str | None:
    """``number`` or ``integer`` where the node allows just one of them."""
    types = node.get("type")
    names = {*types} & {"number", "integer"} if isinstance(types, list) else {types}
    return next(iter(names)) if len(names) == 1 and names <= {"number", "integer"} else None


def _to_float(value: Any) -> Any:
    return float(value) if type(value) is int else value


def _to_int(value: Any) -> Any:
    return int(value) if type(value) is float and value.is_integer() else value


def _chain(plans: list[Plan]) -> Plan | None:
    if len(plans) <= 1:
        return plans[0] if plans else None

    def run(value: Any) -> Any:
        for plan in plans:
            value = plan(value)
        return value

    return run


def _known_properties(known: list[tuple[str, Plan | None, Any]]) -> Plan:
    settled: dict[Plan | None, type] = {_to_float: float, _to_int: int}
    entries = [(name, settled.get(plan), plan, default) for name, plan, default in known]

    def run(value: Any) -> Any:
        if type(value) is not dict:
            return value
        made: dict[str, Any] = value
        for name, done, plan, default in entries:
            old = value.get(name, _MISSING)
            if type(old) is done:
                continue
            if old is _MISSING:
                if default is _MISSING:
                    continue
                new = plan(deepcopy(default)) if plan else deepcopy(default)
            elif plan is None or (new := plan(old)) is old:
                continue
            if made is value:
                made = value.copy()
            made[name] = new
        return made

    return run


def _properties(is_meant: Callable[[str], bool], plan: Plan) -> Plan:
    def run(value: Any) -> Any:
        if type(value) is not dict:
            return value
        made = value
        for name, old in value.items():
            if is_meant(name) and (new := plan(old)) is not old:
                made = value.copy() if made is value else made
                made[name] = new
        return made

    return run


def _is_other(
    known: Mapping[str, Any], patterns: list[Callable[[Any], bool]]
) -> Callable[[str], bool]:
    return lambda name: name not in known and not any(matches(name) for matches in patterns)


def _items(first: list[Plan | None], rest: Plan | None) -> Plan:
    def run(value: Any) -> Any:
        if type(value) is not list:
            return value
        made = value
        for index, old in enumerate(value):
            plan = first[index] if index < len(first) else rest
            if plan is not None and (new := plan(old)) is not old:
                made = value.copy() if made is value else made
                made[index] = new
        return made

    return run


def _first_valid(branches: list[tuple[Plan | None, Callable[[Any], bool]]]) -> Plan:
    def run(value: Any) -> Any:
        completed: Any = _MISSING
        for plan, valid in branches:
            candidate = plan(value) if plan else value
            if valid(candidate):
                return candidate
            if completed is _MISSING and candidate is not value and valid(value):
                completed = candidate
        return value if completed is _MISSING else completed

    return run

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

from kernel.schema.bundle import follow
from kernel.schema.engine import pattern_matcher, validator_at

Plan = Callable[[Any], Any]
Tests = Callable[[str], Callable[[Any], bool]]
"""From a pointer or a pattern to what tells whether a value fits there."""

_MISSING = object()


def compile_plan(schema: Any, pointer: str = "") -> Plan | None:
    """The normalisation of values at a node of a bundled schema."""
    compiler = _Compiler(
        schema, lambda place: validator_at(schema, place).is_valid, pattern_matcher
    )
    return compiler.plan(follow(schema, pointer), pointer)


class _Compiler:
    def __init__(self, root: Any, valid_at: Tests, matches: Tests) -> None:
        self.root = root
        self.valid_at = valid_at
        self.matches = matches
        self.needs: dict[str, bool] = {}
        self.made: dict[str, Plan | None] = {}

    def plan(self, node: Any, pointer: str) -> Plan | None:
        if not isinstance(node, Mapping) or not self._needed(pointer):
            return None
        if pointer in self.made:
            return self.made[pointer]
        forward: list[Plan | None] = [None]

        def later(value: Any) -> Any:
            return forward[0](value) if forward[0] else value

        self.made[pointer] = later  # a reference into this node while it is being made
        plans = [
            self._number(node),
            self._object(node, pointer),
            self._array(node, pointer),
            *self._conjuncts(node, pointer),
            self._choice(node, pointer, "anyOf"),
            self._choice(node, pointer, "oneOf"),
        ]
        forward[0] = self.made[pointer] = _chain([plan for plan in plans if plan])
        return forward[0]

    def _needed(self, pointer: str) -> bool:
        """Whether a default or a numeric type is in reach of the node."""
        if pointer in self.needs:
            return self.needs[pointer]
        seen: set[str] = set()
        waiting = [pointer]
        while waiting:
            here = waiting.pop()
            node = follow(self.root, here)
            if here in seen or not isinstance(node, Mapping):
                continue
            seen.add(here)
            if "default" in node or _numeric(node) is not None or self.needs.get(here):
                self.needs[pointer] = True
                return True
            waiting += _reached(node, here)
        self.needs.update(dict.fromkeys(seen, False))
        return False

    def _number(self, node: Mapping[str, Any]) -> Plan | None:
        return {"number": _to_float, "integer": _to_int}.get(_numeric(node) or "")

    def _object(self, node: Mapping[str, Any], pointer: str) -> Plan | None:
        known: list[tuple[str, Plan | None, Any]] = []
        properties = node.get("properties") or {}
        for name, child in properties.items():
            place = f"{pointer}/properties/{_escape(name)}"
            plan = self.plan(child, place)
            default = child.get("default", _MISSING) if isinstance(child, Mapping) else _MISSING
            if plan or default is not _MISSING:
                known.append((name, plan, default))
        patterns = [
            (self.matches(pattern), plan)
            for pattern, child in (node.get("patternProperties") or {}).items()
            if (plan := self.plan(child, f"{pointer}/patternProperties/{_escape(pattern)}"))
        ]
        every = [self.matches(pattern) for pattern in node.get("patternProperties") or {}]
        rest = self.plan(node.get("additionalProperties"), f"{pointer}/additionalProperties")
        plans = [_known_properties(known) if known else None]
        if patterns:
            plans.append(_pattern_properties(patterns))
        if rest:
            plans.append(_other_properties(frozenset(properties), every, rest))
        return _chain([plan for plan in plans if plan])

    def _array(self, node: Mapping[str, Any], pointer: str) -> Plan | None:
        first = [
            self.plan(child, f"{pointer}/prefixItems/{index}")
            for index, child in enumerate(node.get("prefixItems") or ())
        ]
        rest = self.plan(node.get("items"), f"{pointer}/items")
        return _items(first, rest) if rest or any(first) else None

    def _conjuncts(self, node: Mapping[str, Any], pointer: str) -> list[Plan | None]:
        plans = [
            self.plan(child, f"{pointer}/allOf/{index}")
            for index, child in enumerate(node.get("allOf") or ())
        ]
        if (reference := node.get("$ref")) is not None:
            target = reference.removeprefix("#")
            plans.append(self.plan(follow(self.root, target), target))
        return plans

    def _choice(self, node: Mapping[str, Any], pointer: str, keyword: str) -> Plan | None:
        branches = [
            (self.plan(child, f"{pointer}/{keyword}/{index}"), f"{pointer}/{keyword}/{index}")
            for index, child in enumerate(node.get(keyword) or ())
        ]
        if not any(plan for plan, _ in branches):
            return None
        return _first_valid([(plan, self.valid_at(place)) for plan, place in branches])


def _reached(node: Mapping[str, Any], pointer: str) -> list[str]:
    """The pointers of the nodes that normalisation follows from a node."""
    found = [f"{pointer}/{key}" for key in ("additionalProperties", "items") if key in node]
    for keyword in ("properties", "patternProperties"):
        found += [f"{pointer}/{keyword}/{_escape(name)}" for name in node.get(keyword) or ()]
    for keyword in ("prefixItems", "allOf", "anyOf", "oneOf"):
        found += [f"{pointer}/{keyword}/{index}" for index in range(len(node.get(keyword) or ()))]
    return found + ([node["$ref"].removeprefix("#")] if "$ref" in node else [])


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


def _pattern_properties(patterns: list[tuple[Callable[[Any], bool], Plan]]) -> Plan:
    def run(value: Any) -> Any:
        if type(value) is not dict:
            return value
        made = value
        for matches, plan in patterns:
            for name in value:
                if matches(name) and (new := plan(made[name])) is not made[name]:
                    made = value.copy() if made is value else made
                    made[name] = new
        return made

    return run


def _other_properties(
    known: frozenset[str], patterns: list[Callable[[Any], bool]], plan: Plan
) -> Plan:
    def run(value: Any) -> Any:
        if type(value) is not dict:
            return value
        made = value
        for name, old in value.items():
            if name in known or any(matches(name) for matches in patterns):
                continue
            if (new := plan(old)) is not old:
                made = value.copy() if made is value else made
                made[name] = new
        return made

    return run


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


def _escape(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1").replace("%", "%25")

"""Generated schemas with all keywords that people use, and values that the validator takes.

Unlike :mod:`tests.analyzer.schemas`, what conforms is not known here: values are guessed, and the
validator says which of them fit.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from kernel.schema import Schema, SchemaError

Node = dict[str, Any]

NAMES = ("a", "b", "c", "tag", "x-y")
TEXTS = ("", "a", "b", "ab", "7", "paid", "a,b", "zz")
TAGS = ("a", "b", "paid")
DEPTH = 3


def shape(rng: random.Random, depth: int = DEPTH) -> Node:
    """A schema; at the top it may define others, one of which may contain itself."""
    if depth < DEPTH or rng.random() < 0.6:
        return _any(rng, depth, ())
    names = ("Leaf", "Tree")
    leaf = _any(rng, 1, ())
    tree = _object(rng, 1, names[:1])
    again = {"$ref": "#/$defs/Tree"}
    tree["properties"]["next"] = rng.choice(
        [again, {"type": "array", "items": again}, {"anyOf": [again, {"type": "null"}]}]
    )
    return {**_object(rng, depth, names), "$defs": {"Leaf": leaf, "Tree": tree}}


def _any(rng: random.Random, depth: int, refs: tuple[str, ...]) -> Node:
    if refs and rng.random() < 0.25:
        return {"$ref": f"#/$defs/{rng.choice(refs)}"}
    if depth <= 0 or rng.random() < 0.3:
        return rng.choice(_SCALARS)(rng)
    return rng.choice(_NESTED)(rng, depth - 1, refs)


_SCALARS: tuple[Callable[[random.Random], Node], ...] = (
    lambda rng: {"type": "boolean"},
    lambda rng: {"type": "integer"},
    lambda rng: {"type": "integer", "minimum": rng.randint(-1, 1)},
    lambda rng: {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": rng.randint(2, 4)},
    lambda rng: {"type": "integer", "multipleOf": 2},
    lambda rng: {"type": "number"},
    lambda rng: {"type": "number", "minimum": 0, "maximum": rng.choice([1, 2.5])},
    lambda rng: {"type": "string"},
    lambda rng: {"type": "string", "minLength": rng.randint(1, 2)},
    lambda rng: {"type": "string", "maxLength": rng.randint(0, 1)},
    lambda rng: {"type": "string", "pattern": "^[a-z]*$"},
    lambda rng: {"type": "null"},
    lambda rng: {"enum": rng.sample(TAGS, 2)},
    lambda rng: {"enum": rng.sample([1, 2, "a", None, True, 1.5], 3)},
    lambda rng: {"type": "number", "enum": [1, 2.5]},
    lambda rng: {"const": rng.choice([1, "a", None, False, 2.0])},
    lambda rng: {"type": rng.sample(["integer", "string", "null", "boolean"], 2)},
    lambda rng: {"type": ["integer", "number"]},
    lambda rng: {"anyOf": [{"type": "integer"}, {"type": "number", "minimum": 2}]},
    lambda rng: {"allOf": [{"type": "number"}, {"type": "integer"}]},
    lambda rng: {"type": "integer", "not": {"const": 1}},
    lambda rng: {"type": "string", "nullable": True},
)


def _object(rng: random.Random, depth: int, refs: tuple[str, ...]) -> Node:
    names = rng.sample(NAMES[:4], rng.randint(0, 3))
    made: Node = {
        "type": "object",
        "properties": {name: _any(rng, depth, refs) for name in names},
        "required": [name for name in names if rng.random() < 0.4],
    }
    rest = rng.random()
    if rest < 0.6:
        made["additionalProperties"] = False
    elif rest < 0.8:
        made["additionalProperties"] = _any(rng, depth - 1, refs)
    if rng.random() < 0.15:
        made["patternProperties"] = {"^x-": _any(rng, depth - 1, refs)}
    if rng.random() < 0.1:
        made["propertyNames"] = {"maxLength": 4}
    if names and rng.random() < 0.1:
        made["minProperties"] = 1
    return made


def _defaulted(rng: random.Random, depth: int, refs: tuple[str, ...]) -> Node:
    inner = {"type": "object", "properties": {"c": {"type": "number", "default": 1}}}
    inner["additionalProperties"] = False
    made = _object(rng, depth, refs)
    made["properties"]["a"] = {"type": "integer", "default": 3}
    made["properties"]["b"] = {**inner, "default": {}} if rng.random() < 0.7 else inner
    return made


def _array(rng: random.Random, depth: int, refs: tuple[str, ...]) -> Node:
    made: Node = {"type": "array", "items": _any(rng, depth, refs)}
    for keyword, value in (("minItems", 1), ("maxItems", 2), ("uniqueItems", True)):
        if rng.random() < 0.25:
            made[keyword] = value
    return made


def _tuple(rng: random.Random, depth: int, refs: tuple[str, ...]) -> Node:
    first = [_any(rng, depth - 1, refs) for _ in range(rng.randint(1, 2))]
    made: Node = {"type": "array", "prefixItems": first}
    made["items"] = rng.choice([False, {"type": "integer"}, _any(rng, depth - 1, refs)])
    if rng.random() < 0.5:
        made["minItems"] = len(first)
    return made


def _table(rng: random.Random, depth: int, refs: tuple[str, ...]) -> Node:
    return {"type": "object", "additionalProperties": _any(rng, depth, refs)}


def _tagged(rng: random.Random, depth: int, refs: tuple[str, ...]) -> Node:
    made = []
    for tag in rng.sample(TAGS, rng.randint(2, 3)):
        one = _object(rng, depth, refs)
        one["properties"]["tag"] = rng.choice([{"const": tag}, {"enum": [tag]}])
        one["required"] = sorted({*one["required"], "tag"})
        if rng.random() < 0.7:
            one["additionalProperties"] = False
        made.append(one)
    return {rng.choice(["oneOf", "anyOf"]): made}


def _either(rng: random.Random, depth: int, refs: tuple[str, ...]) -> Node:
    one, other = _any(rng, depth, refs), _any(rng, depth, refs)
    keyword = "anyOf" if one == other else rng.choice(["anyOf", "oneOf"])
    return {keyword: [one, other]}


def _nullable(rng: random.Random, depth: int, refs: tuple[str, ...]) -> Node:
    return {"anyOf": [_any(rng, depth, refs), {"type": "null"}]}


def _both(rng: random.Random, depth: int, refs: tuple[str, ...]) -> Node:
    one, other = _object(rng, depth, refs), _object(rng, depth, refs)
    for part in (one, other):
        part.pop("additionalProperties", None)
        part.pop("minProperties", None)
    for name in one["properties"].keys() & other["properties"].keys():
        if rng.random() < 0.8:
            other["properties"][name] = one["properties"][name]
    return {"allOf": [one, other], "type": "object"}


def _dependent(rng: random.Random, depth: int, refs: tuple[str, ...]) -> Node:
    made = _object(rng, depth, refs)
    made["properties"] |= {"a": {"type": "integer"}, "b": {"type": "string"}}
    made["dependentRequired"] = {"a": ["b"]}
    return made


_NESTED: tuple[Callable[[random.Random, int, tuple[str, ...]], Node], ...] = (
    _object, _object, _object, _defaulted, _array, _array, _tuple, _table, _tagged, _tagged,
    _either, _nullable, _nullable, _both, _dependent,
)  # fmt: skip


IN_PART = frozenset({
    "uniqueItems", "not", "patternProperties", "propertyNames", "minProperties",
    "dependentRequired", "prefixItems", "multipleOf", "pattern",
})  # fmt: skip
"""Keywords that types say in part only (K106): of what must fit them, too little is known."""


def told(schema: Any) -> Any:
    """The schema without what types say in part only."""
    if isinstance(schema, list):
        return [told(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: told(part) for key, part in schema.items() if key not in IN_PART}
    if kept.get("type") == "array" and not isinstance(kept.get("items"), dict):
        kept["items"] = {"type": "integer"}
    return kept


def value(rng: random.Random, schema: Schema, written: Node, tries: int = 6) -> Any:
    """A value as it is delivered; raises SchemaError where none was found."""
    for _ in range(tries):
        try:
            return schema.conform(guess(rng, written, written))
        except SchemaError as error:
            last = error
    raise last


def guess(rng: random.Random, node: Any, root: Node, depth: int = 6) -> Any:
    """A value that may fit a schema."""
    if not isinstance(node, Mapping):
        return None
    if "$ref" in node:
        if depth < -9:
            return None
        return guess(rng, root["$defs"][node["$ref"].rpartition("/")[2]], root, depth - 1)
    for keyword in ("oneOf", "anyOf"):
        if keyword in node:
            chosen = rng.choice(node[keyword])
            return _with_more(rng, node[keyword], chosen, guess(rng, chosen, root, depth))
    if "allOf" in node:
        return _all_of([guess(rng, one, root, depth) for one in node["allOf"]])
    if "const" in node:
        return node["const"]
    if "enum" in node:
        return rng.choice(node["enum"])
    kinds = node.get("type", "null")
    kind = rng.choice(kinds) if isinstance(kinds, list) else kinds
    return _GUESSES[kind](rng, node, root, depth)


def _with_more(rng: random.Random, alternatives: Any, chosen: Any, made: Any) -> Any:
    """A value of an open alternative may have anything under the names of the others."""
    others = {name for one in alternatives for name in one.get("properties", {})}
    if not isinstance(made, dict) or "additionalProperties" in chosen or rng.random() < 0.5:
        return made
    more = sorted(others - chosen.get("properties", {}).keys() - made.keys())
    return made | {name: rng.choice((1, "a", None, [])) for name in more}


def _all_of(values: list[Any]) -> Any:
    if all(isinstance(one, dict) for one in values):
        return {name: part for one in values for name, part in one.items()}
    return values[-1]


def _text(rng: random.Random, node: Any, root: Node, depth: int) -> str:
    least, most = node.get("minLength", 0), node.get("maxLength", 9)
    return rng.choice([one for one in TEXTS if least <= len(one) <= most])


def _number(rng: random.Random, node: Any, root: Node, depth: int) -> Any:
    return rng.choice([0, 1, 1.0, 2.5, -1.5, 0.5, 3])


def _elements(rng: random.Random, node: Any, root: Node, depth: int) -> list[Any]:
    first = node.get("prefixItems", [])
    least = node.get("minItems", 0)
    count = least if depth <= 0 else rng.randint(least, min(node.get("maxItems", 3), 3))
    rest = node.get("items")
    count = min(count, len(first)) if rest is False else count
    return [guess(rng, first[n] if n < len(first) else rest, root, depth - 1) for n in range(count)]


def _members(rng: random.Random, node: Any, root: Node, depth: int) -> dict[str, Any]:
    properties = node.get("properties", {})
    wanted = {*node.get("required", ())}
    made = {
        name: guess(rng, part, root, depth - 1)
        for name, part in properties.items()
        if name in wanted or (depth > 0 and rng.random() < 0.5)
    }
    rest = node.get("additionalProperties")
    if isinstance(rest, Mapping) and depth > 0:
        for name in rng.sample(NAMES[:4], rng.randint(0, 2)):
            if name not in properties:
                made[name] = guess(rng, rest, root, depth - 1)
    for part in node.get("patternProperties", {}).values():
        if rng.random() < 0.5:
            made["x-y"] = guess(rng, part, root, depth - 1)
    return made


_GUESSES: Mapping[str, Callable[[random.Random, Any, Node, int], Any]] = {
    "null": lambda rng, node, root, depth: None,
    "boolean": lambda rng, node, root, depth: rng.random() < 0.5,
    "integer": lambda rng, node, root, depth: rng.randint(-1, 4),
    "number": _number,
    "string": _text,
    "array": _elements,
    "object": _members,
}

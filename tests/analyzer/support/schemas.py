"""Generated schemas, and values for them: what the laws of the analyzer are tested with."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

from kernel.schema import SchemaError, check_schema, compile_schema

NAMES = st.sampled_from(["a", "b", "kind"])
ATOMS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.5, 1.0, -2.0])
    | st.sampled_from(["", "a", "bb", "x"])
)
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


def _numbers(kind: str) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"type": st.just(kind)},
        optional={
            "minimum": st.integers(-2, 2),
            "maximum": st.integers(0, 3),
            "exclusiveMinimum": st.sampled_from([-1, 0.5]),
        },
    )


STRINGS = st.fixed_dictionaries(
    {"type": st.just("string")},
    optional={
        "minLength": st.integers(0, 2),
        "maxLength": st.integers(1, 3),
        "pattern": st.sampled_from(["^a", "b+$"]),
        "format": st.just("date-time"),
    },
)
CHOSEN = st.one_of(
    st.builds(lambda values: {"enum": values}, st.lists(ATOMS, min_size=1, max_size=3)),
    st.builds(lambda value: {"const": value}, VALUES),
    st.builds(
        lambda texts: {"type": "string", "enum": texts},
        st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, unique=True),
    ),
)
PLAIN = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
LEAVES = st.one_of(
    st.builds(lambda kind: {"type": kind}, PLAIN),
    st.builds(lambda kinds: {"type": kinds}, st.lists(PLAIN, min_size=1, max_size=2, unique=True)),
    _numbers("integer"),
    _numbers("number"),
    STRINGS,
    CHOSEN,
    st.just({}),
    st.sampled_from([{"$ref": "#"}, {"$ref": "#/$defs/tree"}, {"$ref": "#/$defs/money"}]),
)
DEFS: dict[str, Any] = {
    "tree": {
        "type": "object",
        "properties": {
            "value": {"type": "integer"},
            "next": {"anyOf": [{"$ref": "#/$defs/tree"}, {"type": "null"}], "default": None},
        },
        "required": ["value"],
    },
    "money": {"type": "number", "minimum": 0},
}


def _objects(child: st.SearchStrategy[Any], more: bool) -> st.SearchStrategy[Any]:
    extra = {
        "patternProperties": st.dictionaries(st.sampled_from(["^a", "d$"]), child, max_size=1),
        "minProperties": st.integers(0, 2),
        "propertyNames": st.just({"maxLength": 2}),
        "dependentRequired": st.just({"a": ["b"]}),
        "unevaluatedProperties": st.just(False),
    }
    return st.fixed_dictionaries(
        {"properties": st.dictionaries(NAMES, child, max_size=3)},
        optional={
            "type": st.just("object"),
            "required": st.lists(NAMES, max_size=2, unique=True),
            "additionalProperties": st.just(False) | child,
            **(extra if more else {}),
        },
    )


def _arrays(child: st.SearchStrategy[Any], more: bool) -> st.SearchStrategy[Any]:
    extra = {
        "prefixItems": st.lists(child, min_size=1, max_size=2),
        "uniqueItems": st.booleans(),
        "contains": child,
    }
    return st.fixed_dictionaries(
        {"type": st.just("array")},
        optional={
            "items": child,
            "minItems": st.integers(0, 2),
            "maxItems": st.integers(0, 3),
            **(extra if more else {}),
        },
    )


def _defaulted(child: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(lambda schema, value: {**schema, "default": value}, child, ATOMS)


def _mixed(child: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Keywords of all kinds beside each other."""
    few = st.lists(child, min_size=1, max_size=2)
    return st.builds(
        lambda base, more: {**base, **more},
        child,
        st.fixed_dictionaries(
            {},
            optional={
                "allOf": few,
                "anyOf": few,
                "oneOf": few,
                "not": child,
                "if": child,
                "then": child,
                "multipleOf": st.integers(1, 2),
            },
        ),
    )


def schemas(more: bool = True) -> st.SearchStrategy[Any]:
    """Valid schemas that some value may fit; without ``more``, those that types can say."""

    def grow(child: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        kinds = [
            _objects(child | _defaulted(child), more),
            _arrays(child, more),
            st.builds(
                lambda branches: {"anyOf": branches}, st.lists(child, min_size=1, max_size=3)
            ),
            st.builds(
                lambda branches: {"oneOf": branches}, st.lists(child, min_size=1, max_size=3)
            ),
            st.builds(lambda parts: {"allOf": parts}, st.lists(child, min_size=1, max_size=2)),
        ]
        return st.one_of(*kinds, *([_mixed(child)] if more else []))

    grown = st.recursive(LEAVES, grow, max_leaves=8)
    return grown.map(_with_defs).filter(lambda schema: not check_schema(schema))


def _with_defs(schema: Any) -> Any:
    made = copy.deepcopy(schema)
    if "#/$defs" in json.dumps(made):
        made["$defs"] = copy.deepcopy(DEFS)
    return made


@st.composite
def values(draw: st.DrawFn, schema: Any) -> Any:
    """Values that are likely to fit a schema, before defaults and numbers; some do not."""
    return _value(draw, schema, schema, 0)


def conformed(schema: Any, value: Any) -> list[Any]:
    """What a value becomes when it fits, in a list; an empty list when it does not."""
    try:
        return [compile_schema(schema).conform(value)]
    except SchemaError:
        return []


def _value(draw: st.DrawFn, root: Any, schema: Any, depth: int) -> Any:
    if not isinstance(schema, dict) or depth > 6:
        return draw(ATOMS)
    if "$ref" in schema:
        target = root if schema["$ref"] == "#" else root["$defs"][schema["$ref"][8:]]
        return _value(draw, root, target, depth + 1)
    if "const" in schema:
        return copy.deepcopy(schema["const"])
    if "enum" in schema:
        return copy.deepcopy(draw(st.sampled_from(schema["enum"])))
    parts = [_value(draw, root, part, depth + 1) for part in schema.get("allOf", ())]
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            branch = draw(st.sampled_from(schema[keyword]))
            parts.append(_value(draw, root, branch, depth + 1))
    if parts and not all(isinstance(part, dict) for part in parts):
        return parts[0]
    own = _own(draw, root, schema, depth) if "type" in schema or not parts else {}
    if isinstance(own, dict):
        for part in parts:
            own = {**own, **part}
    return own


def _own(draw: st.DrawFn, root: Any, schema: Any, depth: int) -> Any:
    kinds = schema.get("type", "object" if "properties" in schema else None)
    kind = draw(st.sampled_from(kinds)) if isinstance(kinds, list) else kinds
    match kind:
        case "null":
            return None
        case "boolean":
            return draw(st.booleans())
        case "integer":
            return draw(st.integers(-3, 3) | st.sampled_from([1.0, 2.0]))
        case "number":
            return draw(st.integers(-3, 3) | st.sampled_from([0.5, 1.0, 2.5]))
        case "string":
            return draw(st.sampled_from(["", "a", "bb", "ab", "abb", "x"]))
        case "array":
            return _items(draw, root, schema, depth)
        case "object":
            return _fields(draw, root, schema, depth)
    return draw(VALUES)


def _items(draw: st.DrawFn, root: Any, schema: Any, depth: int) -> list[Any]:
    prefix = schema.get("prefixItems", [])
    most = min(schema.get("maxItems", 3), 0 if depth > 4 else 3)
    count = draw(st.integers(min(schema.get("minItems", 0), most), most))
    nodes = [prefix[i] if i < len(prefix) else schema.get("items", True) for i in range(count)]
    return [_value(draw, root, node, depth + 1) for node in nodes]


def _fields(draw: st.DrawFn, root: Any, schema: Any, depth: int) -> dict[str, Any]:
    required = schema.get("required", [])
    made = {}
    for name in {**dict.fromkeys(required), **schema.get("properties", {})}:
        node = schema.get("properties", {}).get(name, schema.get("additionalProperties", True))
        if name in required or (depth < 5 and draw(st.booleans())):
            made[name] = _value(draw, root, node, depth + 1)
    if schema.get("additionalProperties", True) is not False and draw(st.booleans()):
        made["zz"] = _value(draw, root, schema.get("additionalProperties", True), depth + 1)
    return made


@st.composite
def related(draw: st.DrawFn) -> tuple[Any, Any]:
    """Two schemas that have something in common, since others are hardly ever assignable."""
    one = draw(schemas())
    other = copy.deepcopy(one) if draw(st.booleans()) else draw(schemas())
    for _ in range(draw(st.integers(0, 2))):
        other = _changed(draw, other)
    return (other, one) if draw(st.booleans()) else (one, other)


def _changed(draw: st.DrawFn, schema: Any) -> Any:
    nodes = [schema]
    for node in nodes:
        nodes += [child for child in _children(node) if isinstance(child, dict)]
    node = draw(st.sampled_from(nodes))
    kept = [key for key in node if key != "$defs"]
    before = copy.deepcopy(schema)
    if kept and draw(st.booleans()):
        del node[draw(st.sampled_from(kept))]
    else:
        node.update(draw(CHANGES))
    return before if check_schema(schema) else schema


CHANGES = st.sampled_from(
    [
        {"minimum": 1},
        {"minLength": 1},
        {"minItems": 1},
        {"required": ["a"]},
        {"additionalProperties": False},
        {"type": ["string", "null"]},
        {"type": "number"},
        {"default": None},
        {"default": 1},
        {"multipleOf": 2},
        {"not": {"const": 1}},
    ]
)


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        named = [node.get("properties", {}), node.get("patternProperties", {})]
        listed = [node.get(key, []) for key in ("anyOf", "oneOf", "allOf", "prefixItems")]
        inner = [child for box in named for child in box.values()]
        inner += [child for box in listed for child in box]
        return inner + [node[key] for key in ("items", "additionalProperties") if key in node]
    return []

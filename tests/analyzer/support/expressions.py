"""Generated schemas with values that conform to them, and expressions over them.

From a seed, so that many cases are quick. Expressions are of the right kinds most of the time, and
guard what they read most of the time, in the many ways that there are to write a guard.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

WORDS = ("a", "b", "paid", "x y", "")
FIELDS = ("f", "g", "h", "kind")
PAIRS = (["string", "null"], ["integer", "string"], ["number", "null"])
KINDS = ("bool", "int", "double", "string", "list", "map")


@dataclass
class Names:
    """What can be read at a place: texts of paths with their schemas and guards."""

    paths: list[tuple[str, dict[str, Any], tuple[str, ...]]]
    count: int = 0


def schema(rng: random.Random, depth: int = 3) -> dict[str, Any]:
    """A schema of what people pass around."""
    scalars = [
        lambda: {"type": "boolean"},
        lambda: {"type": "integer"},
        lambda: {"type": "integer", "minimum": rng.randint(-2, 2), "maximum": rng.randint(2, 5)},
        lambda: {"type": "number"},
        lambda: {"type": "string"},
        lambda: {"type": "string", "minLength": rng.randint(1, 2)},
        lambda: {"enum": rng.sample(["a", "b", "paid"], rng.randint(1, 3))},
        lambda: {
            "type": rng.choice([["string", "null"], ["integer", "string"], ["number", "null"]])
        },
        lambda: {"enum": [1, 2, None]},
    ]
    if depth == 0 or rng.random() < 0.35:
        return rng.choice(scalars)()
    return rng.choice(
        [_object, _object, _object, _array, _array, _table, _variants, _nullable, _with_default]
    )(rng, depth - 1)


def _object(rng: random.Random, depth: int) -> dict[str, Any]:
    names = rng.sample(FIELDS, rng.randint(0, 3))
    made: dict[str, Any] = {
        "type": "object",
        "properties": {name: schema(rng, depth) for name in names},
    }
    if rng.random() < 0.9:
        made["required"] = [name for name in names if rng.random() < 0.5]
    if rng.random() < 0.7:
        made["additionalProperties"] = rng.choice([False, False, {"type": "integer"}])
    return made


def _array(rng: random.Random, depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "array", "items": schema(rng, depth)}
    if rng.random() < 0.3:
        made["minItems"] = rng.randint(1, 2)
    if rng.random() < 0.3:
        made["maxItems"] = 3
    return made


def _table(rng: random.Random, depth: int) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": schema(rng, depth)}


def _variants(rng: random.Random, depth: int) -> dict[str, Any]:
    def variant(kind: str, name: str) -> dict[str, Any]:
        properties = {"kind": {"const": kind}, name: schema(rng, depth)}
        return {
            "type": "object",
            "properties": properties,
            "required": ["kind", name] if rng.random() < 0.7 else ["kind"],
            "additionalProperties": False,
        }

    return {rng.choice(["oneOf", "anyOf"]): [variant("a", "f"), variant("b", rng.choice("fg"))]}


def _nullable(rng: random.Random, depth: int) -> dict[str, Any]:
    return {"anyOf": [schema(rng, depth), {"type": "null"}]}


def _with_default(rng: random.Random, depth: int) -> dict[str, Any]:
    properties = {"f": {"type": "integer", "default": 1}, "g": schema(rng, depth)}
    return {"type": "object", "properties": properties, "required": []}


def value(rng: random.Random, of: dict[str, Any]) -> Any:
    """A value that conforms to a schema of this module."""
    for keyword in ("oneOf", "anyOf"):
        if keyword in of:
            return value(rng, rng.choice(of[keyword]))
    if "const" in of:
        return of["const"]
    if "enum" in of:
        return rng.choice(of["enum"])
    kind = of["type"]
    kind = rng.choice(kind) if isinstance(kind, list) else kind
    match kind:
        case "null":
            return None
        case "boolean":
            return rng.random() < 0.5
        case "integer":
            return rng.randint(of.get("minimum", -3), of.get("maximum", 3))
        case "number":
            return rng.choice([0.0, -1.5, 1.0, 2.5])
        case "string":
            return rng.choice([w for w in WORDS if len(w) >= of.get("minLength", 0)])
        case "array":
            count = rng.randint(of.get("minItems", 0), of.get("maxItems", 3))
            return [value(rng, of["items"]) for _ in range(count)]
    return _members(rng, of)


def _members(rng: random.Random, of: dict[str, Any]) -> dict[str, Any]:
    properties = of.get("properties", {})
    made = {
        name: value(rng, part)
        for name, part in properties.items()
        if name in of.get("required", ()) or rng.random() < 0.5
    }
    rest = of.get("additionalProperties", True)
    if rest is not False and rng.random() < 0.5:
        name = rng.choice([*FIELDS, "zz"])
        if name not in properties:
            made[name] = value(rng, rest) if isinstance(rest, dict) else rng.choice(WORDS)
    return made


def expression(rng: random.Random, schemas: dict[str, dict[str, Any]]) -> str:
    """An expression over names with these schemas."""
    names = Names([])
    for name, of in schemas.items():
        _collect(rng, names, name, of, (), 4)
    return _of_kind(rng, names, rng.choice((*KINDS, "any")), 4)


def _collect(
    rng: random.Random,
    names: Names,
    text: str,
    of: dict[str, Any],
    guards: tuple[str, ...],
    depth: int,
) -> None:
    if not isinstance(of, dict):
        return
    names.paths.append((text, of, guards))
    if depth == 0 or len(names.paths) > 60:
        return
    for branch in (*of.get("oneOf", ()), *of.get("anyOf", ())):
        if branch == {"type": "null"}:
            continue
        more = guards
        if {"type": "null"} in of.get("anyOf", ()):
            more = (*guards, rng.choice([f"{text} != null", f"!({text} == null)"]))
        constant = branch.get("properties", {}).get("kind", {}).get("const")
        if constant:
            test = rng.choice(["{0}.kind == '{1}'", "{0}.kind in ['{1}']", "!({0}.kind != '{1}')"])
            more = (*more, test.format(text, constant))
        _collect(rng, names, text, branch, more, depth - 1)
    for name, part in of.get("properties", {}).items():
        path = rng.choice([f"{text}.{name}", f"{text}.{name}", f"{text}['{name}']"])
        test = rng.choice([f"has({text}.{name})", f"'{name}' in {text}"])
        more = guards if name in of.get("required", ()) else (*guards, test)
        _collect(rng, names, path, part, more, depth - 1)
    rest = of.get("additionalProperties")
    if isinstance(rest, dict):
        _collect(rng, names, f"{text}.zz", rest, (*guards, f"has({text}.zz)"), depth - 1)
    if "items" in of:
        _positions(rng, names, text, of, guards, depth)


def _positions(
    rng: random.Random,
    names: Names,
    text: str,
    of: dict[str, Any],
    guards: tuple[str, ...],
    depth: int,
) -> None:
    at = rng.randint(0, 1)
    tests = [f"size({text}) > {at}", f"{text}.size() >= {at + 1}", f"!(size({text}) <= {at})"]
    tests += [f"{text} != []"] if at == 0 else []
    _collect(rng, names, f"{text}[{at}]", of["items"], (*guards, rng.choice(tests)), depth - 1)


def _kind(of: dict[str, Any]) -> str:
    kind = of.get("type")
    if isinstance(kind, list):
        return kind[0] if kind[0] != "integer" else "int"
    if "enum" in of or "const" in of:
        return "string"
    names = {"boolean": "bool", "integer": "int", "number": "double", "array": "list"}
    return names.get(str(kind), "map" if kind == "object" else str(kind))


def _default(rng: random.Random, kind: str) -> str:
    defaults = {
        "bool": ["true", "false"],
        "int": ["0", "1", "-2", "7"],
        "double": ["0.5", "1.0"],
        "string": ["''", "'a'", "'paid'", "'zzz'"],
        "list": ["[]", "[1]", "['a', 'b']"],
        "map": ["{}", "{'f': 1}", "{'g': 'a', 'h': [1]}"],
    }
    return rng.choice(defaults.get(kind, ["null", "1", "'a'"]))


def _read(rng: random.Random, names: Names, kind: str, depth: int) -> str:
    """A path of a kind, with its guards around it in one of the ways there are."""
    fitting = [one for one in names.paths if kind == "any" or _kind(one[1]) == kind]
    if not fitting:
        return _default(rng, kind)
    text, of, guards = rng.choice(fitting)
    nullable = isinstance(of.get("type"), list) or None in of.get("enum", ())
    if nullable:
        guards = (*guards, _narrowing(rng, text, kind))
    if rng.random() < 0.1 and guards:
        guards = guards[:-1]
    if not guards:
        return text
    other = _default(rng, kind)
    every = " && ".join(guards)
    if kind == "bool" and rng.random() < 0.7:
        denied = " || ".join(f"!({one})" for one in guards)
        shapes = [f"({every} && {text})", f"({text} && {every})", f"({denied} || {text})"]
        return rng.choice([*shapes, f"(!({every}) || {text})", f"({text} || {denied})"])
    nested = text
    for one in reversed(guards):
        nested = f"({one} ? {nested} : {other})"
    shapes = [f"({every} ? {text} : {other})", f"(!({every}) ? {other} : {text})", nested]
    if rng.random() < 0.15 and "." in text:
        owner, _, name = text.rpartition(".")
        if "]" not in name:
            shapes = [f"{owner}.?{name}.orValue({other})"]
    return rng.choice(shapes)


def _narrowing(rng: random.Random, text: str, kind: str) -> str:
    types = {"int": "int", "double": "double", "string": "string"}
    tests = [f"type({text}) == {types.get(kind, 'string')}"]
    if rng.random() < 0.5:
        tests.append(f"{text} != null")
    if kind == "string":
        tests.append(f"{text} in ['a', 'b']")
    return rng.choice(tests)


def _of_kind(rng: random.Random, names: Names, kind: str, depth: int) -> str:
    if rng.random() < 0.04:
        kind = rng.choice(KINDS)
    if depth <= 0 or rng.random() < 0.25:
        return _read(rng, names, kind, depth) if rng.random() < 0.85 else _default(rng, kind)

    def one(of: str) -> str:
        return _of_kind(rng, names, of, depth - 1)

    forms = _FORMS.get(kind) or [form for forms in _FORMS.values() for form in forms]
    form = rng.choice(forms)
    if form == "macro":
        return _macro(rng, names, kind, depth)
    if form == "if":
        return f"({one('bool')} ? {one(kind)} : {one(kind)})"
    parts = form.split("§")
    made = parts[0]
    for part in parts[1:]:
        made += one(_SHORT[part[0]]) + part[1:]
    return f"({made})" if form[0] == "§" else made


_SHORT = {
    "b": "bool",
    "i": "int",
    "d": "double",
    "s": "string",
    "l": "list",
    "m": "map",
    "a": "any",
}
_FORMS = {
    "bool": [
        "§b && §b", "§b || §b", "!§b", "§i < §i", "§d >= §i", "§s < §s", "§a == §a", "§s == §s",
        "§i != §i", "§s in ['a', 'b']", "§a in §l", "§s in §m", "§s.contains(§s)", "§i == 1",
        "§s == 'a'", "§l == []", "if", "macro", "macro", "§s.matches('a')", "size(§l) > 1",
        "§a != null", "type(§a) == type(§a)", "sets.contains(§l, §l)", "[§i].exists(e, e > §i)",
    ],
    "int": [
        "§i + §i", "§i - §i", "§i * 2", "§i / 2", "§i % 3", "-(§i)", "size(§s)", "size(§l)",
        "size(§m)", "int(§d)", "§s.indexOf('a')", "if", "math.abs(§i)", "math.greatest(§i, §i)",
        "[§i, §i][1]", "cel.bind(w, §i, w + w)", "{'q': §i}.q", "optional.of(§i).orValue(§i)",
        "§i % 0", "lists.range(3)[1]", "math.bitAnd(§i, 3)", "[§i].first().orValue(0)",
        "math.greatest([§i, §i])",
    ],
    "double": [
        "§d + §d", "§d * 2.0", "double(§i)", "if", "math.floor(§d)", "-(§d)", "§d / §d",
        "math.greatest(§d, §d)",
    ],
    "string": [
        "§s + §s", "string(§i)", "string(§d)", "string(§b)", "§s.upperAscii()", "if",
        "§s.split(',')[0]", "§s.charAt(0)", "§s.substring(0)", "'%s'.format([§a])", "§s.trim()",
        "'%d'.format([§i])", "§s.replace('a', §s)", "[§s, §s].join('-')", "§s.substring(0, 1)",
        "string(§a)", "§s.reverse()",
    ],
    "list": [
        "[§i, §i]", "[§s]", "[§a, §a]", "§l + §l", "if", "macro", "macro", "macro",
        "lists.range(3)", "§s.split('')", "§l.reverse()", "§l.distinct()", "[§l].flatten()",
        "§l.slice(0, 1)", "[§i, §i].sort()", "[§d, §i].sort()", "§l.sort()", "[?optional.of(§i)]",
    ],
    "map": ["{'f': §i, 'g': §s}", "{§s: §i}", "if", "macro", "{1: §a}", "{'f': §a, ?'h': §m.?x}"],
}  # fmt: skip


def _macro(rng: random.Random, names: Names, kind: str, depth: int) -> str:
    """A comprehension over a list or a map that can be read."""
    fitting = [one for one in names.paths if "items" in one[1] or _kind(one[1]) == "map"]
    if not fitting:
        return _default(rng, kind)
    text, of, guards = rng.choice(fitting)
    names.count += 1
    name = f"v{names.count}"
    two = f"k{names.count}"
    made, inside = _element(rng, text, of, name, two)
    before = len(names.paths)
    for variable, part, read in inside:
        _collect(rng, names, variable, part, read, 2)
    body = _body(rng, names, kind, made, text, name, two, depth)
    del names.paths[before:]
    if guards and rng.random() < 0.9:
        return f"({' && '.join(guards)} ? {body} : {_default(rng, kind)})"
    return body


def _element(
    rng: random.Random, text: str, of: dict[str, Any], name: str, two: str
) -> tuple[str, list[tuple[str, dict[str, Any], tuple[str, ...]]]]:
    if "items" in of:
        return name, [(name, of["items"], ())]
    rest = of.get("additionalProperties")
    inside: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [(name, {"type": "string"}, ())]
    if isinstance(rest, dict) and not of.get("properties"):
        inside.append((f"{text}[{name}]", rest, ()))
    return name, inside


def _body(
    rng: random.Random,
    names: Names,
    kind: str,
    made: str,
    text: str,
    name: str,
    two: str,
    depth: int,
) -> str:
    predicate = _of_kind(rng, names, "bool", depth - 2)
    result = _of_kind(rng, names, rng.choice(["any", "int", "string"]), depth - 2)
    if kind == "bool":
        quantifier = rng.choice(["all", "exists", "exists_one"])
        if rng.random() < 0.2:
            return f"{text}.{quantifier}({two}, {name}, {predicate})"
        return f"{text}.{quantifier}({name}, {predicate})"
    if kind == "map":
        return f"{text}.transformMap({two}, {name}, {result})"
    return rng.choice(
        [
            f"{text}.map({name}, {result})",
            f"{text}.map({name}, {predicate}, {result})",
            f"{text}.filter({name}, {predicate})",
            f"{text}.filter({name}, {predicate}).map({name}, {result})",
            f"{text}.transformList({two}, {name}, {result})",
            f"{text}.sortBy({name}, {result})",
        ]
    )

"""Why a value does not fit: problems in plain words, the most telling first."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from kernel.errors import Path
from kernel.schema.bundle import INT64, follow, pointer
from kernel.schema.engine import validator_at
from kernel.schema.problems import MAX_PROBLEMS, Problem
from kernel.schema.redact import secret_at
from kernel.structs import struct

if TYPE_CHECKING:
    import jsonschema_rs

_WEAK = ("anyOf", "oneOf")
_LITERAL = ("const", "enum")
_SCALAR = ("type", *_LITERAL)
_SHAPE = (
    "type", "required", "additionalProperties", "propertyNames", "minProperties", "maxProperties",
    "minItems", "maxItems", "falseSchema",
)  # fmt: skip
_TYPES = {
    dict: "an object", list: "an array", str: "a string", bool: "a boolean", int: "an integer",
    float: "a number", type(None): "null",
}  # fmt: skip
_MAX_SHOWN_LENGTH = 60
_MAX_ERRORS_READ = 1000


def explain(schema: Any, value: Any) -> tuple[Problem, ...]:
    """The problems of a plain value that a bundled schema refuses, at most `MAX_PROBLEMS`."""
    return tuple(islice(problems_at(schema, value), MAX_PROBLEMS))


def problems_at(schema: Any, value: Any, pointer: str = "") -> Iterable[Problem]:
    """The problems of a plain value at a node of a bundled schema, the most telling first."""
    engine = validator_at(schema, pointer)
    return problems_of(engine, schema, value, secret=lambda path: secret_at(schema, path, pointer))


def problems_of(
    engine: jsonschema_rs.Validator,
    schema: Any,
    value: Any,
    unknown: Collection[Path] = (),
    secret: Callable[[Path], bool] = lambda path: False,
) -> Iterable[Problem]:
    """The problems of a plain value, the most telling first, by the engine of a bundled schema.

    What depends on the values at the ``unknown`` paths is left out. Values at the places that
    ``secret`` is true for are not shown.
    """
    errors = islice(engine.iter_errors(value), _MAX_ERRORS_READ)
    below = {tuple(map(str, path)) for path in unknown}
    above = {path[:length] for path in below for length in range(len(path))}
    certain = (error for error in errors if not below or _is_certain(error, below, above))
    found = sorted((_closest(error) for error in certain), key=lambda one: _relevance(one.error))
    return dict.fromkeys(_problem(one, schema, value, secret) for one in found)


def _is_certain(
    error: jsonschema_rs.ValidationError,
    unknown: Collection[tuple[str, ...]],
    above: Collection[tuple[str, ...]],
) -> bool:
    """Whether the problem is there whatever the values at the unknown paths will be.

    ``above`` are the places that hold an unknown one.
    """
    here = tuple(map(str, error.instance_path))
    if any(here[:length] in unknown for length in range(len(here) + 1)):
        return False
    if any(step in ("then", "else") for step in error.evaluation_path):
        return False
    return here not in above or error.kind.name in _SHAPE


def _relevance(error: jsonschema_rs.ValidationError) -> tuple[int, bool]:
    """What is wrong near the root says more than what is wrong deep inside."""
    return len(error.instance_path), error.kind.name in _WEAK


@struct
class _Told:
    """An error to be told; where all branches of a choice expect something of one place, with the
    errors of all of them."""

    error: jsonschema_rs.ValidationError
    together: tuple[jsonschema_rs.ValidationError, ...] = ()


def _closest(error: jsonschema_rs.ValidationError) -> _Told:
    """For a choice between schemas, the error of the branch that the value comes nearest to.

    Where all branches want another type or constant of the value, or those for its type want
    another constant of one place in it, all that they want is told.
    """
    while branches := [branch for branch in getattr(error.kind, "context", ()) if branch]:
        here = list(error.instance_path)
        wanted = [_wanted(branch, here, _SCALAR) for branch in branches]
        if all(wanted):
            return _Told(error, tuple(one for found in wanted for one in found))
        near = [branch for branch in branches if not _wanted(branch, here, ("type",))]
        for first in near[0] if len(near) > 1 else ():
            wanted = [_wanted(branch, list(first.instance_path), _LITERAL) for branch in near]
            if all(wanted):
                return _Told(first, tuple(one for found in wanted for one in found))
        ranks = [_distance(branch, here) for branch in branches]
        if ranks.count(min(ranks)) > 1:
            return _Told(error)
        error = min(branches[ranks.index(min(ranks))], key=_relevance)
    return _Told(error)


def _wanted(
    branch: list[jsonschema_rs.ValidationError], place: list[str | int], kinds: Collection[str]
) -> list[jsonschema_rs.ValidationError]:
    """The errors of some kinds that a branch has at a place: the first that is there."""
    found = (e for e in branch if e.kind.name in kinds and list(e.instance_path) == place)
    return list(islice(found, 1))


def _distance(
    branch: list[jsonschema_rs.ValidationError], here: list[str | int]
) -> tuple[bool, int, int]:
    """A value of another type is far from a branch; so is one with another discriminator."""
    literals = sum(error.kind.name in _LITERAL for error in branch)
    return bool(_wanted(branch, here, ("type",))), literals, len(branch)


def _problem(told: _Told, schema: Any, value: Any, secret: Callable[[Path], bool]) -> Problem:
    error = next((one for one in told.together if one.kind.name in _LITERAL), told.error)
    path, item = _place(value, error.instance_path)
    message = _said(told, schema, item, secret(path))
    return Problem(path, message, tuple(error.schema_path), error.kind.name)


def _said(told: _Told, schema: Any, value: Any, hidden: bool) -> str:
    kind: Any = told.error.kind
    if told.together:
        return f"must be {_alternatives(told.together)}; {_was(value, hidden)}"
    if kind.name == "contains":
        return _contains(told.error, schema, value, hidden)
    if kind.name == "propertyNames":
        if hidden:
            return "the name of a property is not allowed"
        name = kind.error.instance
        said = _said(_closest(kind.error), schema, name, True).removesuffix("; this is a string")
        return f"the name of the property {name!r} {said}"
    return _message(kind, value, hidden)


def _alternatives(errors: Iterable[jsonschema_rs.ValidationError]) -> str:
    """The types and constants that some errors expect, each once."""
    types: dict[str, None] = {}
    options: dict[str, Any] = {}
    kinds: Iterable[Any] = (error.kind for error in errors)
    for kind in kinds:
        if kind.name == "type":
            types |= dict.fromkeys(kind.types)
        else:
            values = kind.options if kind.name == "enum" else [kind.expected_value]
            options |= {json.dumps(option): option for option in values}
    texts = [f"{'one of ' if len(options) > 1 else ''}{_of(options.values())}"] if options else []
    return " or ".join([*texts, *map(_article, types)])


def _contains(error: jsonschema_rs.ValidationError, schema: Any, items: Any, hidden: bool) -> str:
    """How many items there are, and how many there may be, that fit ``contains``."""
    *way, keyword = error.schema_path
    at = pointer(tuple(way))
    node = follow(schema, at)
    fits = validator_at(schema, f"{at}/contains").is_valid
    limit = node.get(keyword, 1) if keyword != "contains" else 1
    bound = "at most" if keyword == "maxContains" else "at least"
    wanted = node["contains"]
    if isinstance(wanted, Mapping) and wanted.keys() == {"const"}:
        what = f"that are {_of([wanted['const']])}"
    else:
        what = "that fit `contains`"
    count = "" if hidden else f"; there are {sum(map(fits, items))}"
    return f"must have {bound} {limit} items {what}{count}"


def _place(value: Any, steps: Iterable[str | int]) -> tuple[Path, Any]:
    """The path with its keys as they are (the engine gives "429" as a number), and the value."""
    path: list[str | int] = []
    for step in steps:
        path.append(str(step) if isinstance(value, dict) else step)
        value = value[path[-1]]
    return tuple(path), value


def _short(value: Any) -> str | None:
    """A short value as JSON, or None."""
    if isinstance(value, dict | list):
        return None
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_SHOWN_LENGTH else None


def _was(value: Any, hidden: bool) -> str:
    """What the value is."""
    got = _TYPES.get(type(value), "a value")
    shown = None if hidden or value is None else _short(value)
    return f"this is {got}" if shown is None else f"this is {got}, {shown}"


def _message(kind: Any, value: Any, hidden: bool) -> str:
    expected = _EXPECTED.get(kind.name)
    was = _was(value, hidden)
    return f"{expected(kind)}; {was}" if expected else _other(kind, value, hidden, was)


def _other(kind: Any, value: Any, hidden: bool, was: str) -> str:
    name = kind.name
    if name == "required":
        return f"the property {kind.property!r} is missing"
    if name in ("additionalProperties", "unevaluatedProperties"):
        if hidden:
            return "there are properties that are not allowed"
        return f"not allowed here: {_names(kind.unexpected)}"
    if name == "unevaluatedItems":
        return "there are items that are not allowed" if hidden else _unexpected(kind.unexpected)
    if name in ("anyOf", "oneOf"):
        import jsonschema_rs  # for start-up time

        several = isinstance(kind, jsonschema_rs.ValidationErrorKind.OneOfMultipleValid)
        return f"fits {'more than one' if several else 'none'} of the choices; {was}"
    if name == "not":
        return f"is what it must not be; {was}"
    if name == "uniqueItems":
        return f"the items must differ from each other{'' if hidden else _equal(value)}"
    return f"does not fit ({name}); {was}"


def _unexpected(items: list[str]) -> str:
    shown = ", ".join(item if len(item) <= _MAX_SHOWN_LENGTH else "…" for item in items[:3])
    more = f" and {len(items) - 3} more" if len(items) > 3 else ""
    return f"items that are not allowed here: {shown}{more}"


def _equal(items: list[Any]) -> str:
    """Which items are the first that are equal, where that is seen from their text."""
    first: dict[str, int] = {}
    for index, item in enumerate(items):
        earlier = first.setdefault(json.dumps(item, sort_keys=True), index)
        if earlier != index:
            return f"; [{earlier}] and [{index}] are equal"
    return ""


def _names(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:3]))
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _of(values: Any) -> str:
    texts = [json.dumps(value, ensure_ascii=False) for value in islice(values, 11)]
    shown = ", ".join(text if len(text) <= _MAX_SHOWN_LENGTH else "…" for text in texts[:10])
    return shown + (", …" if len(texts) > 10 else "")


def _article(name: str) -> str:
    words = {"object": "an object", "array": "an array", "integer": "an integer", "null": "null"}
    return words.get(name, f"a {name}")


def _bound(words: str, limit: Any) -> str:
    """A bound of a number; the schema of an integer has those of CEL's integers anyway."""
    own = " (an integer has 64 bits in the kernel)" if limit in INT64 else ""
    return f"must be {words} {limit}{own}"


_EXPECTED: Mapping[str, Any] = {
    "type": lambda kind: f"must be {' or '.join(map(_article, kind.types))}",
    "enum": lambda kind: f"must be one of {_of(kind.options)}",
    "const": lambda kind: f"must be {_of([kind.expected_value])}",
    "minimum": lambda kind: _bound("at least", kind.limit),
    "maximum": lambda kind: _bound("at most", kind.limit),
    "exclusiveMinimum": lambda kind: f"must be more than {kind.limit}",
    "exclusiveMaximum": lambda kind: f"must be less than {kind.limit}",
    "multipleOf": lambda kind: f"must be a multiple of {kind.multiple_of}",
    "minLength": lambda kind: f"must have at least {kind.limit} characters",
    "maxLength": lambda kind: f"must have at most {kind.limit} characters",
    "minItems": lambda kind: f"must have at least {kind.limit} items",
    "maxItems": lambda kind: f"must have at most {kind.limit} items",
    "minProperties": lambda kind: f"must have at least {kind.limit} properties",
    "maxProperties": lambda kind: f"must have at most {kind.limit} properties",
    "pattern": lambda kind: f"must match the pattern {kind.pattern!r}",
    "falseSchema": lambda kind: "must not be here",
}

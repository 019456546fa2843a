"""Why a value does not fit: problems in plain words, the most telling first."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from kernel.errors import Path
from kernel.schema.engine import validator_at
from kernel.schema.problems import MAX_PROBLEMS, Problem
from kernel.schema.redact import secret_at

if TYPE_CHECKING:
    import jsonschema_rs

_WEAK = ("anyOf", "oneOf")
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
    return problems_of(engine, value, secret=lambda path: secret_at(schema, path, pointer))


def problems_of(
    engine: jsonschema_rs.Validator,
    value: Any,
    unknown: Collection[Path] = (),
    secret: Callable[[Path], bool] = lambda path: False,
) -> Iterable[Problem]:
    """The problems of a plain value, the most telling first.

    What depends on the values at the ``unknown`` paths is left out. Values at the places that
    ``secret`` is true for are not shown.
    """
    errors = islice(engine.iter_errors(value), _MAX_ERRORS_READ)
    below = {tuple(map(str, path)) for path in unknown}
    above = {path[:length] for path in below for length in range(len(path))}
    certain = (error for error in errors if not below or _is_certain(error, below, above))
    found = sorted((_closest(error) for error in certain), key=_relevance)
    return dict.fromkeys(_problem(error, value, secret) for error in found)


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


def _closest(error: jsonschema_rs.ValidationError) -> jsonschema_rs.ValidationError:
    """For a choice between schemas, the error of the branch that the value comes nearest to."""
    while branches := [branch for branch in getattr(error.kind, "context", ()) if branch]:
        here = len(error.instance_path)
        ranks = [_distance(branch, here) for branch in branches]
        if ranks.count(min(ranks)) > 1:
            return error
        error = min(branches[ranks.index(min(ranks))], key=_relevance)
    return error


def _distance(branch: list[jsonschema_rs.ValidationError], here: int) -> tuple[bool, int, int]:
    """A value of another type is far from a branch; so is one with another discriminator."""
    other_type = any(e.kind.name == "type" and len(e.instance_path) == here for e in branch)
    literals = sum(e.kind.name in ("const", "enum") for e in branch)
    return other_type, literals, len(branch)


def _problem(
    error: jsonschema_rs.ValidationError, value: Any, secret: Callable[[Path], bool]
) -> Problem:
    path, item = _place(value, error.instance_path)
    shown = None if secret(path) else _short(item)
    message = _message(error.kind, item, shown)
    return Problem(path, message, tuple(error.schema_path), error.kind.name)


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


def _message(kind: Any, value: Any, shown: str | None) -> str:
    got = _TYPES.get(type(value), "a value")
    was = f"this is {got}" if shown is None or value is None else f"this is {got}, {shown}"
    expected = _EXPECTED.get(kind.name)
    return f"{expected(kind)}; {was}" if expected else _other(kind, value, shown, was)


def _other(kind: Any, value: Any, shown: str | None, was: str) -> str:
    name = kind.name
    if name == "required":
        return f"the property {kind.property!r} is missing"
    if name in ("additionalProperties", "unevaluatedProperties"):
        if shown is None and not isinstance(value, dict):
            return "there are properties that are not allowed"
        return f"not allowed here: {_names(kind.unexpected)}"
    if name in ("anyOf", "oneOf"):
        import jsonschema_rs  # for start-up time

        several = isinstance(kind, jsonschema_rs.ValidationErrorKind.OneOfMultipleValid)
        return f"fits {'more than one' if several else 'none'} of the choices; {was}"
    if name == "not":
        return f"is what it must not be; {was}"
    return _FIXED.get(name) or f"does not fit ({name}); {was}"


_FIXED = {
    "unevaluatedItems": "there are more items than allowed",
    "uniqueItems": "the items must differ from each other",
    "propertyNames": "a property name is not allowed here",
    "contains": "no item is as it must be",
}


def _names(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:3]))
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _of(values: Any) -> str:
    texts = [json.dumps(value, ensure_ascii=False) for value in islice(values, 11)]
    shown = ", ".join(text if len(text) <= _MAX_SHOWN_LENGTH else "…" for text in texts[:10])
    return shown + (", …" if len(texts) > 10 else "")


def _types(kind: Any) -> str:
    words = {"object": "an object", "array": "an array", "integer": "an integer", "null": "null"}
    return " or ".join(words.get(name, f"a {name}") for name in kind.types)


_EXPECTED: Mapping[str, Any] = {
    "type": lambda kind: f"must be {_types(kind)}",
    "enum": lambda kind: f"must be one of {_of(kind.options)}",
    "const": lambda kind: f"must be {_of([kind.expected_value])}",
    "minimum": lambda kind: f"must be at least {kind.limit}",
    "maximum": lambda kind: f"must be at most {kind.limit}",
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

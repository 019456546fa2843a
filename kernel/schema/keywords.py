"""The shape of JSON Schema, and the schema keywords of our own (language.md, Kernel.Definition).

Every ``x-kernel-`` keyword is read in this module and in no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal, get_args

from kernel.errors import Path
from kernel.structs import struct

_ONE = (
    "items", "additionalProperties", "unevaluatedItems", "unevaluatedProperties", "contains",
    "propertyNames", "not", "if", "then", "else", "contentSchema",
)  # fmt: skip
_MANY = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")

KEYWORDS: Final = frozenset(
    (
        "$id", "$schema", "$ref", "$anchor", "$dynamicRef", "$dynamicAnchor", "$vocabulary",
        "$comment", "$defs", "definitions", "prefixItems", "items", "contains",
        "additionalProperties", "properties", "patternProperties", "dependentSchemas",
        "propertyNames", "if", "then", "else", "allOf", "anyOf", "oneOf", "not",
        "unevaluatedItems", "unevaluatedProperties", "type", "enum", "const", "multipleOf",
        "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength",
        "pattern", "maxItems", "minItems", "uniqueItems", "maxContains", "minContains",
        "maxProperties", "minProperties", "required", "dependentRequired", "title", "description",
        "default", "deprecated", "readOnly", "writeOnly", "examples", "format",
        "contentEncoding", "contentMediaType", "contentSchema",
    )
)  # fmt: skip
"""The keywords of JSON Schema 2020-12: the validator and the analyzer know these and no others."""

OTHER_DRAFTS: Final[Mapping[str, str]] = {
    "nullable": "OpenAPI 3.0",
    "dependencies": "JSON Schema up to draft 7",
    "additionalItems": "JSON Schema up to 2019-09",
    "$recursiveRef": "JSON Schema 2019-09",
    "id": "JSON Schema up to draft 4",
    "divisibleBy": "JSON Schema up to draft 3",
    "disallow": "JSON Schema up to draft 3",
}
"""Words that mean something elsewhere, with where they do; here they say nothing."""

Role = Literal[
    "steps", "nodes", "entries", "fallback", "result", "inputs", "outputs", "event", "onFailure",
    "parallelism", "concurrency", "tools", "triggers", "rateLimit",
]  # fmt: skip
"""What a field of a topology holds, for its engine."""

CEL_ROLES: Final = frozenset(
    ("steps", "nodes", "entries", "fallback", "result", "concurrency", "tools")
)
"""The roles of fields that hold CEL, which the engine evaluates."""

ENTRY_ROLES: Final = frozenset(("tools", "triggers", "rateLimit"))
"""The roles that say how a kind is called, whatever runs it."""

SCHEMA_ROLES: Final = frozenset(("inputs", "outputs", "event"))
"""The roles of fields that hold a JSON Schema."""


def subschemas(schema: Any) -> Iterator[tuple[Path, Any]]:
    """The schemas directly inside of a schema, with their paths."""
    if type(schema) is not dict and not isinstance(schema, Mapping):
        return
    for keyword, value in schema.items():
        if keyword in _ONE:
            yield (keyword,), value
        elif keyword in _MANY and isinstance(value, list):
            yield from (((keyword, index), item) for index, item in enumerate(value))
        elif keyword in _NAMED and isinstance(value, Mapping):
            yield from (((keyword, name), item) for name, item in value.items())


def all_schemas(schema: Any) -> Iterator[tuple[int, Path, Mapping[str, Any]]]:
    """A schema and those within it, each with its depth and path, the outer before the inner."""
    waiting: list[tuple[int, Path, Any]] = [(0, (), schema)]
    while waiting:
        depth, path, node = waiting.pop()
        if type(node) is dict or isinstance(node, Mapping):
            yield depth, path, node
            children = [(depth + 1, path + step, child) for step, child in subschemas(node)]
            waiting += reversed(children)


def is_schema_path(path: Path) -> bool:
    """Whether the keywords on a path within a schema all hold schemas, and it ends in one."""
    steps = iter(path)
    for keyword in steps:
        if keyword in _MANY or keyword in _NAMED:
            if next(steps, None) is None:
                return False
        elif keyword not in _ONE:
            return False
    return True


def rebuilt(schema: Mapping[str, Any], change: Callable[[Path, Any], Any]) -> dict[str, Any]:
    """A copy of a schema in which ``change`` has replaced each schema directly inside of it."""
    made = dict(schema)
    for step, child in subschemas(schema):
        keyword = str(step[0])
        if len(step) == 1:
            made[keyword] = change(step, child)
            continue
        if made[keyword] is schema[keyword]:
            made[keyword] = schema[keyword].copy()
        made[keyword][step[1]] = change(step, child)
    return made


@struct
class Traits:
    """What our own keywords say about one schema node."""

    secret: bool = False
    ref: str | None = None
    """A capability or a kind: the field refers to a resource."""
    context: Mapping[str, Any] | None = None
    """The CEL variables in scope of the field, with their schemas."""
    eval: Literal["load", "call"] | None = None
    """When CEL in the field is evaluated; None where it takes none."""
    untrusted: Literal["sql", "shell", "prompt"] | None = None
    shown: bool = False
    """People and other programs read what is put there: a log, a file, an address."""
    role: Role | None = None
    call: bool = False
    """The field is a call site."""
    schema: str | None = None
    """Within a ``context``: the field of the call site that holds the variable's own schema, as
    ``request.body``; where nothing is written there, what stands beside this keyword holds."""
    names: str | None = None
    """The field of the call site whose text has, in braces, the names of the fields that are
    always there, as ``request.path``."""
    atomic: bool = False
    """On a call site: calls on the resource that the call around it refers to take effect together
    with that call, or not at all; the journal holds nothing of them by themselves."""
    same_length: str | None = None
    """On a whole number: the field beside it whose list has so many elements; a promise of the
    controller that makes both."""

    bindings: str | None = None
    """On a text that is an SQL statement: the input of a call that holds the values for its
    placeholders, a list for ``?`` or an object for ``:name``; where the kind has no such input,
    nothing is bound."""


_NONE = Traits()


def traits(schema: Any) -> Traits:
    """The traits of a schema node itself; nothing is inherited and no ``$ref`` is followed."""
    if type(schema) is not dict and not isinstance(schema, Mapping):
        return _NONE
    for key in schema:
        if type(key) is str and key.startswith("x-kernel-"):
            return _traits(schema)
    return _NONE


def role_of(schema: Any) -> Role | None:
    """The role among the traits of a schema node."""
    return schema.get("x-kernel-role") if isinstance(schema, Mapping) else None


def _traits(schema: Mapping[str, Any]) -> Traits:
    ref, context = schema.get("x-kernel-ref"), schema.get("x-kernel-context")
    source, names = schema.get("x-kernel-schema"), schema.get("x-kernel-names")
    same_length, bindings = schema.get("x-kernel-same-length"), schema.get("x-kernel-bindings")
    return Traits(
        schema.get("x-kernel-secret") is True,
        ref if isinstance(ref, str) else None,
        context if isinstance(context, Mapping) else None,
        schema.get("x-kernel-eval"),
        schema.get("x-kernel-untrusted"),
        schema.get("x-kernel-shown") is True,
        schema.get("x-kernel-role"),
        schema.get("x-kernel-call") is True,
        source if isinstance(source, str) else None,
        names if isinstance(names, str) else None,
        schema.get("x-kernel-atomic") is True,
        same_length if isinstance(same_length, str) else None,
        bindings if isinstance(bindings, str) else None,
    )


_VALUES: Mapping[str, tuple[Any, ...] | type] = {
    "x-kernel-secret": (True, False),
    "x-kernel-ref": str,
    "x-kernel-context": dict,
    "x-kernel-eval": ("load", "call"),
    "x-kernel-untrusted": ("sql", "shell", "prompt"),
    "x-kernel-shown": (True, False),
    "x-kernel-role": get_args(Role),
    "x-kernel-call": (True, False),
    "x-kernel-schema": str,
    "x-kernel-names": str,
    "x-kernel-atomic": (True, False),
    "x-kernel-same-length": str,
    "x-kernel-bindings": str,
}


def check_traits(schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each wrong ``x-kernel-`` keyword of a node, with what is wrong."""
    for keyword, value in schema.items():
        if type(keyword) is not str or not keyword.startswith("x-kernel-"):
            continue
        allowed = _VALUES.get(keyword)
        if allowed is None:
            yield keyword, f"there is no keyword {keyword}; there are {', '.join(_VALUES)}"
        elif isinstance(allowed, tuple):
            if not any(value is one or (type(value) is str and value == one) for one in allowed):
                listed = ", ".join(one if type(one) is str else str(one).lower() for one in allowed)
                yield keyword, f"{keyword} must be one of {listed}"
        elif not isinstance(value, allowed):
            what = "a string" if allowed is str else "a mapping of names to schemas"
            yield keyword, f"{keyword} must be {what}"

"""What stands in a manifest whatever its kinds are, as JSON Schema: heads, steps, call sites.

The checks read these with code; an editor needs their fields with a sentence on each. A test holds
the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Schema = Mapping[str, Any]


def _said(description: str, **more: Any) -> dict[str, Any]:
    return {"description": description, **more}


_STEPS: Final = {"type": "array", "x-kernel-role": "steps"}
_EXPRESSION: Final = {"x-kernel-eval": "call"}
_MILLISECONDS: Final = {"type": "number", "minimum": 0}

HEAD: Final[Schema] = {
    "type": "object",
    "properties": {
        "kind": _said("Module.Name: what kind of resource this is.", type="string"),
        "metadata": _said(
            "The name of the resource, and what else people want to know about it.",
            type="object",
            properties={
                "name": _said("The name, unique among the resources of the module.", type="string"),
                "description": _said("What it is for.", type="string"),
                "labels": _said("Texts by name, to find it by.", type="object"),
                "annotations": _said("Texts by name, for tools.", type="object"),
            },
            required=["name"],
        ),
    },
    "required": ["kind", "metadata"],
}
"""What every resource begins with."""

MORE_METADATA: Final[Mapping[str, Schema]] = {
    "Kernel.Definition": {
        "module": _said("The module that the kind belongs to.", type="string"),
    },
    "Kernel.Module": {"version": _said("The version of the module.", type="string")},
}
"""The fields of ``metadata`` that only these have."""

REFERENCE: Final[Schema] = {
    "type": "object",
    "properties": {
        "kind": _said("The kind of the resource that is meant.", type="string"),
        "name": _said(
            "The name of the resource; `Alias.Name` for one of an import.", type="string"
        ),
    },
    "required": ["kind"],
}
"""A reference; a resource may stand in place of it."""

CALL_SITE: Final[Schema] = {
    "type": "object",
    "x-kernel-call": True,
    "properties": {
        "invoke": _said(
            "What is called: a reference `{ kind, name }` to an invocable resource, or the "
            "resource in place.",
            **{"x-kernel-ref": "Invocable"},
        ),
        "inputs": _said("The values of the arguments, with CEL anywhere inside.", type="object"),
        "when": _said("CEL bool; false skips the call.", **_EXPRESSION),
        "retry": _said(
            "When and how often an attempt is repeated.",
            type="object",
            properties={
                "attempts": _said("The number of calls, with the first.", type="integer"),
                "delay": _said("Milliseconds before the next attempt; 0.", **_MILLISECONDS),
                "backoff": _said(
                    "How the delay grows: `linear` is delay × attempt, `exponential` doubles it.",
                    enum=["linear", "exponential"],
                ),
                "when": _said("CEL bool over `error`; false ends the attempts.", **_EXPRESSION),
                "maxDelay": _said("The longest delay, in milliseconds.", **_MILLISECONDS),
                "jitter": _said("`full` takes a random part of the delay.", enum=["none", "full"]),
                "deadline": _said("Milliseconds for all attempts together.", **_MILLISECONDS),
            },
            required=["attempts"],
        ),
        "timeout": _said("Milliseconds for one attempt.", **_MILLISECONDS),
        "idempotencyKey": _said(
            "CEL string; calls with the same key take effect once.", **_EXPRESSION
        ),
        "expect": _said(
            "CEL bools over live state, checked just before the effect; a false one rejects the "
            "call.",
            type="array",
            items=_EXPRESSION,
        ),
        "approval": _said(
            "`required` or a CEL bool; may ask for more than the definition does, never for less.",
            enum=["required"],
        ),
    },
    "required": ["invoke"],
}
"""The fields of every call site (language.md, Call site)."""

STEP: Final[Schema] = {
    "type": "object",
    "x-kernel-call": True,
    "properties": {
        "name": _said(
            "The name under which later steps read the result; unique in the topology.",
            type="string",
        ),
        "description": _said("What the step is for.", type="string"),
        **CALL_SITE["properties"],
        "when": _said("CEL bool; false skips the step.", **_EXPRESSION),
        "timeout": _said(
            "Milliseconds for one attempt; of `waitFor`, for the event, and CEL may give them.",
            **_MILLISECONDS,
        ),
        "value": _said(
            "A value: CEL, or a structure with CEL inside; calls nothing.", **_EXPRESSION
        ),
        "if": _said("A branch: CEL bool.", **_EXPRESSION),
        "then": _said("The steps when `if` is true.", **_STEPS),
        "elseif": _said(
            "Further conditions, tried in order.",
            type="array",
            items={
                "type": "object",
                "properties": {
                    "if": _said("CEL bool.", **_EXPRESSION),
                    "then": _said("The steps when it is true.", **_STEPS),
                },
                "required": ["if", "then"],
            },
        ),
        "else": _said("The steps when no condition is true.", **_STEPS),
        "switch": _said("A choice: the CEL value that chooses.", **_EXPRESSION),
        "cases": _said("The steps by value.", type="object", additionalProperties=_STEPS),
        "default": _said("The steps when no case fits; without it that is an error.", **_STEPS),
        "do": _said("The steps of one round.", **_STEPS),
        "while": _said("A loop: CEL bool before each round.", **_EXPRESSION),
        "until": _said(
            "A loop: CEL bool after each round; it sees the steps of the round.", **_EXPRESSION
        ),
        "maxIterations": _said("The most rounds of a loop.", type="integer"),
        "forEach": _said(
            "The steps of `do` for each element: a CEL list; `item` and `index` are in scope.",
            **_EXPRESSION,
        ),
        "result": _said("The element of the result list for one round: CEL.", **_EXPRESSION),
        "concurrency": _said("How many rounds run at the same time; 1.", type="integer"),
        "parallel": _said(
            "Lists of steps by name, all at the same time.",
            type="object",
            additionalProperties=_STEPS,
        ),
        "try": _said("A boundary: steps that may fail.", **_STEPS),
        "catch": _said("The steps after a failure, with `error` in scope.", **_STEPS),
        "finally": _said("The steps after any end; `error` is null after success.", **_STEPS),
        "throw": _said(
            "Fails with an error of its own.",
            type="object",
            properties={
                "code": _said("The code: a string or an int.", **_EXPRESSION),
                "message": _said("What people read.", **_EXPRESSION),
                "data": _said("What else the error carries.", **_EXPRESSION),
            },
        ),
        "sleep": _said(
            "A pause: milliseconds, or CEL that gives them; it outlives the process.",
            **_EXPRESSION,
        ),
        "waitFor": _said(
            "A pause until an event: `<type>` or `<type>:<subject>`, with `*`, as "
            "`Payments.Charge.*.Invoked`. The result is the event; `timeout` bounds it.",
            type="string",
        ),
    },
}
"""The fields of a step, of whatever form (language.md, Topologies)."""

TOPOLOGY: Final[Schema] = {
    "type": "object",
    "properties": {
        "inputs": _said("JSON Schema of the arguments.", **{"x-kernel-role": "inputs"}),
        "outputs": _said("JSON Schema of what it gives.", **{"x-kernel-role": "outputs"}),
        "steps": _said("The steps, in order.", **_STEPS),
        "result": _said("What it gives, with CEL over the steps.", **_EXPRESSION),
    },
}
"""The ``body`` of a definition."""

_TYPES: Final = ["string", "integer", "number", "boolean", "object", "array", "null"]
_NODE: Final = {"$ref": "#"}
_NODES: Final = {"type": "object", "additionalProperties": _NODE}

SCHEMA: Final[Schema] = {
    "type": ["object", "boolean"],
    "properties": {
        "type": _said("The type of the value, or a list of types.", enum=_TYPES),
        "description": _said("What the value is.", type="string"),
        "properties": _said("The fields of an object, a schema each.", **_NODES),
        "required": _said("The fields that must be there.", type="array", items={"type": "string"}),
        "additionalProperties": _said(
            "What other fields may be there: a schema, or false for none.",
            type=["object", "boolean"],
            **_NODE,
        ),
        "items": _said("The schema of the elements of a list.", **_NODE),
        "enum": _said("The values that there are.", type="array"),
        "const": _said("The only value."),
        "default": _said("The value where none is given."),
        "format": _said(
            "What a text is: it stays a text.",
            enum=["date-time", "date", "time", "duration", "email", "uri", "uuid", "byte"],
        ),
        "pattern": _said("A regular expression that a text matches.", type="string"),
        "minLength": _said("The least length of a text.", type="integer"),
        "maxLength": _said("The greatest length of a text.", type="integer"),
        "minimum": _said("The least number.", type="number"),
        "maximum": _said("The greatest number.", type="number"),
        "exclusiveMinimum": _said("A number that is greater than this.", type="number"),
        "exclusiveMaximum": _said("A number that is less than this.", type="number"),
        "multipleOf": _said("A number that is a multiple of this.", type="number"),
        "minItems": _said("The least number of elements.", type="integer"),
        "maxItems": _said("The greatest number of elements.", type="integer"),
        "uniqueItems": _said("Whether no two elements are equal.", type="boolean"),
        "prefixItems": _said("The schemas of the first elements.", type="array", items=_NODE),
        "patternProperties": _said("Schemas by a pattern of field names.", **_NODES),
        "propertyNames": _said("The schema of the names of fields.", **_NODE),
        "minProperties": _said("The least number of fields.", type="integer"),
        "maxProperties": _said("The greatest number of fields.", type="integer"),
        "anyOf": _said("The value fits one of these, or more.", type="array", items=_NODE),
        "oneOf": _said("The value fits exactly one of these.", type="array", items=_NODE),
        "allOf": _said("The value fits all of these.", type="array", items=_NODE),
        "not": _said("The value does not fit this.", **_NODE),
        "if": _said("Where the value fits this, `then` counts, else `else`.", **_NODE),
        "then": _said("What counts where the value fits `if`.", **_NODE),
        "else": _said("What counts where the value does not fit `if`.", **_NODE),
        "$ref": _said(
            "Another schema: `#/$defs/x`, or `Kind#/inputs` of another definition.", type="string"
        ),
        "$defs": _said("Schemas to refer to, by name.", **_NODES),
        "x-kernel-secret": _said("Never shown, never in an event.", type="boolean"),
        "x-kernel-ref": _said("The field refers to a resource: a capability, or a kind."),
        "x-kernel-eval": _said("When CEL in this field is evaluated.", enum=["load", "call"]),
        "x-kernel-context": _said(
            "CEL variables in this field, a schema each.",
            type="object",
            additionalProperties=_NODE,
            **_NODE,
        ),
        "x-kernel-call": _said("The field is a call site.", type="boolean"),
        "x-kernel-role": _said(
            "What the field is to the engine.",
            enum=["steps", "nodes", "entries", "result", "inputs", "outputs"],
        ),
        "x-kernel-untrusted": _said(
            "A sink that must not be fed by concatenation.", enum=["sql", "shell", "prompt"]
        ),
        "x-kernel-schema": _said("The field of the call site that holds this schema."),
        "x-kernel-names": _said("The field of the call site that names these fields in braces."),
    },
}
"""The keywords of JSON Schema, and our own."""

DECLARATION: Final[Schema] = {
    **SCHEMA,
    "properties": {
        "env": _said("The environment variable that gives the value.", type="string"),
        **SCHEMA["properties"],
    },
}
"""A variable or a secret of a module."""

"""What stands in a manifest whatever its kinds are, as JSON Schema: heads, steps, call sites.

The checks read these with code; an editor needs their fields with a sentence on each. A test holds
the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, get_args

from kernel.schema.keywords import Role

Schema = Mapping[str, Any]


def _said(description: str, /, **more: Any) -> dict[str, Any]:
    return {"description": description, **more}


_STEPS: Final = {"type": "array", "x-kernel-role": "steps"}
_EXPRESSION: Final = {"x-kernel-eval": "call"}
_steps = partial(_said, **_STEPS)
_cel = partial(_said, **_EXPRESSION)
_text = partial(_said, type="string")
_object = partial(_said, type="object")
_list = partial(_said, type="array")
_bool = partial(_said, type="boolean")
_integer = partial(_said, type="integer")
_number = partial(_said, type="number")
_milliseconds = partial(_said, type="number", minimum=0)

HEAD: Final[Schema] = {
    "type": "object",
    "properties": {
        "kind": _text("Module.Name: what kind of resource this is."),
        "metadata": _object(
            "The name of the resource, and what else people want to know about it.",
            properties={
                "name": _text("The name, unique among the resources of the module."),
                "description": _text("What it is for."),
                "labels": _object("Texts by name, to find it by."),
                "annotations": _object("Texts by name, for tools."),
            },
            required=["name"],
        ),
    },
    "required": ["kind", "metadata"],
}
"""What every resource begins with."""

MORE_METADATA: Final[Mapping[str, Schema]] = {
    "Kernel.Definition": {"module": _text("The module that the kind belongs to.")},
    "Kernel.Module": {"version": _text("The version of the module.")},
}
"""The fields of ``metadata`` that only these have."""

REFERENCE: Final[Schema] = {
    "type": "object",
    "properties": {
        "kind": _text("The kind of the resource that is meant."),
        "name": _text("The name of the resource; `Alias.Name` for one of an import."),
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
        "inputs": _object("The values of the arguments, with CEL anywhere inside."),
        "when": _cel("CEL bool; false skips the call."),
        "retry": _object(
            "When and how often an attempt is repeated.",
            properties={
                "attempts": _integer("The number of calls, with the first."),
                "delay": _milliseconds("Milliseconds before the next attempt; 0."),
                "backoff": _said(
                    "How the delay grows: `linear` is delay × attempt, `exponential` doubles it.",
                    enum=["linear", "exponential"],
                ),
                "when": _cel("CEL bool over `error`; false ends the attempts."),
                "maxDelay": _milliseconds("The longest delay, in milliseconds."),
                "jitter": _said("`full` takes a random part of the delay.", enum=["none", "full"]),
                "deadline": _milliseconds("Milliseconds for all attempts together."),
            },
            required=["attempts"],
        ),
        "timeout": _milliseconds("Milliseconds for one attempt."),
        "idempotencyKey": _cel("CEL string; calls with the same key take effect once."),
        "expect": _list(
            "CEL bools over live state, checked just before the effect; a false one rejects the "
            "call.",
            items=_EXPRESSION,
        ),
        "approval": _said(
            "`required`, a CEL bool, or a mapping; may ask for more than the definition and the "
            "policies do, never for less.",
            enum=["required"],
            properties={
                "when": _cel("CEL bool; without it an approval is required."),
                "message": _cel("What the person is told: text with CEL."),
                "expires": _milliseconds("Milliseconds until nobody can approve any more."),
                "approvers": _list(
                    "Who may approve: globs over principals.", items={"type": "string"}
                ),
                "quorum": _integer("How many different principals have to approve; 1."),
            },
        ),
    },
    "required": ["invoke"],
}
"""The fields of every call site (language.md, Call site)."""

STEP: Final[Schema] = {
    "type": "object",
    "x-kernel-call": True,
    "properties": {
        "name": _text("The name under which later steps read the result; unique in the topology."),
        "description": _text("What the step is for."),
        **CALL_SITE["properties"],
        "when": _cel("CEL bool; false skips the step."),
        "timeout": _milliseconds(
            "Milliseconds for one attempt of a call; of another step, for the whole step (of `try` "
            "without `finally`). That of `waitFor` may be CEL."
        ),
        "value": _cel("A value: CEL, or a structure with CEL inside; calls nothing."),
        "if": _cel("A branch: CEL bool."),
        "then": _steps("The steps when `if` is true."),
        "elseif": _list(
            "Further conditions, tried in order.",
            items={
                "type": "object",
                "properties": {
                    "if": _cel("CEL bool."),
                    "then": _steps("The steps when it is true."),
                },
                "required": ["if", "then"],
            },
        ),
        "else": _steps("The steps when no condition is true."),
        "switch": _cel("A choice: the CEL value that chooses."),
        "cases": _object("The steps by value.", additionalProperties=_STEPS),
        "default": _steps("The steps when no case fits; without it that is an error."),
        "do": _steps("The steps of one round."),
        "while": _cel("A loop: CEL bool before each round."),
        "until": _cel("A loop: CEL bool after each round; it sees the steps of the round."),
        "maxIterations": _integer(
            "The most rounds of a loop; it fails with LOOP_LIMIT if they are not enough."
        ),
        "forEach": _cel(
            "The steps of `do` for each element: a CEL list; `item` and `index` are in scope."
        ),
        "result": _cel("The element of the result list for one round: CEL."),
        "parallelism": _integer("How many rounds run at the same time; 1."),
        "parallel": _object(
            "Lists of steps by name, all at the same time.", additionalProperties=_STEPS
        ),
        "try": _steps("A boundary: steps that may fail."),
        "catch": _steps("The steps after a failure, with `error` in scope."),
        "finally": _steps("The steps after any end; `error` is null after success."),
        "throw": _object(
            "Fails with an error of its own.",
            properties={
                "code": _cel("The code: a string or an int."),
                "message": _cel("What people read."),
                "data": _cel("What else the error carries."),
            },
        ),
        "sleep": _cel("A pause: milliseconds, or CEL that gives them; it outlives the process."),
        "waitFor": _text(
            "A pause until an event: `<type>` or `<type>:<subject>`, with `*`, as "
            "`Payments.Charge.*.Invoked`. The result is the event; `timeout` bounds it."
        ),
    },
}
"""The fields of a step, of whatever form (language.md, Topologies)."""

NODE: Final[Schema] = {
    **STEP,
    "properties": {
        **STEP["properties"],
        "needs": _list(
            "Nodes that have to end before, besides those whose results the node reads.",
            items={"type": "string"},
        ),
    },
}
"""The fields of a node of a workflow."""

ENTRY: Final[Schema] = {
    **CALL_SITE,
    "properties": {
        "match": _cel("CEL bool over `event`; the first entry that matches makes its call."),
        "description": _text("What the entry is for."),
        **CALL_SITE["properties"],
    },
    "required": ["match", "invoke"],
}
"""The fields of an entry of a router."""

CONCURRENCY: Final[Schema] = {
    "type": "object",
    "x-kernel-role": "concurrency",
    "properties": {
        "limit": _integer("So many invocations at a time in each group, over all processes."),
        "group": _cel(
            "CEL text over `inputs` and `vars`: the group of a call. Without it there is one group."
        ),
        "full": _said(
            "What becomes of a call where no slot is free: `queue` (default) waits in order, "
            "`reject` fails with the code `CONCURRENCY`, `cancel-running` cancels the oldest.",
            enum=["queue", "reject", "cancel-running"],
        ),
    },
    "required": ["limit"],
}
"""How many invocations of a topology go on at a time; every topology may say so."""

TOPOLOGY: Final[Schema] = {
    "type": "object",
    "properties": {
        "topology": _said(
            "The engine; without it a sequence.", enum=["Sequence", "Workflow", "Router"]
        ),
        "inputs": _said("JSON Schema of the arguments.", **{"x-kernel-role": "inputs"}),
        "outputs": _said("JSON Schema of what it gives.", **{"x-kernel-role": "outputs"}),
        "steps": _steps("The steps of a sequence, in order."),
        "nodes": _said(
            "The nodes of a workflow, in any order.", type="array", **{"x-kernel-role": "nodes"}
        ),
        "onFailure": _said(
            "After a failed node no other begins (`fail`), or what does not depend on it goes on.",
            enum=["fail", "continue"],
        ),
        "parallelism": _integer("How many nodes run at the same time; all that can."),
        "event": _said("JSON Schema of what a router gets.", **{"x-kernel-role": "event"}),
        "entries": _said(
            "The entries of a router, tried in order.",
            type="array",
            **{"x-kernel-role": "entries"},
        ),
        "fallback": _said(
            "The call of a router where no entry matches.", **{"x-kernel-role": "fallback"}
        ),
        "result": _cel("What it gives, with CEL over the steps."),
        "concurrency": {
            **CONCURRENCY,
            "description": "How many invocations go on at a time; on the resources of every "
            "topology as well.",
        },
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
        "description": _text("What the value is."),
        "properties": _said("The fields of an object, a schema each.", **_NODES),
        "required": _list("The fields that must be there.", items={"type": "string"}),
        "additionalProperties": _said(
            "What other fields may be there: a schema, or false for none.",
            type=["object", "boolean"],
            **_NODE,
        ),
        "items": _said("The schema of the elements of a list.", **_NODE),
        "enum": _list("The values that there are."),
        "const": _said("The only value."),
        "default": _said("The value where none is given."),
        "format": _said(
            "What a text is: it stays a text.",
            enum=["date-time", "date", "time", "duration", "email", "uri", "uuid", "byte"],
        ),
        "pattern": _text("A regular expression that a text matches."),
        "minLength": _integer("The least length of a text."),
        "maxLength": _integer("The greatest length of a text."),
        "minimum": _number("The least number."),
        "maximum": _number("The greatest number."),
        "exclusiveMinimum": _number("A number that is greater than this."),
        "exclusiveMaximum": _number("A number that is less than this."),
        "multipleOf": _number("A number that is a multiple of this."),
        "minItems": _integer("The least number of elements."),
        "maxItems": _integer("The greatest number of elements."),
        "uniqueItems": _bool("Whether no two elements are equal."),
        "prefixItems": _list("The schemas of the first elements.", items=_NODE),
        "patternProperties": _said("Schemas by a pattern of field names.", **_NODES),
        "propertyNames": _said("The schema of the names of fields.", **_NODE),
        "minProperties": _integer("The least number of fields."),
        "maxProperties": _integer("The greatest number of fields."),
        "anyOf": _list("The value fits one of these, or more.", items=_NODE),
        "oneOf": _list("The value fits exactly one of these.", items=_NODE),
        "allOf": _list("The value fits all of these.", items=_NODE),
        "not": _said("The value does not fit this.", **_NODE),
        "if": _said("Where the value fits this, `then` counts, else `else`.", **_NODE),
        "then": _said("What counts where the value fits `if`.", **_NODE),
        "else": _said("What counts where the value does not fit `if`.", **_NODE),
        "$ref": _text("Another schema: `#/$defs/x`, or `Kind#/inputs` of another definition."),
        "$defs": _said("Schemas to refer to, by name.", **_NODES),
        "x-kernel-secret": _bool("Never shown, never in an event."),
        "x-kernel-ref": _said("The field refers to a resource: a capability, or a kind."),
        "x-kernel-eval": _said("When CEL in this field is evaluated.", enum=["load", "call"]),
        "x-kernel-context": _object(
            "CEL variables in this field, a schema each.", additionalProperties=_NODE, **_NODE
        ),
        "x-kernel-call": _bool("The field is a call site."),
        "x-kernel-role": _said(
            "What the field is to the engine.",
            enum=list(get_args(Role)),
        ),
        "x-kernel-untrusted": _said(
            "A sink that must not be fed by concatenation.", enum=["sql", "shell", "prompt"]
        ),
        "x-kernel-shown": _bool(
            "What stands in this field is shown to others: it must not hold a secret."
        ),
        "x-kernel-atomic": _bool("The call takes effect with the call around it, or not at all."),
        "x-kernel-schema": _said("The field of the call site that holds this schema."),
        "x-kernel-names": _said("The field of the call site that names these fields in braces."),
        "x-kernel-same-length": _said(
            "The field beside this number that holds a list of so many elements."
        ),
        "x-kernel-bindings": _said(
            "The input that holds the values for the placeholders of this SQL statement."
        ),
    },
}
"""The keywords of JSON Schema, and our own."""

DECLARATION: Final[Schema] = {
    **SCHEMA,
    "properties": {
        "env": _text("The environment variable that gives the value."),
        "file": _text("The file that gives the value: a path from the folder of the manifest."),
        **SCHEMA["properties"],
    },
}
"""A variable or a secret of a module."""

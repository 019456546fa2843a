"""The kinds of the kernel itself, declared the way every kind is: by a schema of their fields."""

from __future__ import annotations

from typing import Any

from kernel.safety import CLASSES

_IDENTIFIER = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}
_SCHEMA = {"type": ["object", "boolean"]}


def _described(description: str, schema: dict[str, Any] = _SCHEMA) -> dict[str, Any]:
    return {"description": description, **schema}


_DEFINITION: dict[str, Any] = {
    "type": "object",
    "description": "Declares a kind: its capability, fields, contract, safety and controller.",
    "properties": {
        "capability": {
            "description": "Its role: called with inputs; started and ends; runs until stopped; "
            "gives values to others.",
            "enum": ["Invocable", "Runnable", "Service", "Provider"],
        },
        "schema": _described("JSON Schema of the fields of a resource of this kind."),
        "inputs": _described("JSON Schema of the argument object of a call."),
        "outputs": _described("JSON Schema of the returned value."),
        "errors": {
            "description": "The error codes, with what each means for a retry.",
            "type": "object",
            "additionalProperties": {
                "type": ["object", "null"],
                "properties": {
                    "description": _described("When it happens.", {"type": "string"}),
                    "retryable": _described(
                        "Whether another attempt may go well; false: it is never retried.",
                        {"type": "boolean"},
                    ),
                    "outcome": _described(
                        "Whether it is known that nothing took effect.",
                        {"enum": ["failed", "unknown"]},
                    ),
                    "data": _described("JSON Schema of what the error carries."),
                },
                "additionalProperties": False,
            },
        },
        "safety": {
            "description": "What may be repeated; a class, or CEL over `self` that gives one.",
            "enum": [*CLASSES],
            "x-kernel-eval": "load",
        },
        "check": {
            "description": "The call that finds out whether a write landed.",
            "type": "object",
            "x-kernel-call": True,
            "properties": {
                "landed": _described(
                    "CEL bool over `result`: whether the call took effect.",
                    {"type": ["string", "boolean"], "x-kernel-eval": "call"},
                ),
                "outputs": _described(
                    "CEL over `result`: the outputs of a call that landed.",
                    {"x-kernel-eval": "call"},
                ),
            },
            "required": ["invoke", "landed"],
        },
        "controller": {
            "description": "The Python code of the kind: { python: package.module:attribute }.",
            "type": "object",
            "properties": {
                "python": {"type": "string", "pattern": "^[A-Za-z_][\\w.]*:[A-Za-z_][\\w.]*$"}
            },
            "required": ["python"],
            "additionalProperties": False,
        },
        "body": _described(
            "A topology, with `self` and `inputs` in scope: a kind made of others.",
            {"type": "object", "x-kernel-role": "steps"},
        ),
        "topology": {
            "description": "The engine that runs the call sites of the kind's resources.",
            "enum": ["Sequence", "Workflow", "Router"],
        },
    },
    "required": ["capability"],
}

_DECLARATIONS = {
    "type": "object",
    "propertyNames": _IDENTIFIER,
    "additionalProperties": {
        "type": "object",
        "properties": {
            "env": {"type": "string", "pattern": "^[^=\\x00]+$"},
            "file": {"type": "string", "pattern": "^[^\\x00]+$"},
        },
    },
}

_VALUES = {
    "type": "object",
    "propertyNames": _IDENTIFIER,
    "additionalProperties": {"x-kernel-eval": "load"},
}

_IMPORT = {
    "type": ["string", "object"],
    "minLength": 1,
    "properties": {
        "source": {
            "description": "The folder, the file, or the installed package.",
            "type": "string",
            "minLength": 1,
        },
        "vars": _described("Values for its variables: CEL over `vars` and `secrets`.", _VALUES),
        "secrets": _described("Values for its secrets: CEL over `vars` and `secrets`.", _VALUES),
    },
    "required": ["source"],
    "additionalProperties": False,
}

_MODULE: dict[str, Any] = {
    "type": "object",
    "description": "Declares what a manifest imports, its variables, secrets and targets.",
    "properties": {
        "imports": {
            "description": "Other manifests by alias: a folder, a file, an installed package.",
            "type": "object",
            "propertyNames": _IDENTIFIER,
            "additionalProperties": _IMPORT,
        },
        "exports": {
            "description": "The kinds and resources that importers may refer to; absent: all.",
            "type": "array",
            "items": _IDENTIFIER,
            "uniqueItems": True,
        },
        "vars": _described(
            "Values by name, a JSON Schema each, with `env`, `file` and `default`.", _DECLARATIONS
        ),
        "secrets": {"description": "The same for values that are never printed.", **_DECLARATIONS},
        "targets": {
            "description": "The call sites that are started, in order; Services first.",
            "type": "array",
            "items": {
                "type": "object",
                "x-kernel-call": True,
                "properties": {
                    "start": {
                        "description": "manual: started only when it is named.",
                        "enum": ["manual"],
                    }
                },
                "required": ["invoke"],
            },
        },
        "serve": {
            "description": "What answers calls that name no target.",
            "type": "object",
            "properties": {"agent": _described("The name of the agent.", _IDENTIFIER)},
            "additionalProperties": False,
        },
    },
}

_GLOBS = {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}

_POLICY: dict[str, Any] = {
    "type": "object",
    "description": "Says who may call which targets, where, and what needs an approval.",
    "properties": {
        "principals": {
            "description": "The callers that the rules are for, as globs; all where it is absent. "
            "Other callers are refused what the policy names.",
            **_GLOBS,
        },
        "targets": {
            "description": "What the policy names: kinds (`Payments.*`) or Kind/name, as globs.",
            **_GLOBS,
            "items": {"type": "string", "pattern": "^[^/\\s]+(/[^/\\s]+)?$"},
        },
        "environments": _described(
            "Where the policy holds, as globs; everywhere where it is absent.", _GLOBS
        ),
        "rules": {
            "description": "What is decided: deny goes over require-approval, that over allow; "
            "what no rule allows is denied.",
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "when": {
                        "description": "CEL bool over `inputs`, `principal`, `target`, "
                        "`environment`, `invocation` and `vars`; without it the rule always holds.",
                        "type": ["string", "boolean"],
                        "x-kernel-eval": "call",
                    },
                    "effect": _described(
                        "What the rule decides.", {"enum": ["allow", "deny", "require-approval"]}
                    ),
                    "reason": _described(
                        "Why, for whoever is told the decision.", {"type": "string"}
                    ),
                },
                "required": ["effect"],
                "additionalProperties": False,
            },
        },
        "approval": {
            "description": "How an approval that a rule asks for is given.",
            "type": "object",
            "properties": {
                "expires": {
                    "description": "Milliseconds until it is too late to approve.",
                    "type": "number",
                    "minimum": 1,
                    "maximum": 366 * 24 * 3600 * 1000,
                },
                "threshold": {
                    "description": "strict: live values equal those that were approved, and the "
                    "conditions hold; conditions: only these.",
                    "enum": ["strict", "conditions"],
                },
            },
            "additionalProperties": False,
        },
    },
    "required": ["targets", "rules"],
}

SYSTEM_KINDS = {
    "Kernel.Definition": _DEFINITION,
    "Kernel.Module": _MODULE,
    "Kernel.Policy": _POLICY,
}
"""The kinds that are not resources, with the schemas of their fields."""

CALL_SITE_FIELDS = (
    "invoke", "inputs", "when", "retry", "timeout", "idempotencyKey", "expect", "approval", "name",
)  # fmt: skip
"""The fields that every call site may have (language.md, Call site)."""

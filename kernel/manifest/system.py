"""The kinds of the kernel itself, declared the way every kind is: by a schema of their fields."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from kernel.errors import Fault

if TYPE_CHECKING:
    from kernel.manifest.document import Document
    from kernel.manifest.fields import Rules

_IDENTIFIER = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}
_SCHEMA = {"type": ["object", "boolean"]}
_TOPOLOGY = {"type": "object", "x-kernel-role": "steps"}

_DEFINITION: dict[str, Any] = {
    "type": "object",
    "properties": {
        "capability": {"enum": ["Invocable", "Runnable", "Service", "Provider"]},
        "schema": _SCHEMA,
        "inputs": _SCHEMA,
        "outputs": _SCHEMA,
        "errors": {
            "type": "object",
            "additionalProperties": {
                "type": ["object", "null"],
                "properties": {
                    "description": {"type": "string"},
                    "retryable": {"type": "boolean"},
                    "outcome": {"enum": ["failed", "unknown"]},
                    "data": _SCHEMA,
                },
                "additionalProperties": False,
            },
        },
        "safety": {
            "enum": ["idempotent", "write-once-checkable", "irreversible", "approval-bound"],
            "x-kernel-eval": "load",
        },
        "check": {
            "type": "object",
            "x-kernel-call": True,
            "properties": {
                "landed": {"type": ["string", "boolean"], "x-kernel-eval": "call"},
                "outputs": {"x-kernel-eval": "call"},
            },
            "required": ["invoke", "landed"],
        },
        "controller": {
            "type": "object",
            "properties": {
                "python": {"type": "string", "pattern": "^[A-Za-z_][\\w.]*:[A-Za-z_][\\w.]*$"}
            },
            "required": ["python"],
            "additionalProperties": False,
        },
        "body": _TOPOLOGY,
        "topology": {"enum": ["Sequence", "Workflow", "Router"]},
    },
    "required": ["capability"],
}

_DECLARATIONS = {
    "type": "object",
    "propertyNames": _IDENTIFIER,
    "additionalProperties": {
        "type": "object",
        "properties": {"env": {"type": "string", "pattern": "^[^=\\x00]+$"}},
    },
}

_MODULE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "imports": {
            "type": "object",
            "propertyNames": _IDENTIFIER,
            "additionalProperties": {"type": "string", "minLength": 1},
        },
        "vars": _DECLARATIONS,
        "secrets": _DECLARATIONS,
        "targets": {
            "type": "array",
            "items": {"type": "object", "x-kernel-call": True, "required": ["invoke"]},
        },
    },
}

SYSTEM_KINDS = {"Kernel.Definition": _DEFINITION, "Kernel.Module": _MODULE}
"""The kinds that are not resources, with the schemas of their fields."""

CALL_SITE_FIELDS = (
    "invoke", "inputs", "when", "retry", "timeout", "idempotencyKey", "expect", "approval", "name",
)  # fmt: skip
"""The fields that every call site may have (language.md, Call site)."""


def check_system(document: Document, faults: list[Fault]) -> bool:
    """Whether a Kernel.Definition or Kernel.Module is in order; reports what is not."""
    from kernel.manifest.fields import check_data

    data = {k: v for k, v in document.data.items() if k not in ("kind", "metadata")}
    found = check_data(data, _rules(document.data["kind"]), document, ())
    faults += found
    return not found


@cache
def _rules(kind: str) -> Rules:
    from kernel.manifest.fields import make_rules

    return make_rules(SYSTEM_KINDS[kind])

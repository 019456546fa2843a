"""Which fields of a topology hold what: ``x-kernel-role`` on the definition's schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from kernel.errors import Path
from kernel.manifest import Definition
from kernel.manifest.common_fields import CONCURRENCY, has_common_concurrency
from kernel.schema import keywords
from kernel.schema.keywords import Role as Role

_EVENT = "event"

Roles = Mapping[str, tuple[Path, Any]]
"""The fields by their role: where each stands, and what it holds."""

_ENGINE_FIELDS = {"steps": "Sequence", "nodes": "Workflow", "entries": "Router"}


def own_contract(roles: Roles, part: Literal["inputs", "outputs"]) -> tuple[Path, Any] | None:
    """The schema of its inputs or outputs that a topology itself declares, and where it stands.

    A field with the role ``event`` holds the schema of the input of that name.
    """
    own = roles.get(part)
    if part == "outputs" or "event" not in roles:
        return own
    path, event = roles["event"]
    if isinstance(event, Mapping):
        event = {"$id": _EVENT, **event}  # for references into the schema itself
    taken = {"type": "object", "properties": {"event": event}, "required": ["event"]}
    if own is None:
        return path, {**taken, "additionalProperties": False}
    return own[0], {"allOf": [own[1], taken]}


def roles_of(definition: Definition, fields: Mapping[str, Any], prefix: Path) -> Roles:
    """The fields of a resource by the roles that its definition's schema gives them."""
    schema = definition.schema
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    found: dict[str, tuple[Path, Any]] = {}
    if isinstance(properties, Mapping):
        for name, node in properties.items():
            if name in fields and (role := keywords.role_of(node)) is not None:
                found[role] = (*prefix, name), fields[name]
    if CONCURRENCY in fields and has_common_concurrency(definition):
        found[CONCURRENCY] = (*prefix, CONCURRENCY), fields[CONCURRENCY]
    return found


def body_of(definition: Definition) -> tuple[str, Roles]:
    """The engine and the roles of a kind's ``body``: a topology whose fields bear their own names.

    Without a ``topology:`` the engine is told by the field that holds the call sites.
    """
    body = definition.body or {}
    engine = body.get("topology", definition.topology)
    if engine is None:
        engine = next((_ENGINE_FIELDS[name] for name in body if name in _ENGINE_FIELDS), "Sequence")
    fields = {name: value for name, value in body.items() if name != "topology"}
    return str(engine), {name: (("body", name), value) for name, value in fields.items()}

"""``concurrency`` of a topology: how many of its invocations go on at a time (language.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from kernel.cel import Template
from kernel.errors import Fault, Path
from kernel.manifest import Definition, Document, Resource
from kernel.structs import struct
from kernel.topology.reader import Reader
from kernel.topology.roles import Roles, body_of, roles_of

FIELDS = ("limit", "group", "full")

Full = Literal["queue", "reject", "cancel-running"]
FULL: tuple[Full, ...] = ("queue", "reject", "cancel-running")
"""What becomes of a call that finds no slot free."""

MAX_LIMIT = 1_000_000

VARIABLES = ("inputs", "vars")
"""The variables that ``group`` reads."""


@struct(eq=False)
class Concurrency:
    """At most ``limit`` invocations of a topology at a time in each group.

    ``group`` gives the text that names the group of a call; None for one group. ``path`` is where
    the field stands in its document.
    """

    limit: int
    group: Template | None
    full: Full
    path: Path


def read_concurrency(reader: Reader, roles: Roles) -> Concurrency | None:
    """What the field with the role ``concurrency`` writes; None, where there is none.

    Also None, with faults in ``reader``, where its limit is none.
    """
    if "concurrency" not in roles:
        return None
    path, data = roles["concurrency"]
    if not isinstance(data, Mapping):
        message = f"`{path[-1]}` is {{ {', '.join(FIELDS)} }}"
        reader.wrong("K007", message, path)
        return None
    reader.known_fields(data, FIELDS, path, f"`{path[-1]}`")
    group = _read_group(reader, data, path)
    full = reader.choice(data, "full", path, FULL)
    if "limit" not in data:
        message = f"`{path[-1]}` needs `limit`, the number of invocations at a time"
        reader.wrong("K007", message, path)
        return None
    limit = reader.integer(data, "limit", path, minimum=1, maximum=MAX_LIMIT)
    if limit is None:
        if data["limit"] is None:
            reader.wrong("K007", "`limit` is an integer", (*path, "limit"))
        return None
    return Concurrency(limit, group, next((one for one in FULL if one == full), "queue"), path)


def _read_group(reader: Reader, data: Mapping[str, Any], path: Path) -> Template | None:
    group = data.get("group")
    if group is None:
        return None
    if not isinstance(group, str):
        reader.wrong("K007", "`group` is text, or an expression that gives it", (*path, "group"))
        return None
    return reader.template(group)


def concurrency_at(
    document: Document, roles: Roles
) -> tuple[Concurrency | None, tuple[Fault, ...]]:
    """What a document writes, and what is wrong with it; read once."""
    if "concurrency" not in roles:
        return None, ()
    key = concurrency_at, roles["concurrency"][0]
    if key not in document.memo:
        reader = Reader(document)
        document.memo[key] = read_concurrency(reader, roles), tuple(reader.faults)
    found: tuple[Concurrency | None, tuple[Fault, ...]] = document.memo[key]
    return found


def concurrency_of(definition: Definition, resource: Resource) -> Concurrency | None:
    """The ``concurrency`` of a resource: what it writes itself, or the body of its kind."""
    if definition.body is not None:
        return concurrency_at(definition.document, body_of(definition)[1])[0]
    roles = roles_of(definition, resource.fields, resource.path)
    return concurrency_at(resource.document, roles)[0]

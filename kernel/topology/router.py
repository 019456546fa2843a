"""The router engine: one call, chosen by what came in (language.md, Topologies)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel.errors import Path
from kernel.topology.callsite import FIELDS as CALL_FIELDS
from kernel.topology.callsite import label_of, read_call_site
from kernel.topology.forms import Call, Entry, Match, Step
from kernel.topology.reader import Reader
from kernel.topology.roles import Roles
from kernel.topology.topology import Topology, read_result

_FIELDS = CALL_FIELDS | {"description"}


def read_router(reader: Reader, roles: Roles) -> Topology:
    """The router that the fields with the roles ``entries``, ``fallback`` and ``result`` write."""
    path, data = roles.get("entries", (("entries",), []))
    other_path, other = roles.get("fallback", (("fallback",), None))
    result, result_path = read_result(reader, roles)
    root = path[:-1]
    if not isinstance(data, list):
        reader.wrong("K007", f"`{path[-1]}` is a list of `match` with a call site each", path)
        data = []
    read = (_entry(reader, one, (*path, number), root) for number, one in enumerate(data))
    entries = tuple(entry for entry in read if entry is not None)
    fallback = None if other is None else _fallback(reader, other, other_path, root)
    step = Step(None, None, Match(entries, fallback), root, "")
    return Topology((step,), None, result, result_path, True, {"event": ("inputs", "event")})


def _entry(reader: Reader, data: Any, path: Path, root: Path) -> Entry | None:
    if not isinstance(data, Mapping):
        reader.wrong("K007", "an entry is a mapping with `match` and a call site", path)
        return None
    reader.known_fields(data, _FIELDS | {"match"}, path, "this entry")
    if "match" not in data:
        reader.wrong("K007", "an entry needs `match`, a condition over `event`", path)
    match = reader.condition(data, "match", path)
    step = _call(reader, data, path)
    return None if match is None or step is None else Entry(match, step, path[len(root) :])


def _fallback(reader: Reader, data: Any, path: Path, root: Path) -> Entry | None:
    if not isinstance(data, Mapping):
        reader.wrong("K007", f"`{path[-1]}` is a call site", path)
        return None
    reader.known_fields(data, _FIELDS, path, f"`{path[-1]}`")
    step = _call(reader, data, path)
    return None if step is None else Entry(reader.template(True), step, path[len(root) :])


def _call(reader: Reader, data: Mapping[str, Any], path: Path) -> Step | None:
    fields = {name: value for name, value in data.items() if name != "when"}
    when = reader.condition(data, "when", path)
    site = read_call_site(reader, fields, path)
    return None if site is None else Step(None, when, Call(site), path, label_of(None, path))

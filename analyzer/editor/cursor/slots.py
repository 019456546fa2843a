"""What a place in a document takes: the schema nodes that apply to it, and what encloses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from analyzer.editor.cursor import vocabulary
from analyzer.editor.cursor.vocabulary import CALL_SITE, ENTRY, HEAD, NODE, SCHEMA, STEP
from kernel.errors import Path
from kernel.manifest import Module, find_kind, find_resource, schemas_of
from kernel.manifest.common_fields import CONCURRENCY, with_common_fields
from kernel.manifest.system_kinds import SYSTEM_KINDS
from kernel.schema import InvalidSchema
from kernel.schema.bundle import bundle
from kernel.schema.keywords import SCHEMA_ROLES, Traits, traits
from kernel.schema.places import inside, spread
from kernel.structs import struct
from kernel.topology.fields import variables
from kernel.topology.roles import body_of, own_contract, roles_of

_SCHEMAS: Final = ("schema", "inputs", "outputs")
_DECLARED: Final = ("vars", "secrets")
_MAX_DEPTH: Final = 5
_LISTS: Final = {"steps": STEP, "nodes": NODE, "entries": ENTRY}
"""What the lists of call sites hold, by their roles."""


@struct
class Slot:
    """A place. ``nodes`` are the schema nodes that apply to it, ``root`` is what they refer to.

    ``data`` is what is written there. ``kind``: it is a resource of that kind, or its fields.
    ``ref``: it refers to a resource of this kind or capability. ``is_call``: it has the
    fields of a call site; ``holder`` is the slot around it.
    """

    module: Module
    data: Any
    nodes: tuple[Mapping[str, Any], ...]
    root: Any
    name: str | int = ""
    kind: str | None = None
    ref: str | None = None
    is_step: bool = False
    is_call: bool = False
    holder: Slot | None = None

    @property
    def fields(self) -> dict[str, tuple[Mapping[str, Any], bool]]:
        """The fields that may stand here: the schema of each, and whether it is required."""
        required = {name for node in self.nodes for name in node.get("required") or ()}
        found: dict[str, tuple[Mapping[str, Any], bool]] = {}
        for node in self.nodes:
            for name, schema in (node.get("properties") or {}).items():
                local = _described(schema, self.root)
                if name not in found or (not found[name][0].get("description") and local):
                    found[name] = local, name in required
        return found

    @property
    def description(self) -> str:
        """What the schema says about the place."""
        return next((str(n["description"]) for n in self.nodes if n.get("description")), "")

    def traits(self) -> Iterator[Traits]:
        """What our own keywords say about the place."""
        return map(traits, self.nodes)


def slot_at(module: Module, data: Any, path: Path) -> Slot:
    """The slot at a path of a document."""
    slot = _resource(module, data, None, "")
    for step in path:
        slot = _inner(slot, step)
    return slot


def _resource(module: Module, data: Any, holder: Slot | None, name: str | int) -> Slot:
    """A document, or a resource in place."""
    found = _part(data, "kind")
    kind = found if isinstance(found, str) else None
    more = vocabulary.MORE_METADATA.get(kind or "", {})
    head: Any = HEAD
    if more:
        metadata = HEAD["properties"]["metadata"]
        metadata = {**metadata, "properties": {**metadata["properties"], **more}}
        head = {**HEAD, "properties": {**HEAD["properties"], "metadata": metadata}}
    root = _schema_of(module, kind)
    return Slot(module, data, (head, *_spread([root], root)), root, name, kind, holder=holder)


def _schema_of(module: Module, kind: str | None) -> Any:
    """The schema of the fields of a kind; true where nothing is known of it."""
    if kind is None:
        return True
    if kind in SYSTEM_KINDS:
        return SYSTEM_KINDS[kind]
    found = find_kind(module, kind)
    if found is None or found[0].schema is None:
        return True
    return with_common_fields(found[0], _bundled(found[0].schema, found[1]))


def _bundled(schema: Any, home: Module) -> Any:
    try:
        return bundle(schema, schemas_of(home))
    except InvalidSchema:
        return schema


def _inner(slot: Slot, step: str | int) -> Slot:
    """The slot of a field or an element."""
    data = _part(slot.data, step)
    inner = Slot(slot.module, data, (), slot.root, step, holder=slot)
    if slot.is_call and step == "inputs":
        return _arguments(inner, slot)
    if slot.kind in SYSTEM_KINDS and slot.holder is None:
        known = _system(slot.kind, inner, step)
        if known is not None:
            return known
    own = _of_module(slot, inner, step)
    if own is not None:
        return own
    if slot.holder is not None and slot.holder.kind in SYSTEM_KINDS and slot.name in _DECLARED:
        return replace(inner, nodes=(vocabulary.DECLARATION,), root=SCHEMA)
    if _is_schema(slot, step):
        return replace(inner, nodes=(SCHEMA,), root=SCHEMA)
    name = str(step) if isinstance(slot.data, Mapping) else step
    inner = replace(inner, nodes=tuple(_spread(inside(list(slot.nodes), name), slot.root)))
    return _special(inner, [*inner.traits()])


def _is_schema(slot: Slot, step: str | int) -> bool:
    """Whether a field of a call site holds the schema of one of its variables."""
    path: list[str] = [str(step)]
    here: Slot | None = slot
    while here is not None and not here.is_call:
        path.insert(0, str(here.name))
        here = here.holder
    if here is None or len(path) > _MAX_DEPTH:
        return False
    contexts = [one.context for one in here.traits() if one.context]
    return any(".".join(path) in _sources(context, here.root) for context in contexts)


def _sources(context: Any, root: Any) -> Iterator[str]:
    """The fields of a call site that hold schemas of its variables."""
    waiting = [(schema, 0) for schema in variables(context).values()]
    while waiting:
        schema, depth = waiting.pop()
        for node in _spread([schema], root):
            source = traits(node).schema
            if source is not None:
                yield source
            if depth < _MAX_DEPTH:
                inner = (node.get("properties") or {}).values()
                waiting += [(one, depth + 1) for one in inner]


def _special(slot: Slot, found: list[Traits]) -> Slot:
    """A slot with the nodes that our own keywords in its schema stand for."""
    roles = {one.role for one in found if one.role}
    for role in roles & _LISTS.keys():
        items = {"type": "array", "items": _LISTS[role], "description": slot.description}
        return replace(slot, nodes=(items,), root=items)
    if CONCURRENCY in roles:
        said = {**vocabulary.CONCURRENCY, "description": slot.description}
        return replace(slot, nodes=(said,), root=said)
    if "fallback" in roles:
        said = {**CALL_SITE, "description": slot.description}
        return replace(slot, nodes=(said, CALL_SITE), root=said, is_call=True)
    if roles & SCHEMA_ROLES:
        said = {**SCHEMA, "description": slot.description}
        return replace(slot, nodes=(said,), root=SCHEMA)
    ref = next((one.ref for one in found if one.ref), None)
    if ref is not None:
        made = _resource(slot.module, slot.data, slot.holder, slot.name)
        own = tuple(node for node in made.nodes if node is not HEAD)
        said = {**vocabulary.REFERENCE, "description": slot.description}
        return replace(made, nodes=(said, HEAD, *own), ref=ref)
    if any(node is STEP or node is NODE for node in slot.nodes):
        return replace(slot, is_step=True, is_call=True)
    if any(node is ENTRY for node in slot.nodes):
        return replace(slot, is_call=True)
    if any(one.call for one in found):
        nodes = slot.nodes if any(n is CALL_SITE for n in slot.nodes) else (*slot.nodes, CALL_SITE)
        return replace(slot, nodes=nodes, is_call=True)
    return slot


def _system(kind: str, slot: Slot, step: str | int) -> Slot | None:
    """The fields of the kernel's own kinds that hold schemas and topologies."""
    if kind != "Kernel.Definition" or step not in (*_SCHEMAS, "body"):
        return None
    root = vocabulary.TOPOLOGY if step == "body" else SCHEMA
    said = SYSTEM_KINDS[kind]["properties"].get(step, {}).get("description", "")
    return replace(slot, nodes=({**root, "description": said},), root=root)


def _of_module(around: Slot, slot: Slot, step: str | int) -> Slot | None:
    """What a Kernel.Module takes by what is declared: exported names, values for an import."""
    names = [
        one.name for one in (around, around.holder, around.holder and around.holder.holder) if one
    ]
    top = around
    while top.holder is not None:
        top = top.holder
    if top.kind != "Kernel.Module":
        return None
    if names == ["exports", ""]:
        module = slot.module
        known = [*module.resources, *(one.name for one in module.definitions.values())]
        return replace(slot, nodes=({"type": "string", "enum": known},))
    if names[1:] == ["imports", ""] and step in _DECLARED:
        imported = slot.module.imports.get(str(around.name))
        if imported is not None:
            declared = imported.vars if step == "vars" else imported.secrets
            fields = {name: _bundled(one.schema, imported) for name, one in declared.items()}
            needed = [name for name, one in declared.items() if not one.has_source]
            return replace(slot, nodes=({"properties": fields, "required": needed},))
    return None


def _arguments(slot: Slot, call: Slot) -> Slot:
    """The ``inputs`` of a call site: the contract of what it calls."""
    schema = _inputs_of(call.module, _part(call.data, "invoke"))
    said = _part(CALL_SITE["properties"], "inputs")
    if schema is None:
        return replace(slot, nodes=(said,))
    return replace(slot, nodes=(said, *_spread([schema], schema)), root=schema)


def _inputs_of(module: Module, target: Any) -> Any:
    """The bundled schema of the arguments of what ``invoke`` names; None where none is declared."""
    kind, name = _part(target, "kind"), _part(target, "name")
    if not isinstance(kind, str):
        return None
    home, fields = module, target
    if isinstance(name, str):
        found = find_resource(module, kind, name)
        if found is not None:
            fields, home, kind = found[0].fields, found[1], found[0].kind
    definition = find_kind(home, kind)
    if definition is None:
        return None
    own = own_contract(roles_of(definition[0], fields, ()), "inputs")
    if own is not None:
        return _bundled(own[1], home)
    declared = definition[0].inputs
    if declared is None and definition[0].body is not None:
        declared = (own_contract(body_of(definition[0])[1], "inputs") or ((), None))[1]
    return None if declared is None else _bundled(declared, definition[1])


def _described(schema: Any, root: Any) -> Mapping[str, Any]:
    """A node with the keywords of the nodes that its reference leads to."""
    made: dict[str, Any] = {}
    for node in reversed(_spread([schema], root)):
        made.update(node)
    return made


def _spread(nodes: list[Any], root: Any) -> list[Mapping[str, Any]]:
    try:
        return spread(nodes, root)
    except (KeyError, AttributeError, TypeError):
        return [node for node in nodes if isinstance(node, Mapping)]


def _part(data: Any, step: str | int) -> Any:
    if isinstance(data, Mapping):
        return data.get(step)
    if isinstance(data, list) and isinstance(step, int) and 0 <= step < len(data):
        return data[step]
    return None

"""The schemas of the CEL variables of a field, with what its call site writes of them.

``x-kernel-schema``, within ``x-kernel-context``, marks where a schema goes that is written in a
field of the call site; where none is written, the keywords beside the mark hold. ``x-kernel-names``
marks the field whose text has, in braces, the names of fields that are always there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from analyzer.program.linking import StandaloneSite, Unit
from kernel.errors import Path
from kernel.schema import InvalidSchema
from kernel.schema.bundle import moved, pointer
from kernel.schema.keywords import rebuilt, subschemas, traits
from kernel.topology.fields import variables

_NAME = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?::[^{}]*)?\}")


def shared(unit: Unit) -> Mapping[str, Any]:
    """What the schemas of contexts may refer to: the ``$defs`` of the kind's own schema."""
    root = None if unit.definition is None else unit.definition.schema
    return {key: root[key] for key in ("$defs", "definitions") if root and key in root}


def written_schema(unit: Unit, schema: Any, data: Any) -> Any:
    """The schema of a variable, self-contained but for what leads to other definitions."""
    return as_written({"allOf": [schema], **shared(unit)}, data)


def as_written(schema: Any, data: Any, path: Path = ()) -> Any:
    """The schema with what the call site writes in the place of ``x-kernel-schema``.

    A schema that is written there is self-contained: its references lead nowhere but into itself.
    ``path`` is the place of the schema in the one whose references are followed.
    """
    if not isinstance(schema, Mapping):
        return schema
    said = traits(schema)
    names = _names(data, said.names)
    if said.schema is not None:
        found = _at(data, tuple(said.schema.split(".")))
        if isinstance(found, Mapping | bool):
            return _certain(_moved(found, path), names)
    if names is not None:
        return _only(schema, names)
    return rebuilt(schema, lambda step, child: as_written(child, data, path + step))


def schemas_at(unit: Unit) -> Iterator[tuple[Path, Any]]:
    """The schemas that the call sites of a unit write themselves, with their places."""
    for site in unit.sites:
        for source in dict.fromkeys(_sources(unit, site)):
            steps: Path = tuple(source.split("."))
            found = _at(site.data, steps)
            if isinstance(found, Mapping | bool):
                yield site.path + steps, found


def _sources(unit: Unit, site: StandaloneSite) -> Iterator[str]:
    """The fields of a call site that hold schemas of its variables."""
    contexts = [site.context, *(place.context for place in site.own_fields)]
    waiting = [schema for context in contexts for schema in variables(context).values()]
    if waiting:
        waiting += [{key: value} for key, value in shared(unit).items()]
    while waiting:
        node = waiting.pop(0)
        source = traits(node).schema
        if source is not None:
            yield source
        waiting += [child for _, child in subschemas(node)]


def _moved(schema: Any, path: Path) -> Any:
    """A schema that goes into another; a wrong one, reported elsewhere, allows anything."""
    try:
        return moved(schema, pointer(path))
    except InvalidSchema:
        return {}


def _names(data: Any, field: str | None) -> list[str] | None:
    """The names in braces in the text of a field of the call site."""
    text = None if field is None else _at(data, tuple(field.split(".")))
    return list(dict.fromkeys(_NAME.findall(text))) if isinstance(text, str) else None


def _certain(schema: Any, names: list[str] | None) -> Any:
    """The schema of an object, with some fields required."""
    if not names or not isinstance(schema, Mapping):
        return schema
    return {**schema, "required": list(dict.fromkeys([*schema.get("required", ()), *names]))}


def _only(schema: Mapping[str, Any], names: list[str]) -> Any:
    """The schema of an object that has certain fields and no others."""
    properties = dict.fromkeys(names, schema.get("additionalProperties", {}))
    return {**schema, "properties": properties, "required": names, "additionalProperties": False}


def _at(data: Any, path: Path) -> Any:
    for step in path:
        if not isinstance(data, Mapping):
            return None
        data = data.get(step)
    return data

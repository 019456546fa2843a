"""The schemas of a module: where their references lead, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from kernel.errors import Fault, Path
from kernel.manifest.document import Document
from kernel.manifest.model import Definition, Module
from kernel.manifest.resolve import find_kind
from kernel.schema import Contract, Schemas, check_schema
from kernel.schema.resources import Resource, SchemaDocument, identifier

_PARTS = ("schema", "inputs", "outputs")


def schemas_of(module: Module) -> Schemas:
    """Where references in a module's schemas lead: to the definitions that the module can name.

    ``Charge`` is a definition of the module itself; ``Payments.Charge`` is one as a resource would
    name it: the module's own, an import's, the library's.
    """
    if schemas_of not in module.memo:
        module.memo[schemas_of] = _schemas(module)
    schemas: Schemas = module.memo[schemas_of]
    return schemas


def _schemas(module: Module) -> Schemas:
    def lookup(name: str) -> Contract | None:
        kind = name if "." in name else f"{module.name}.{name}"
        found = find_kind(module, kind)
        if found is None and "." not in name:
            own = [d for d in module.definitions.values() if d.name == name]
            found = (own[0], module) if len(own) == 1 else None
        if found is None:
            return None
        definition, home = found
        return Contract(definition.kind, _parts(definition), schemas_of(home))

    @cache
    def own() -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for document in _documents(module):
            for schema in _identified(document.data):
                for uri, resource in SchemaDocument(schema, schemas).resources.items():
                    found.setdefault(uri, []).append(resource)
        return found

    def identified(uri: str) -> list[Resource]:
        nearest = own().get(uri)
        return nearest or [
            one for other in module.imports.values() for one in schemas_of(other).identified(uri)
        ]

    schemas = Schemas(lookup, identified)
    return schemas


def _documents(module: Module) -> Iterable[Document]:
    found = [definition.document for definition in module.definitions.values()]
    found += [resource.document for resource in module.resources.values()]
    return dict.fromkeys(found if module.document is None else [*found, module.document])


def _identified(data: Any) -> Iterator[Any]:
    """The outermost mappings of a document that have an ``$id``: its schemas that have a URI."""
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if identifier(value) is not None:
                yield value
                continue
            value = list(value.values())
        if isinstance(value, list):
            waiting += reversed(value)


def check_definitions(module: Module) -> list[Fault]:
    """What is wrong with the schemas that a module's documents declare (K101, K102, K105)."""
    schemas = schemas_of(module)
    faults: list[Fault] = []
    for definition in module.definitions.values():
        for part, schema in _parts(definition).items():
            faults += schema_faults(schema, schemas, definition.document, (part,))
    for declaration in (*module.vars.values(), *module.secrets.values()):
        faults += schema_faults(declaration.schema, schemas, declaration.document, declaration.path)
    return faults


def schema_faults(schema: Any, schemas: Schemas, document: Document, path: Path) -> list[Fault]:
    """What is wrong with the schema that stands at ``path`` of a document."""
    return [
        Fault(
            found.code,
            found.problem.message,
            document.span(path + found.problem.path),
            None,
            path + found.problem.path,
        )
        for found in check_schema(schema, schemas)
    ]


def _parts(definition: Definition) -> dict[str, Any]:
    declared = ((part, getattr(definition, part)) for part in _PARTS)
    return {part: schema for part, schema in declared if schema is not None}

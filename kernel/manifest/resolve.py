"""Kinds to definitions, references to resources."""

from __future__ import annotations

from collections.abc import Mapping

from kernel.errors import Fault
from kernel.manifest.model import Definition, Module, Resource
from kernel.manifest.suggest import did_you_mean


def resolve_kind(module: Module, kind: str) -> Definition | None:
    """The definition that ``kind`` means in a module: its own, an import's, the library's.

    Raises ManifestError if the library module that it names is wrong.
    """
    found = find_kind(module, kind)
    return found[0] if found else None


def find_kind(module: Module, kind: str) -> tuple[Definition, Module] | None:
    """Like `resolve_kind`, with the module that the definition stands in."""
    if own := module.definitions.get(kind):
        return own, module
    alias, _, name = kind.partition(".")
    if imported := module.imports.get(alias):
        definition = exported(imported, name)
        return (definition, imported) if definition else None
    library = module.library(alias)
    if library is None or (shipped := library.definitions.get(kind)) is None:
        return None
    return shipped, library


def find_resource(module: Module, kind: str, name: str) -> tuple[Resource, Module] | None:
    """The resource that `{kind, name}` names in a module, and the module that it stands in.

    `Alias.Name` is a resource of an import; so is a plain name that the module itself does not
    have, where the kind is the import's. The resource may be of another kind than the reference
    says.
    """
    alias, dot, inner = name.partition(".")
    if dot and alias in module.imports:
        module, name = module.imports[alias], inner
    elif name not in module.resources:
        module = module.imports.get(kind.partition(".")[0], module)
    resource = module.resources.get(name)
    return (resource, module) if resource else None


def exported(module: Module, name: str) -> Definition | None:
    """The definition that an imported module offers by its bare name.

    One of the module's own name comes first; else it must be the only one of that name.
    """
    if own := module.definitions.get(f"{module.name}.{name}"):
        return own
    others = [d for d in module.definitions.values() if d.name == name]
    return others[0] if len(others) == 1 else None


def is_lost(module: Module, name: str) -> bool:
    """Whether a kind, or a resource, is of an import that could not be read, which is told."""
    alias, dot, _ = name.partition(".")
    declared = module.document.data.get("imports") if module.document else None
    if not dot or not isinstance(declared, Mapping):
        return False
    return alias in declared and alias not in module.imports


def unknown_kind(module: Module, resource: Resource) -> Fault:
    """The fault (K004) for a resource whose kind has no definition."""
    known = set(module.definitions)
    known.update(f"{a}.{d.name}" for a, m in module.imports.items() for d in m.definitions.values())
    alias = resource.kind.partition(".")[0]
    if alias not in module.imports and (library := module.library(alias)):
        known.update(library.definitions)
    return Fault(
        "K004",
        f"there is no kind {resource.kind}",
        resource.span(("kind",)),
        did_you_mean(resource.kind, known),
        (*resource.path, "kind"),
    )

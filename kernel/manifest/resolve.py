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
    have, where the kind is the import's. An import has what its module exports. The resource may
    be of another kind than the reference says.
    """
    home, inner = _home(module, kind, name)
    resource = home.resources.get(inner)
    if resource is None or (home is not module and not home.is_exported(inner)):
        return None
    return resource, home


def _home(module: Module, kind: str, name: str) -> tuple[Module, str]:
    """The module that a reference leads to, and the name of the resource there."""
    alias, dot, inner = name.partition(".")
    if dot and alias in module.imports:
        return module.imports[alias], inner
    if name not in module.resources:
        return module.imports.get(kind.partition(".")[0], module), name
    return module, name


def exported(module: Module, name: str) -> Definition | None:
    """The definition that an imported module exports by its bare name."""
    return _offered(module, name) if module.is_exported(name) else None


def _offered(module: Module, name: str) -> Definition | None:
    """The definition of a bare name.

    One of the module's own name comes first; else it must be the only one of that name.
    """
    if own := module.definitions.get(f"{module.name}.{name}"):
        return own
    others = [d for d in module.definitions.values() if d.name == name]
    return others[0] if len(others) == 1 else None


def is_lost(module: Module, name: str) -> bool:
    """Whether a kind, or a resource, could not be read, or its import could not, which is told."""
    alias, dot, bare = name.partition(".")
    if name in module.lost:
        return True
    if dot and (imported := module.imports.get(alias)) is not None:
        return bare in imported.lost or f"{imported.name}.{bare}" in imported.lost
    document = module.document or module.lost_head()
    declared = document.data.get("imports") if document else None
    return bool(dot) and isinstance(declared, Mapping) and alias in declared


def unexported(module: Module, kind: str, name: str | None = None) -> tuple[str, str] | None:
    """The message and the help for a kind, or a resource of a kind, that is there, not exported."""
    if name is None:
        alias, _, bare = kind.partition(".")
        home = module.imports.get(alias)
        is_there = home is not None and _offered(home, bare) is not None
    else:
        home, bare = _home(module, kind, name)
        is_there = home is not module and bare in home.resources
    if home is None or not is_there or home.is_exported(bare):
        return None
    shown = kind if name is None else name
    offers = ", ".join(home.exports or ()) or "nothing"
    message = f"`{shown}` is not exported by the module {home.name}, which exports {offers}"
    return message, f"add {bare} to the `exports` of {home.name}"


def unknown_kind(module: Module, resource: Resource) -> Fault:
    """The fault (K004) for a resource whose kind has no definition."""
    path = (*resource.path, "kind")
    if (told := unexported(module, resource.kind)) is not None:
        return Fault("K004", told[0], resource.span(("kind",)), told[1], path)
    known = set(module.definitions)
    known.update(
        f"{alias}.{one.name}"
        for alias, imported in module.imports.items()
        for one in imported.definitions.values()
        if imported.is_exported(one.name)
    )
    alias = resource.kind.partition(".")[0]
    if alias not in module.imports and (library := module.library(alias)):
        known.update(library.definitions)
    return Fault(
        "K004",
        f"there is no kind {resource.kind}",
        resource.span(("kind",)),
        did_you_mean(resource.kind, known),
        path,
    )

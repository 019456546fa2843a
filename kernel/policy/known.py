"""What the targets of a policy may name in a manifest, and those that name nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kernel.errors import Fault
from kernel.manifest import Manifest, Module, find_kind, library_module, library_names, resolve_kind
from kernel.manifest.resolve import is_lost
from kernel.manifest.suggest import did_you_mean
from kernel.policy.names import kind_names, names_target, resource_names
from kernel.structs import struct

_WILD = frozenset("*?[")


@struct
class Nameable:
    """A kind, or a resource of it, by the names that a module has for it."""

    kinds: tuple[str, ...]
    names: tuple[str, ...] = ()


def is_wild(glob: str) -> bool:
    """Whether a glob may be the whole of more than one text."""
    return not _WILD.isdisjoint(glob)


def unknown_targets(manifest: Manifest, module: Module) -> Iterator[Fault]:
    """The targets of the policies of a module, without wildcards, that are not there (K201)."""
    if not module.policies:
        return
    known = list(nameable(manifest, module))
    for policy in module.policies.values():
        for number, target in enumerate(policy.targets):
            kind, slash, _ = target.partition("/")
            if is_wild(target) or names_any(known, target) or is_lost(module, kind):
                continue
            if not slash and resolve_kind(module, kind) is not None:
                continue
            what = "resource" if slash else "kind"
            path = ("targets", number)
            span = policy.document.span(path)
            hint = did_you_mean(target, _written(known, bool(slash)))
            yield Fault("K201", f"there is no {what} `{target}`", span, hint, path)


def names_nothing(manifest: Manifest, module: Module, glob: str) -> bool:
    """Whether a target with wildcards is for nothing in the manifest and its library."""
    if names_any(nameable(manifest, module), glob):
        return False
    return "/" in glob or not names_any(_library(module), glob)


def names_any(known: Iterable[Nameable], glob: str) -> bool:
    """Whether a target names one of several things."""
    return any(names_target((glob,), one.kinds, one.names) for one in known)


def nameable(manifest: Manifest, module: Module) -> Iterator[Nameable]:
    """What policies of a module are for: those of the root module for everything."""
    for place in {id(m): m for m in manifest.modules.values()}.values():
        if module not in (place, manifest.root):
            continue
        for definition in place.definitions.values():
            yield Nameable(kind_names(module, definition, place))
        for kind, name in _resources(place):
            found = find_kind(place, kind)
            kinds = (kind,) if found is None else kind_names(module, *found)
            yield Nameable(kinds, resource_names(module, name, place))


def _resources(module: Module) -> Iterator[tuple[str, str]]:
    """The kind and the name of each resource; of those in place the name may be empty."""
    for resource in module.resources.values():
        yield resource.kind, resource.name
    waiting: list[Any] = [resource.fields for resource in module.resources.values()]
    waiting += [one for kind in module.definitions.values() for one in (kind.body, kind.check)]
    waiting += [target.data for target in module.targets or ()]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            metadata, kind = value.get("metadata"), value.get("kind")
            if isinstance(kind, str) and "name" not in value:
                name = metadata.get("name") if isinstance(metadata, Mapping) else None
                yield kind, name if isinstance(name, str) else ""
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _library(module: Module) -> Iterator[Nameable]:
    for alias in library_names():
        library = None if alias in module.imports else library_module(alias)
        for kind in () if library is None else library.definitions:
            yield Nameable((kind,))


def _written(known: Iterable[Nameable], resources: bool) -> Iterator[str]:
    for one in known:
        if resources:
            yield from (f"{kind}/{name}" for kind in one.kinds for name in one.names if name)
        else:
            yield from one.kinds

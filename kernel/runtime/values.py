"""The values of a manifest's variables and secrets, module by module."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from kernel.errors import Fault, ManifestError, ValuesError
from kernel.events import Redactor
from kernel.events.redaction import step, texts
from kernel.events.references import References
from kernel.manifest import Manifest, Module, resolve_values
from kernel.manifest.values import Values
from kernel.registry.scope import ModuleScope


def scopes_of(
    manifest: Manifest, given: Mapping[str, Any], environ: Mapping[str, str] | None = None
) -> tuple[dict[int, ModuleScope], list[str]]:
    """The scope of each module by its identity, and the texts that must never be shown.

    ``given`` are values for the root module, above its environment variables and defaults.
    Raises :class:`ValuesError` with all that is missing or wrong, in all modules.
    """
    found = _values(manifest, given, environ)
    scopes = {
        id(module): ModuleScope(module, found[id(module)].vars, found[id(module)].secrets)
        for module in _modules(manifest)
    }
    return scopes, list(texts([values.secrets for values in found.values()]))


def named_secrets(
    manifest: Manifest, secrets: Mapping[int, Mapping[str, Any]]
) -> list[tuple[str, Mapping[str, Any]]]:
    """The secrets of the modules by the names that :class:`References` keeps, ``Orders.secrets``.

    ``secrets`` has those of a module by its identity.
    """
    names = {id(module): name for name, module in manifest.modules.items()}
    return [
        (f"{step(names.get(id(module), module.name))}.secrets", secrets[id(module)])
        for module in _modules(manifest)
    ]


def variables_as_given(
    manifest: Manifest,
    kept: Mapping[str, Any],
    given: Mapping[str, Any],
    environ: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The variables that a run began with, as they were given: the secrets in them stand in again.

    ``kept`` is what the journal has of them, ``given`` are values for the root module. Raises
    :class:`ValuesError` with the secrets that are missing or wrong, and LostSecret.
    """
    own = {name: given[name] for name in manifest.root.secrets if name in given}
    found = _values(manifest, own, environ, lambda module: replace(module, vars={}))
    secrets = {module: values.secrets for module, values in found.items()}
    redactor = Redactor(texts([*secrets.values()]))
    return dict(References(redactor, named_secrets(manifest, secrets)).show(dict(kept)))


def _values(
    manifest: Manifest,
    given: Mapping[str, Any],
    environ: Mapping[str, str] | None,
    declared: Callable[[Module], Module] = lambda module: module,
) -> dict[int, Values]:
    """The values of each module by its identity, of what is ``declared`` in it.

    Raises :class:`ValuesError` with all that is missing or wrong, in all modules.
    """
    environ = os.environ if environ is None else environ
    found: dict[int, Values] = {}
    faults: list[Fault] = []
    for module in _modules(manifest):
        own = given if module is manifest.root else None
        try:
            found[id(module)] = resolve_values(declared(module), own, environ)
        except ManifestError as error:
            faults.extend(error.faults)
    if faults:
        raise ValuesError(faults)
    return found


def _modules(manifest: Manifest) -> Iterator[Module]:
    yield from {id(m): m for m in (manifest.root, *manifest.modules.values())}.values()

"""The values of a manifest's variables and secrets, module by module."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from kernel.errors import Fault, ManifestError, ValuesError
from kernel.events import Redactor
from kernel.events.redaction import step, texts
from kernel.events.references import References
from kernel.manifest import Manifest, Module, resolve_values
from kernel.registry.scope import ModuleScope


def scopes_of(
    manifest: Manifest, given: Mapping[str, Any], environ: Mapping[str, str] | None = None
) -> tuple[dict[int, ModuleScope], list[str]]:
    """The scope of each module by its identity, and the texts that must never be shown.

    ``given`` are values for the root module, above its environment variables and defaults.
    Raises :class:`ValuesError` with all that is missing or wrong, in all modules.
    """
    environ = os.environ if environ is None else environ
    scopes: dict[int, ModuleScope] = {}
    faults: list[Fault] = []
    hidden: list[str] = []
    for module in _modules(manifest):
        try:
            values = resolve_values(module, given if module is manifest.root else None, environ)
        except ManifestError as error:
            faults.extend(error.faults)
            continue
        scopes[id(module)] = ModuleScope(module, values.vars, values.secrets)
        hidden.extend(texts(list(values.secrets.values())))
    if faults:
        raise ValuesError(faults)
    return scopes, hidden


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
    environ = os.environ if environ is None else environ
    found: dict[int, Mapping[str, Any]] = {}
    faults: list[Fault] = []
    for module in _modules(manifest):
        own = {name: given[name] for name in module.secrets if name in given}
        try:
            values = resolve_values(
                replace(module, vars={}), own if module is manifest.root else None, environ
            )
        except ManifestError as error:
            faults.extend(error.faults)
            continue
        found[id(module)] = values.secrets
    if faults:
        raise ValuesError(faults)
    redactor = Redactor(texts([*found.values()]))
    return dict(References(redactor, named_secrets(manifest, found)).show(dict(kept)))


def _modules(manifest: Manifest) -> Iterator[Module]:
    yield from {id(m): m for m in (manifest.root, *manifest.modules.values())}.values()

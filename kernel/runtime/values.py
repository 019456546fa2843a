"""The values of a manifest's variables and secrets, module by module."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from kernel.errors import Fault, ManifestError, ValuesError
from kernel.events.redaction import texts
from kernel.manifest import Manifest, resolve_values
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
    for module in {id(m): m for m in (manifest.root, *manifest.modules.values())}.values():
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

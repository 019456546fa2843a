"""The values of a manifest's variables and secrets, module by module."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from kernel.cel import CelError, Template, compile_template, references, to_json
from kernel.errors import Fault, ValuesError
from kernel.events import Redactor
from kernel.events.redaction import step, texts
from kernel.events.references import References
from kernel.manifest import Manifest, Module
from kernel.manifest.values import Group, PassedValue, PassedValues, Values, find_values
from kernel.registry.scope import ModuleScope


def scopes_of(
    manifest: Manifest, given: Mapping[str, Any], environ: Mapping[str, str] | None = None
) -> tuple[dict[int, ModuleScope], list[str]]:
    """The scope of each module by its identity, and the texts that must never be shown.

    ``given`` are values for the root module, above its environment variables, files and defaults.
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
    secrets = {module: _known_secrets(values) for module, values in found.items()}
    redactor = Redactor(texts([*secrets.values()]))
    return dict(References(redactor, named_secrets(manifest, secrets)).show(dict(kept)))


def variables_without_secrets(
    manifest: Manifest, given: Mapping[str, Any], environ: Mapping[str, str] | None = None
) -> Callable[[Module], Mapping[str, Any]]:
    """The variables of each module, for what reads no secrets: these need no values then.

    What is returned raises :class:`ValuesError` for a module that lacks a value.
    """
    found, faults = _find_values(manifest, given, environ, lambda one: replace(one, secrets={}))

    def variables(module: Module) -> Mapping[str, Any]:
        values = found[id(module)]
        if any(group == "vars" for group, _ in values.unknown):
            raise ValuesError(faults)
        return values.vars

    return variables


def _known_secrets(values: Values) -> dict[str, Any]:
    """The secrets of a module but for those that are made of variables, which are not known yet."""
    known = values.secrets.items()
    return {name: value for name, value in known if ("secrets", name) not in values.unknown}


def _values(
    manifest: Manifest,
    given: Mapping[str, Any],
    environ: Mapping[str, str] | None,
    declared: Callable[[Module], Module] = lambda module: module,
) -> dict[int, Values]:
    """The values of each module by its identity, of what is ``declared`` in it.

    Raises :class:`ValuesError` with all that is missing or wrong, in all modules.
    """
    found, faults = _find_values(manifest, given, environ, declared)
    if faults:
        raise ValuesError(faults)
    return found


def _find_values(
    manifest: Manifest,
    given: Mapping[str, Any],
    environ: Mapping[str, str] | None,
    declared: Callable[[Module], Module],
) -> tuple[dict[int, Values], list[Fault]]:
    """Like `_values`, with what is missing or wrong beside the values, without secrets."""
    environ = os.environ if environ is None else environ
    found: dict[int, Values] = {}
    faults: list[Fault] = []
    waiting: list[tuple[Module, PassedValues | None]] = [(manifest.root, None)]
    while waiting:
        module, passed = waiting.pop()
        if id(module) in found:
            continue
        own = given if module is manifest.root else None
        asked = declared(module)
        values, wrong = find_values(asked, own, environ, passed)
        values = replace(values, unknown=values.unknown | _left_out(module, asked))
        found[id(module)] = values
        faults += wrong
        for alias, imported in module.imports.items():
            if id(imported) not in found:
                waiting.append((imported, _passed(module, alias, values, faults)))
    if faults:
        redactor = Redactor(texts([values.secrets for values in found.values()]))
        faults = [replace(one, message=redactor.text(one.message)) for one in faults]
    return found, faults


def _left_out(module: Module, asked: Module) -> set[tuple[Group, str]]:
    """What a module declares and nobody asks for."""
    vars, secrets = module.vars.keys() - asked.vars, module.secrets.keys() - asked.secrets
    return {*(("vars", name) for name in vars), *(("secrets", name) for name in secrets)}


def _passed(
    module: Module, alias: str, values: Values, faults: list[Fault]
) -> dict[tuple[Group, str], PassedValue]:
    """The values that a module passes to one of its imports; ``faults`` gets what fails."""
    written = module.passed.get(alias)
    found: dict[tuple[Group, str], PassedValue] = {}
    if written is None:
        return found
    bindings = {"vars": values.vars, "secrets": values.secrets}
    groups: dict[Group, Mapping[str, Any]] = {"vars": written.vars, "secrets": written.secrets}
    for group, ones in groups.items():
        for name, one in ones.items():
            path, document = (*written.path, group, name), written.document
            template = compile_template(one)
            value, is_known = None, not _reads(template, values.unknown)
            if is_known:
                try:
                    value = to_json(template.evaluate(bindings))
                except CelError as error:
                    span = document.span((*path, *error.path))
                    faults.append(Fault("K301", str(error), span, None, path))
                    is_known = False
            found[group, name] = PassedValue(value, document, path, is_known)
    return found


def _reads(template: Template, unknown: Collection[tuple[Group, str]]) -> bool:
    """Whether a template reads variables or secrets that have no value."""
    read = (one for _, each in template.tree.expressions() for one in references(each.expr))
    return any(
        one[0] == group and one[1:2] in ((), (name,)) for one in read for group, name in unknown
    )


def _modules(manifest: Manifest) -> Iterator[Module]:
    yield from {id(m): m for m in (manifest.root, *manifest.modules.values())}.values()

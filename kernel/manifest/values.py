"""The values of a module's variables and secrets (language.md, Kernel.Module)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel.errors import Fault, ManifestError
from kernel.json_text import JsonError, read_json
from kernel.manifest.model import Declaration, Module
from kernel.manifest.suggest import did_you_mean
from kernel.schema import InvalidSchema, SchemaError, compile_schema
from kernel.structs import field, struct

_MISSING = object()
_JSON: dict[str, type | tuple[type, ...]] = {
    "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict,
    "null": type(None),
}  # fmt: skip
_WORDS = {"true": True, "false": False}


@struct
class Values:
    """What ``vars`` and ``secrets`` are in CEL."""

    vars: Mapping[str, Any]
    secrets: Mapping[str, Any] = field(repr=False)


def resolve_values(
    module: Module, given: Mapping[str, Any] | None, environ: Mapping[str, str]
) -> Values:
    """The values of a module: those that are given, the environment's, the defaults.

    ``given`` is None for an imported module, to which none can be given. Text is converted by the
    declared schema. Raises ManifestError with everything that is missing or wrong, at the place of
    its declaration; a secret's value is in no message.
    """
    declared = {*module.vars, *module.secrets}
    faults = [_undeclared(name, module) for name in given or () if name not in declared]
    found = {
        secret: {
            name: _resolve(declaration, secret, given, environ, faults)
            for name, declaration in declarations.items()
        }
        for secret, declarations in ((False, module.vars), (True, module.secrets))
    }
    if faults:
        raise ManifestError(faults)
    return Values(found[False], found[True])


def from_text(text: str, schema: Mapping[str, Any]) -> Any:
    """What a text from the command line or the environment stands for at a place with a schema.

    It is JSON where the schema's ``type`` (or its ``enum`` or ``const``) asks for something else
    than a string; text that does not read so stays text, and validation says what is wrong.
    """
    types = types_of(schema)
    if "string" in types or not types:
        return text
    word = text.strip()
    try:
        value = _WORDS[word.lower()] if word.lower() in _WORDS else read_json(word)
    except JsonError:
        return text
    fits = any(
        isinstance(value, _JSON[name]) and (not isinstance(value, bool) or name == "boolean")
        for name in types & _JSON.keys()
    )
    whole = "integer" in types and isinstance(value, float) and value.is_integer()
    return value if fits or whole else text


def types_of(schema: Mapping[str, Any]) -> set[str]:
    """The names of the types that a schema names itself; none where it takes any."""
    declared = schema.get("type")
    if declared is not None:
        return set(declared) if isinstance(declared, list) else {declared}
    options = schema.get("enum", [schema["const"]] if "const" in schema else [])
    names = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string"}
    return {names.get(type(option), "string") for option in options}


def _resolve(
    declaration: Declaration,
    secret: bool,
    given: Mapping[str, Any] | None,
    environ: Mapping[str, str],
    faults: list[Fault],
) -> Any:
    what = f"the {'secret' if secret else 'variable'} `{declaration.name}`"
    value = _find(declaration, given or {}, environ)
    if value is _MISSING:
        help = _way(declaration, is_imported=given is None)
        faults.append(_fault(f"{what} has no value", declaration, help))
        return None
    schema = {**declaration.schema, "x-kernel-secret": True} if secret else declaration.schema
    try:
        return compile_schema(schema).conform(value)
    except InvalidSchema as error:
        faults.append(Fault("K101", str(error), declaration.span, None, declaration.path))
    except SchemaError as error:
        faults.append(_fault(f"{what}: {error}", declaration, None))
    return None


def _find(declaration: Declaration, given: Mapping[str, Any], environ: Mapping[str, str]) -> Any:
    value = given.get(declaration.name, _MISSING)
    if value is _MISSING and declaration.env is not None:
        value = environ.get(declaration.env, _MISSING)
    if value is _MISSING:
        return declaration.schema.get("default", _MISSING)
    return from_text(value, declaration.schema) if isinstance(value, str) else value


def _way(declaration: Declaration, *, is_imported: bool) -> str:
    """How a value is given."""
    if is_imported:
        name, env = declaration.name, declaration.env
        return f"set {env}" if env else f"declare an `env` for `{name}`: its module is imported"
    way = f"give --var {declaration.name}=…"
    return f"set {declaration.env}, or {way}" if declaration.env else way


def _undeclared(name: str, module: Module) -> Fault:
    help = _way_of_import(name, module) or did_you_mean(name, [*module.vars, *module.secrets])
    span = module.document.span(("metadata", "name")) if module.document else None
    return Fault("K302", f"the module declares no variable `{name}`", span, help)


def _way_of_import(name: str, module: Module) -> str | None:
    """How a value is given that only an imported module declares, ``Alias.name`` or ``name``."""
    for alias, other in module.imports.items():
        declared = {**other.vars, **other.secrets}.get(name.removeprefix(f"{alias}."))
        if declared is not None:
            return _way(declared, is_imported=True)
    return None


def _fault(message: str, declaration: Declaration, help: str | None) -> Fault:
    return Fault("K007", message, declaration.span, help, declaration.path)

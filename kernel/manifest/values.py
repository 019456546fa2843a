"""The values of a module's variables and secrets (language.md, Kernel.Module)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path as Folder
from typing import Any, Literal

from kernel.errors import Fault, ManifestError, Path
from kernel.json_text import JsonError, read_json
from kernel.manifest.document import Document
from kernel.manifest.model import Declaration, Module
from kernel.manifest.suggest import did_you_mean
from kernel.manifest.value_files import UnreadableValue, read_value
from kernel.schema import InvalidSchema, SchemaError, compile_schema
from kernel.structs import field, struct

_MISSING = object()
_JSON: dict[str, type | tuple[type, ...]] = {
    "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict,
    "null": type(None),
}  # fmt: skip
_WORDS = {"true": True, "false": False}


Group = Literal["vars", "secrets"]
"""The fields of a Kernel.Module that declare values, and the variables of CEL that have these."""


@struct
class Values:
    """What ``vars`` and ``secrets`` are in CEL.

    ``unknown`` are those that have no value, or a wrong one, which is told.
    """

    vars: Mapping[str, Any]
    secrets: Mapping[str, Any] = field(repr=False)
    unknown: frozenset[tuple[Group, str]] = frozenset()


@struct
class PassedValue:
    """A value that an importer passes on, as JSON, and the place where that is written.

    ``is_known`` is False where the value is made of one that is missing.
    """

    value: Any = field(repr=False)
    document: Document
    path: Path
    is_known: bool = True


PassedValues = Mapping[tuple[Group, str], PassedValue]
"""What an importer passes, by the group and the name of what the imported module declares."""


def resolve_values(
    module: Module, given: Mapping[str, Any] | None, environ: Mapping[str, str]
) -> Values:
    """The values of a module: those that are given, those of the environment, files, defaults.

    ``given`` is None for an imported module, to which none can be given from outside. Text is
    converted by the declared schema. Raises ManifestError with everything that is missing or wrong,
    at the place of its declaration; a secret's value is in no message.
    """
    values, faults = find_values(module, given, environ)
    if faults:
        raise ManifestError(faults)
    return values


def find_values(
    module: Module,
    given: Mapping[str, Any] | None,
    environ: Mapping[str, str],
    passed: PassedValues | None = None,
) -> tuple[Values, list[Fault]]:
    """Like `resolve_values`, with what is wrong beside the values; ``passed`` comes from importers.

    A passed value is taken as it is: it is no text to convert.
    """
    declared = {*module.vars, *module.secrets}
    faults = [_undeclared(name, module) for name in given or () if name not in declared]
    groups: dict[Group, Mapping[str, Declaration]]
    groups = {"vars": module.vars, "secrets": module.secrets}
    found: dict[Group, dict[str, Any]] = {"vars": {}, "secrets": {}}
    unknown: set[tuple[Group, str]] = set()
    for group, declarations in groups.items():
        for name, declaration in declarations.items():
            search = _Search(module, declaration, group == "secrets", environ)
            mine = (passed or {}).get((group, name))
            if mine is not None:
                value = search.passed(mine) if mine.is_known else _MISSING
            else:
                value = search.find(given)
            faults += search.faults
            if value is _MISSING:
                unknown.add((group, name))
            found[group][name] = None if value is _MISSING else value
    return Values(found["vars"], found["secrets"], frozenset(unknown)), faults


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


@struct(frozen=False)
class _Search:
    """The search for the value of one declaration; ``faults`` say why there is none."""

    module: Module
    declaration: Declaration
    secret: bool
    environ: Mapping[str, str]
    faults: list[Fault] = field(default_factory=list)

    @property
    def what(self) -> str:
        """How messages name the declaration."""
        return f"the {'secret' if self.secret else 'variable'} `{self.declaration.name}`"

    def find(self, given: Mapping[str, Any] | None) -> Any:
        """The value of the first source that has one; _MISSING, with a fault, if none has."""
        declaration = self.declaration
        value = (given or {}).get(declaration.name, _MISSING)
        if value is _MISSING and declaration.env is not None:
            value = self.environ.get(declaration.env, _MISSING)
        if value is _MISSING and declaration.file is not None:
            try:
                text = read_value((self.module.folder or Folder()) / declaration.file)
            except UnreadableValue as error:
                path = (*declaration.path, "file")
                message = f"{self.what}: the file {declaration.file} {error}"
                self._wrong("K007", message, declaration.document, path)
                return _MISSING
            value = _MISSING if text is None else text
        if value is _MISSING:
            value = declaration.schema.get("default", _MISSING)
        elif isinstance(value, str):
            value = from_text(value, declaration.schema)
        if value is _MISSING:
            help = _way(declaration, self.secret, is_imported=given is None)
            self.faults.append(_fault(f"{self.what} has no value", declaration, help))
            return _MISSING
        return self._conformed(value, "K007", declaration.document, declaration.path)

    def passed(self, given: PassedValue) -> Any:
        """The value that an importer passes on."""
        return self._conformed(given.value, "K206", given.document, given.path)

    def _conformed(self, value: Any, code: str, document: Document, path: Path) -> Any:
        declaration = self.declaration
        schema = declaration.schema
        if self.secret:
            schema = {**schema, "x-kernel-secret": True}
        try:
            return compile_schema(schema).conform(value)
        except InvalidSchema as error:
            self._wrong("K101", str(error), declaration.document, declaration.path)
        except SchemaError as error:
            self._wrong(code, f"{self.what}: {error}", document, path)
        return _MISSING

    def _wrong(self, code: str, message: str, document: Document, path: Path) -> None:
        is_named = document is self.declaration.document and path == self.declaration.path
        self.faults.append(Fault(code, message, document.span(path, is_named), None, path))


def _way(declaration: Declaration, secret: bool, *, is_imported: bool) -> str:
    """How a value is given."""
    name, ways = declaration.name, []
    if declaration.env is not None:
        ways.append(f"set {declaration.env}")
    if declaration.file is not None:
        ways.append(f"write it into {declaration.file}")
    if not is_imported:
        ways.append(f"give --var {name}=…")
    elif not ways:
        group = "secrets" if secret else "vars"
        ways.append(
            f"pass it where the module is imported: {{ source: …, {group}: {{ {name}: … }} }}"
        )
    return ", or ".join(ways)


def _undeclared(name: str, module: Module) -> Fault:
    help = _way_of_import(name, module) or did_you_mean(name, [*module.vars, *module.secrets])
    span = module.document.span(("metadata", "name")) if module.document else None
    return Fault("K302", f"the module declares no variable `{name}`", span, help)


def _way_of_import(name: str, module: Module) -> str | None:
    """How a value is given that only an imported module declares, ``Alias.name`` or ``name``."""
    for alias, other in module.imports.items():
        declared = {**other.vars, **other.secrets}.get(name.removeprefix(f"{alias}."))
        if declared is not None:
            return _way(declared, declared.name in other.secrets, is_imported=True)
    return None


def _fault(message: str, declaration: Declaration, help: str | None) -> Fault:
    return Fault("K007", message, declaration.span, help, declaration.path)

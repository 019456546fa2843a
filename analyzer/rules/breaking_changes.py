"""Contracts that became narrower (K107): what worked with the old manifest and may fail now.

Whoever calls gives inputs, so they may only be taken more freely; outputs are what they get, so
they may only be given more strictly. A kind's fields, a module's variables are given too. That a
new error may be raised breaks nobody: every call may fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from analyzer.findings.finding import Finding, Note
from analyzer.findings.message import Message
from analyzer.findings.messages import k1_schemas
from analyzer.lowering.compatibility import Difference, newly_given, newly_refused
from analyzer.program.declared import DeclaredSchema
from kernel.errors import Path, Span
from kernel.manifest import Definition, Document, Manifest, Module, Resource, find_kind
from kernel.manifest.suggest import did_you_mean
from kernel.safety import CLASSES
from kernel.schema import InvalidSchema, Schemas
from kernel.schema.problems import show_path
from kernel.topology.roles import roles_of

_ARGUMENTS: Final = {"type": "object"}
"""What a call takes whose contract says nothing about it."""


def breaking_changes(old: Manifest, new: Manifest) -> Iterator[Finding]:
    """What a manifest no longer takes, or newly gives, compared with an older one."""
    waiting = [(old.root, new.root)]
    seen: set[tuple[int, int]] = set()
    while waiting:
        before, after = waiting.pop()
        if (id(before), id(after)) in seen:
            continue
        seen.add((id(before), id(after)))
        yield from _modules(before, after, new)
        waiting += [
            (module, after.imports[alias])
            for alias, module in before.imports.items()
            if alias in after.imports
        ]


def _modules(old: Module, new: Module, manifest: Manifest) -> Iterator[Finding]:
    before, after = _kinds(old), _kinds(new)
    for name, definition in before.items():
        if name in after:
            yield from _kind(definition, old, after[name], new)
        else:
            place = definition.document.span(("metadata", "name"))
            yield _gone(f"the kind {definition.kind}", name, place, before, after, new, manifest)
    for name, resource in old.resources.items():
        if name in new.resources:
            yield from _resource(resource, old, new.resources[name], new)
        else:
            place = resource.span(("metadata", "name"))
            what = f"the resource `{name}`"
            yield _gone(what, name, place, old.resources, new.resources, new, manifest)
    yield from _exports(old, new)
    yield from _variables(old, new, manifest)


def _exports(old: Module, new: Module) -> Iterator[Finding]:
    """What importers could refer to, and cannot any more though it is there."""
    if new.document is None or new.exports is None:
        return
    named = [*new.resources, *(one.name for one in new.definitions.values())]
    before = {*old.resources, *(one.name for one in old.definitions.values())}
    for name in dict.fromkeys(named):
        if name in before and old.is_exported(name) and not new.is_exported(name):
            path = ("exports",)
            yield k1_schemas.not_exported(name).at(new.document.span(path, key=True), path)


def _kinds(module: Module) -> dict[str, Definition]:
    """The kinds of a module; the module's own by their names alone, since it may have none."""
    return {
        one.name if one.module == module.name else one.kind: one
        for one in module.definitions.values()
    }


def _gone(
    what: str,
    name: str,
    place: Span,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    module: Module,
    manifest: Manifest,
) -> Finding:
    """The finding for what is missing now; it is shown at its new name, if it seems renamed."""
    added = [one for one in new if one not in old]
    help = did_you_mean(name, added)
    near = next((new[one] for one in added if help and f"'{one}'" in help), None)
    document = near.document if near else module.document
    path = ("metadata", "name")
    first = next((source.span(0, 0) for source in manifest.sources), None)
    return k1_schemas.gone(what, help).at(
        document.span(path) if document else first, path, _declared_at(place)
    )


def _declared_at(place: Span) -> tuple[Note, ...]:
    return (Note("it was declared here", place),)


def _kind(old: Definition, home: Module, new: Definition, new_home: Module) -> Iterator[Finding]:
    """The changes in the contract of a kind."""
    if old.capability != new.capability:
        message = k1_schemas.other_capability(new.kind, old.capability, new.capability)
        yield _changed(message, ("capability",), old.document, new.document)
    strictness = _strictness(new.safety)
    if strictness > _strictness(old.safety):
        message = k1_schemas.stricter_safety(new.kind, old.safety, CLASSES[strictness])
        yield _changed(message, ("safety",), old.document, new.document)

    def both(word: str, usual: Any = True) -> tuple[DeclaredSchema, DeclaredSchema]:
        return _declared(old, word, home, usual), _declared(new, word, new_home, usual)

    yield from _taken(new.kind, "the fields", *map(_closed, both("schema")))
    yield from _taken(new.kind, "the inputs", *both("inputs", _ARGUMENTS))
    yield from _given(new.kind, "return", *both("outputs"))
    for code, error in (old.errors or {}).items():
        path = ("errors", code, "data")
        latter = (new.errors or {}).get(code)
        if error and "data" in error and latter is not None:
            before = DeclaredSchema(error["data"], home, old.document, path)
            after = DeclaredSchema(latter.get("data", True), new_home, new.document, path)
            yield from _given(f"the error {code} of {new.kind}", "carry", before, after)


def _changed(message: Message, path: Path, old: Document, new: Document) -> Finding:
    """The finding for a field that differs, at the same path of both documents."""
    return message.at(new.span(path), path, _declared_at(old.span(path)))


def _declared(definition: Definition, word: str, module: Module, usual: Any) -> DeclaredSchema:
    schema = getattr(definition, word)
    if schema is None:
        return DeclaredSchema(usual, module, definition.document, ("metadata", "name"))
    return DeclaredSchema(schema, module, definition.document, (word,))


def _closed(part: DeclaredSchema) -> DeclaredSchema:
    """The schema of a kind's fields takes no others than it names (kernel.manifest.fields)."""
    schema = part.schema
    opening = {"additionalProperties", "patternProperties", "unevaluatedProperties", "$ref"}
    if not isinstance(schema, Mapping) or "properties" not in schema or opening & schema.keys():
        return part
    return replace(part, schema={**schema, "additionalProperties": False})


def _strictness(safety: str | None) -> int:
    """The rank of a safety class; of an expression the rank of the strictest class in it."""
    return max((index for index, one in enumerate(CLASSES) if one in (safety or "")), default=0)


def _resource(
    old: Resource, module: Module, new: Resource, new_module: Module
) -> Iterator[Finding]:
    """The changes in the kind of a resource, and in the contract that it declares itself."""
    if old.kind != new.kind:
        message = k1_schemas.other_kind(new.name, old.kind, new.kind)
        yield _changed(message, ("kind",), old.document, new.document)
        return
    both = ((old, module), (new, new_module))
    before, after = (_own_schema(*one, "inputs", _ARGUMENTS) for one in both)
    if before and after:
        yield from _taken(f"`{new.name}`", "the inputs", before, after)
    before, after = (_own_schema(*one, "outputs", True) for one in both)
    if before and after:
        yield from _given(f"`{new.name}`", "return", before, after)


def _own_schema(resource: Resource, module: Module, word: str, usual: Any) -> DeclaredSchema | None:
    """What a resource declares of its contract; None where resources of its kind do not."""
    found = find_kind(module, resource.kind)
    schema = None if found is None else found[0].schema
    names = schema.get("properties") if isinstance(schema, Mapping) else None
    if found is None or not isinstance(names, Mapping):
        return None
    if word not in roles_of(found[0], dict.fromkeys(names), ()):
        return None
    roles = roles_of(found[0], resource.fields, resource.path)
    path, schema = roles.get(word, ((*resource.path, "metadata", "name"), usual))
    return DeclaredSchema(schema, module, resource.document, path)


def _variables(old: Module, new: Module, manifest: Manifest) -> Iterator[Finding]:
    """What `kernel apply` no longer takes, or newly asks for."""
    for what, before, after in (
        ("variable", old.vars, new.vars),
        ("secret", old.secrets, new.secrets),
    ):
        for name, one in before.items():
            label = f"the {what} `{name}`"
            if name not in after:
                yield _gone(label, name, one.span, before, after, new, manifest)
                continue
            now, related = after[name], _declared_at(one.span)
            if "default" in one.schema and "default" not in now.schema:
                yield k1_schemas.default_gone(label).at(now.span, now.path, related)
            if one.env not in (None, now.env):
                message = k1_schemas.source_gone(label, one.env)
                yield message.at(now.span, now.path, related)
            if one.file not in (None, now.file):
                message = k1_schemas.source_gone(label, one.file)
                yield message.at(now.span, now.path, related)
            was = DeclaredSchema(one.schema, old, one.document, one.path)
            part = DeclaredSchema(now.schema, new, now.document, now.path)
            yield from _taken(label, "the values", was, part)
        for name, one in after.items():
            if name not in before and "default" not in one.schema:
                yield k1_schemas.new_required(f"the {what} `{name}`").at(one.span, one.path)


def _taken(label: str, what: str, old: DeclaredSchema, new: DeclaredSchema) -> Iterator[Finding]:
    """The values that are refused now and were taken before."""
    for one in _differences(newly_refused, old, new):
        if one.added:
            continue
        if one.missing:
            message = k1_schemas.needs(label, show_path(one.path), what)
        elif one.certain:
            message = k1_schemas.refuses(label, what, one.shown)
        else:
            message = k1_schemas.may_refuse(label, what, _doubt(one))
        yield _finding(message, _within(new.schema, one), old, new)


def _given(label: str, verb: str, old: DeclaredSchema, new: DeclaredSchema) -> Iterator[Finding]:
    """The values that are given now and were not given before."""
    if new.schema is True and old.schema is not True:
        yield _finding(k1_schemas.says_no_more(label, verb), (), old, new)
        return
    for one in _differences(newly_given, old, new):
        if one.missing:
            message = k1_schemas.may_lack(label, verb, show_path(one.path))
        elif one.certain:
            message = k1_schemas.gives(label, verb, one.shown)
        else:
            message = k1_schemas.may_give(label, verb, _doubt(one))
        yield _finding(message, _within(new.schema, one), old, new)


def _differences(
    find: Callable[[Any, Any, Schemas, Schemas], list[Difference]],
    old: DeclaredSchema,
    new: DeclaredSchema,
) -> list[Difference]:
    try:
        return find(old.schema, new.schema, old.schemas, new.schemas)
    except InvalidSchema:
        return []


def _doubt(difference: Difference) -> str:
    where = show_path(difference.path)
    return f"{where}: {difference.shown}" if where else difference.shown


def _finding(message: Message, within: Path, old: DeclaredSchema, new: DeclaredSchema) -> Finding:
    """The finding at a path of the new schema, with the place of the old one."""
    path = new.path + within
    return message.at(new.document.span(path), path, _declared_at(old.document.span(old.path)))


def _within(schema: Any, difference: Difference) -> Path:
    """The path in a schema of what it says about a part of a value, as far as it can be told."""
    found: Path = ()
    for number, step in enumerate(difference.path):
        last = number == len(difference.path) - 1
        if not isinstance(schema, Mapping):
            break
        if last and difference.missing and step in schema.get("required", ()):
            return (*found, "required", schema["required"].index(step))
        if isinstance(step, str) and step in schema.get("properties", ()):
            inner: Path = ("properties", step)
        elif isinstance(step, str) and "additionalProperties" in schema:
            inner = ("additionalProperties",)
        elif isinstance(step, int) and "items" in schema:
            inner = ("items",)
        else:
            break
        found += inner
        for part in inner:
            schema = schema[part]
    return found

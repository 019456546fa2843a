"""Schemas that refer to others, made self-contained.

A reference is resolved as JSON Schema says (`kernel.schema.resources`): ``#/$defs/x`` within the
same schema, ``Charge#/inputs`` or ``Payments.Charge#/outputs/properties/id`` of a definition, a
URI or an anchor that some schema of the manifest has. `bundle` copies what is referred to into
the ``$defs`` of one document, so that everything after it follows local pointers only. What
``$dynamicRef`` leads to depends on the resources that were entered on the way to it: a resource
is copied once for each set of dynamic anchors that it is entered with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote, unquote

from kernel.errors import Path
from kernel.schema.engine import published
from kernel.schema.keywords import OTHER_DRAFTS, is_schema_path, rebuilt, subschemas
from kernel.schema.problems import InvalidSchema, Problem
from kernel.schema.resources import (
    MAX_DEPTH,
    NO_SCHEMAS,
    URI,
    Resource,
    SchemaDocument,
    Schemas,
    child,
    identifier,
    resolve,
    steps_of,
)
from kernel.structs import struct

MAX_CHECKS = 100_000  # schemas that hold one value against more schemas than that are refused
_FRAGMENT: Final = "!$&'()*+,;=:@/?-._~"
_ESCAPED: Final = re.compile(rf"[^A-Za-z0-9{re.escape(_FRAGMENT)}]")
MAX_COPIES = 20_000  # dynamic references that need more copies of schemas are refused
INT64 = (-(2**63), 2**63 - 1)
_DROPPED: Final = {
    "$id", "$schema", "$anchor", "$dynamicAnchor", "$dynamicRef", "$vocabulary", *OTHER_DRAFTS,
}  # fmt: skip

Env = tuple[tuple[str, Resource], ...]
"""The dynamic anchors in scope by name, each with the outermost resource that has it."""


def pointer(path: Path) -> str:
    """A JSON pointer (RFC 6901) as a URI fragment (RFC 3986, 3.5) without its ``#``."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    written = "".join(f"/{step}" for step in steps)
    return quote(written, safe=_FRAGMENT) if _ESCAPED.search(written) else written


def follow(schema: Any, pointer: str) -> Any:
    """What a JSON pointer leads to; raises KeyError where it leads nowhere."""
    for step in steps_of(pointer):
        schema = child(schema, step)
    return schema


def local(schema: Any, root: Any) -> Any:
    """The node that a local ``$ref`` leads to; what stands beside the ``$ref`` goes over it."""
    for _ in range(MAX_DEPTH):
        reference = schema.get("$ref") if isinstance(schema, Mapping) else None
        if not isinstance(reference, str) or not reference.startswith("#"):
            break
        try:
            found = follow(root, reference[1:])
        except KeyError:
            break
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**found, **beside} if isinstance(found, Mapping) else found
    return schema


def properties_of(bundled: Any) -> Mapping[str, Any]:
    """The schemas of the properties of a bundled object schema, by name, references followed."""
    properties = root_of(bundled).get("properties", {})
    return {name: _referred(one, bundled) for name, one in properties.items()}


def root_of(bundled: Any) -> Mapping[str, Any]:
    """The outermost object of a bundled schema, references followed; empty for true and false."""
    return _referred(bundled, bundled)


def _referred(schema: Any, root: Any) -> Mapping[str, Any]:
    while isinstance(schema, Mapping) and "$ref" in schema and "type" not in schema:
        schema = follow(root, schema["$ref"].removeprefix("#"))
    return schema if isinstance(schema, Mapping) else {}


def bundle(schema: Any, schemas: Schemas = NO_SCHEMAS) -> Any:
    """The schema as one document without references to the outside; the given one is not changed.

    ``$id`` and the like are left out, and the words of other drafts; ``type: integer`` gets the
    bounds of a 64-bit integer, which is what CEL computes with. Raises InvalidSchema for references
    that lead nowhere.
    """
    root, lost = bundle_sound(schema, schemas)
    if lost:
        raise InvalidSchema(lost)
    return root


def bundle_sound(schema: Any, schemas: Schemas) -> tuple[Any, list[Problem]]:
    """Like `bundle`, without the references that lead nowhere, and what is wrong with those.

    Raises InvalidSchema where nothing sound is left: for circles, and beyond the limits.
    """
    bundler = _Bundler("")
    root = bundler.bundle(schema, schemas)
    return root, bundler.problems


def moved(schema: Any, place: str) -> Any:
    """The schema, made self-contained, as it is written when it stands at ``place``, a pointer.

    Raises InvalidSchema for references that lead nowhere, or to other schemas.
    """
    bundler = _Bundler(place)
    root = bundler.bundle(schema, NO_SCHEMAS)
    if bundler.problems:
        raise InvalidSchema(bundler.problems)
    return root


@struct(eq=False)
class _Scope:
    """Where a node that is copied belongs: its resource, and the copy that it is a part of.

    ``env`` are the dynamic anchors in scope. ``place`` is the pointer of the copy, ``path`` the
    reference that led to it, None for the schema that is bundled.
    """

    resource: Resource
    env: Env
    place: str
    path: Path | None = None


@struct(eq=False)
class _Link:
    """A reference in a copy, whose target has no place yet; ``made`` gets its ``$ref``."""

    made: dict[str, Any]
    reference: str
    dynamic: bool
    scope: _Scope
    path: Path


class _Lost(Exception):
    """Why a reference leads nowhere."""


class _Bundler:
    """Makes one document; ``place`` is the pointer that it will stand at."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.problems: list[Problem] = []
        self.links: list[_Link] = []
        self.documents: dict[int, SchemaDocument] = {}
        self.copies: dict[tuple[Resource, Env, Path], str] = {}
        self.found: dict[str, Any] = {}
        self.count = 0

    def bundle(self, schema: Any, schemas: Schemas) -> Any:
        start = self._document(schema, schemas).root
        scope = _Scope(start, _entered((), start), self.place)
        self.copies[start, scope.env, ()] = self.place
        root = self._copy(schema, scope, (), 0)
        for link in self.links:  # which grows as schemas are copied
            self._connect(link)
        if self.found:
            root = {**root, "$defs": {**root.get("$defs", {}), **self.found}}
        if self.links and not self.place:
            try:
                _check_circles(root)
            except InvalidSchema as error:
                raise InvalidSchema([*self.problems, *error.problems]) from None
        return root

    def _document(self, schema: Any, schemas: Schemas, name: str = "") -> SchemaDocument:
        if id(schema) not in self.documents:
            self.documents[id(schema)] = SchemaDocument(schema, schemas, name)
        return self.documents[id(schema)]

    def _copy(self, node: Any, scope: _Scope, path: Path, depth: int) -> Any:
        """A copy of the node that is at ``path`` of the schema that is copied."""
        if type(node) is not dict and not isinstance(node, Mapping):
            return node
        if depth > MAX_DEPTH:
            raise self._too_much(scope, path, f"nested more than {MAX_DEPTH} levels deep")
        self.count += bool(scope.env)
        if self.count > MAX_COPIES:
            message = f"its dynamic references need copies of more than {MAX_COPIES} schemas"
            raise self._too_much(scope, path, message)
        if path and "$id" in node:
            scope = self._inner(node, scope, path)
        made = rebuilt(
            {key: value for key, value in node.items() if key not in _DROPPED},
            lambda step, inner: self._copy(inner, scope, path + step, depth + 1),
        )
        for keyword in ("$ref", "$dynamicRef"):
            if keyword in node:
                self._link(node[keyword], keyword, made, scope, path)
        _bound_integers(made)
        return made

    def _inner(self, node: Any, scope: _Scope, path: Path) -> _Scope:
        """The scope inside of a resource that stands in another one."""
        outer = scope.resource
        inner = outer.document.resources.get(resolve(outer.uri, identifier(node) or ""), outer)
        env = _entered(scope.env, inner)
        if inner.node is node:
            self.copies.setdefault((inner, env, ()), scope.place + pointer(path))
        return replace(scope, resource=inner, env=env)

    def _link(
        self, reference: Any, keyword: str, made: dict[str, Any], scope: _Scope, path: Path
    ) -> None:
        place = (*path, keyword) if scope.path is None else scope.path
        if not isinstance(reference, str):
            self.problems.append(Problem(place, "a reference is a string"))
            made.pop("$ref", None)
            return
        holder = made
        if keyword == "$dynamicRef" and "$ref" in made:
            holder = {}
            together = made.get("allOf")
            made["allOf"] = [*(together if isinstance(together, list) else ()), holder]
        holder["$ref"] = "#"
        self.links.append(_Link(holder, reference, keyword == "$dynamicRef", scope, place))

    def _connect(self, link: _Link) -> None:
        try:
            resource, path, env, node = self._target(link)
        except _Lost as lost:
            where = "" if link.scope.path is None else f" in {link.scope.resource.name}"
            message = f"the reference {link.reference!r}{where} leads nowhere{lost}"
            self.problems.append(Problem(link.path, message))
            del link.made["$ref"]
            return
        # What stands at a keyword that is none is a schema only for those who refer to it.
        odd = () if is_schema_path(path) else path
        if (resource, env, odd) not in self.copies:
            self._add(resource, env, odd, resource.node if odd == () else node, link.path)
        link.made["$ref"] = f"#{self.copies[resource, env, odd]}{pointer(path[len(odd) :])}"

    def _add(self, resource: Resource, env: Env, odd: Path, node: Any, path: Path) -> None:
        """Copy a schema that is referred to into the ``$defs``."""
        name = base = resource.name + pointer(odd)
        while name in self.found:
            name = f"{base};{len(self.found)}"
        self.found[name] = None
        place = f"{self.place}/$defs{pointer((name,))}"
        self.copies[resource, env, odd] = place
        self.found[name] = self._copy(node, _Scope(resource, env, place, path), (), 0)

    def _target(self, link: _Link) -> tuple[Resource, Path, Env, Any]:
        """What a reference leads to: a path of a resource, and the dynamic anchors there."""
        resource, fragment = self._resource(link.reference, link.scope.resource)
        name, env = unquote(fragment), link.scope.env
        if fragment and not fragment.startswith("/"):
            if link.dynamic and name in resource.dynamic:
                resource = dict(env).get(name, resource)
            if name not in resource.anchors:
                raise _Lost(f": {resource.name} has no anchor {name!r}")
            fragment = pointer(resource.anchors[name])
        try:
            resource, path, node = resource.at(steps_of(fragment))
        except KeyError:
            raise _Lost from None
        if not isinstance(node, Mapping | bool):
            raise _Lost(": no schema is there")
        return resource, path, _entered(env, resource), node

    def _resource(self, reference: str, base: Resource) -> tuple[Resource, str]:
        """The resource that a reference names, and the fragment that is left."""
        document = base.document
        uri, _, fragment = resolve(base.uri, reference).partition("#")
        if uri in document.resources:
            return document.resources[uri], fragment
        if uri.startswith(URI) and (contract := document.schemas.lookup(uri[len(URI) :])):
            part, _, rest = fragment.removeprefix("/").partition("/")
            if contract.parts.get(part) is None:
                raise _Lost(f": {contract.name} has no {part or 'part'!r} to refer to")
            name = f"{contract.name}/{part}"
            found = self._document(contract.parts[part], contract.schemas, name)
            return found.root, f"/{rest}" if rest else ""
        return self._identified(uri, document.schemas, reference), fragment

    def _identified(self, uri: str, schemas: Schemas, reference: str) -> Resource:
        """The schema of the manifest, or of JSON Schema itself, that has a URI as its ``$id``."""
        named = schemas.identified(uri)
        if any(one.node != named[0].node for one in named):
            raise _Lost(f": several schemas of this manifest have the $id {uri!r}")
        if named:
            document = named[0].document
            return self._document(document.root.node, document.schemas).resources[uri]
        if (schema := published(uri)) is not None:
            return self._document(schema, NO_SCHEMAS).root
        if "://" in reference.removeprefix(URI):
            raise _Lost(": nothing is fetched")
        raise _Lost("" if uri.startswith(URI) else f": no schema of this manifest is {uri!r}")

    def _too_much(self, scope: _Scope, path: Path, message: str) -> InvalidSchema:
        return InvalidSchema([Problem(path if scope.path is None else scope.path, message)])


def _entered(env: Env, resource: Resource) -> Env:
    """The dynamic anchors in scope once a resource is entered: the outermost of a name holds."""
    if not resource.dynamic:
        return env
    scope = dict.fromkeys(resource.dynamic, resource) | dict(env)
    return tuple((name, scope[name]) for name in sorted(scope))


_SAME = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas")


def _check_circles(root: Any) -> None:
    """Raises InvalidSchema where a schema refers to itself without a step into the value.

    And where its references multiply, so that checking one value would take for ever.
    """
    weights: dict[str, int] = {}
    waiting: list[tuple[str, Path]] = [("", ())]
    while waiting:
        place, path = waiting.pop()
        _weigh(root, place, path, weights)
        for step, _ in subschemas(follow(root, place)):
            waiting.append((place + pointer(step), path + step))


def _weigh(root: Any, start: str, path: Path, weights: dict[str, int]) -> None:
    """Count the schemas that one value is held against at ``start``, references followed."""
    open_: list[str] = []
    waiting: list[tuple[str, bool]] = [(start, True)]
    while waiting:
        here, entering = waiting.pop()
        if not entering:
            open_.pop()
            weights[here] = 1 + sum(weights[place] for place in _same_value(root, here))
            if weights[here] > MAX_CHECKS:
                message = f"the references multiply to more than {MAX_CHECKS} schemas for one value"
                raise InvalidSchema([Problem(path, message)])
        elif here in open_:
            raise InvalidSchema([Problem(path, "the references lead in a circle")])
        elif here not in weights:
            open_.append(here)
            waiting.append((here, False))
            waiting.extend((place, True) for place in _same_value(root, here))


def _same_value(root: Any, place: str) -> list[str]:
    """The schemas that hold for the same value as the one at ``place``."""
    node = follow(root, place)
    places = [place + pointer(step) for step, _ in subschemas(node) if step[0] in _SAME]
    if isinstance(node, Mapping) and "$ref" in node:
        places.append(node["$ref"].removeprefix("#"))
    return places


def _bound_integers(made: dict[str, Any]) -> None:
    types = made.get("type")
    names = types if isinstance(types, list) else [types]
    if "integer" not in names or "number" in names:
        return
    for keyword, bound, narrower in (("minimum", INT64[0], max), ("maximum", INT64[1], min)):
        given = made.get(keyword, bound)
        if isinstance(given, int | float):
            made[keyword] = narrower(given, bound)

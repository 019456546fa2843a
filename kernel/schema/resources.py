"""What the references of schemas name (JSON Schema 2020-12 Core, sections 8.2 and 9).

A schema as it stands in a manifest is a `SchemaDocument`. Its root is a `Resource`, and so is each
schema inside of it with an ``$id``; ``$anchor`` and ``$dynamicAnchor`` name places of a resource.
A schema without an ``$id`` has the base URI ``kernel:///``, so that ``Payments.Charge#/inputs``
means ``kernel:///Payments.Charge#/inputs``, a contract of the manifest. Nothing is ever fetched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urljoin

from kernel.errors import Path
from kernel.schema.keywords import subschemas
from kernel.schema.problems import Problem
from kernel.structs import struct

URI = "kernel:///"
MAX_DEPTH = 100  # schemas that are nested deeper are refused
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


@struct(eq=False)
class Contract:
    """The schemas of one definition that others may refer to.

    ``parts`` maps ``schema``, ``inputs``, ``outputs`` to JSON Schemas; ``schemas`` is where
    references inside of them lead.
    """

    name: str
    parts: Mapping[str, Any]
    schemas: Schemas


class Schemas:
    """Where the references of one module's schemas lead.

    ``lookup`` gives the contract for a name as it is written (``Charge``, ``Payments.Charge``), or
    None; ``identified`` gives the resources with a URI as their ``$id``. ``memo`` is what readers
    made with it once, by keys of their own.
    """

    __slots__ = ("identified", "lookup", "memo")

    def __init__(
        self,
        lookup: Callable[[str], Contract | None] = lambda name: None,
        identified: Callable[[str], Sequence[Resource]] = lambda uri: (),
    ) -> None:
        self.lookup = lookup
        self.identified = identified
        self.memo: dict[object, Any] = {}


NO_SCHEMAS = Schemas()


class Resource:
    """A schema that has a URI of its own, at ``path`` of its document.

    ``anchors`` are the paths of its named places, from this schema on; ``dynamic`` are the names
    among them that ``$dynamicAnchor`` gives. ``name`` says in messages which schema it is.
    """

    __slots__ = ("anchors", "document", "dynamic", "name", "node", "path", "uri")

    def __init__(
        self, uri: str, node: Any, path: Path, document: SchemaDocument, name: str = ""
    ) -> None:
        self.uri = uri
        self.node = node
        self.path = path
        self.document = document
        self.name = name or uri
        self.anchors: dict[str, Path] = {}
        self.dynamic: set[str] = set()

    def at(self, steps: Sequence[str]) -> tuple[Resource, Path, Any]:
        """The resource that a path from here ends in, the path from that one on, and the node.

        Raises KeyError where the path leads nowhere.
        """
        resource, start, node = self, 0, self.node
        for number, step in enumerate(steps, 1):
            node = child(node, step)
            if (name := identifier(node)) is not None:
                entered = self.document.resources.get(resolve(resource.uri, name))
                if entered is not None and entered.node is node:
                    resource, start = entered, number
        return resource, tuple(steps[start:]), node


class SchemaDocument:
    """A schema as it stands in a manifest, and its resources by URI.

    ``schemas`` is where its references to others lead. ``clashes`` are the identifiers that two
    of its schemas have.
    """

    __slots__ = ("clashes", "resources", "root", "schemas")

    def __init__(self, schema: Any, schemas: Schemas, name: str = "") -> None:
        self.root = Resource(resolve(URI, identifier(schema) or ""), schema, (), self, name)
        self.schemas = schemas
        self.resources = {self.root.uri: self.root}
        self.clashes: list[Problem] = []
        waiting: list[tuple[Any, Path, Resource]] = [(schema, (), self.root)]
        while waiting:
            node, path, resource = waiting.pop()
            if type(node) is not dict or len(path) > 2 * MAX_DEPTH:
                continue
            if "$id" in node and path:
                resource = self._enter(node, path, resource)
            if "$anchor" in node or "$dynamicAnchor" in node:
                self._take_anchors(node, path, resource)
            waiting += [(inner, path + step, resource) for step, inner in subschemas(node)][::-1]

    def _enter(self, node: Any, path: Path, outer: Resource) -> Resource:
        name = identifier(node)
        if name is None:
            return outer
        uri = resolve(outer.uri, name)
        resource = self.resources.setdefault(uri, Resource(uri, node, path, self))
        if resource.node is not node:
            self._clash((*path, "$id"), name)
        return resource

    def _take_anchors(self, node: Any, path: Path, resource: Resource) -> None:
        own = path[len(resource.path) :]
        for keyword in ("$anchor", "$dynamicAnchor"):
            name = node.get(keyword)
            if not isinstance(name, str):
                continue
            first = resource.at([str(step) for step in resource.anchors.setdefault(name, own)])
            if first[2] is not node:
                self._clash((*path, keyword), name)
            if keyword == "$dynamicAnchor":
                resource.dynamic.add(name)

    def _clash(self, path: Path, name: str) -> None:
        message = f"another schema has the {path[-1]} {name!r} already"
        self.clashes.append(Problem(path, message))


def identifier(node: Any) -> str | None:
    """The ``$id`` of a schema, if it has one."""
    name = node.get("$id") if isinstance(node, Mapping) else None
    return name.removesuffix("#") if isinstance(name, str) else None


def resolve(base: str, reference: str) -> str:
    """The URI that a reference stands for where ``base`` is the base URI (RFC 3986, 5.2)."""
    if not reference or reference.startswith("#"):
        return base + reference
    if _SCHEME.match(reference):
        return reference
    # The library resolves against the schemes that it knows only.
    scheme, _, rest = base.partition(":")
    return scheme + urljoin("http:" + rest, reference).removeprefix("http")


def child(node: Any, step: str) -> Any:
    """What one step of a JSON pointer leads to; raises KeyError where it leads nowhere."""
    if isinstance(node, Mapping) and step in node:
        return node[step]
    if isinstance(node, list) and step.isdecimal() and int(step) < len(node):
        return node[int(step)]
    raise KeyError(step)


def steps_of(pointer: str) -> list[str]:
    """The steps of a JSON pointer (RFC 6901) that is written as a URI fragment."""
    return [unquote(raw).replace("~1", "/").replace("~0", "~") for raw in pointer.split("/")[1:]]

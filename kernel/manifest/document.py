"""A document of a manifest: its data, and the place of every key, value and piece of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernel.errors import Span
from kernel.manifest.nodes import Node
from kernel.manifest.offsets import Offsets, offsets
from kernel.manifest.source import Source
from kernel.manifest.stream import Read, compose_document

Step = str | int | float | bool | None


class Document:
    """One YAML document. ``data`` is plain Python and is not to be changed.

    Places are found by reading the document's text a second time, when the first is asked for.
    ``memo`` is what readers made of it once, by keys of their own.
    """

    __slots__ = ("__weakref__", "_offsets", "_root", "data", "end", "memo", "source", "start")

    def __init__(self, source: Source, read: Read) -> None:
        self.source = source
        self.data: Any = read.data
        self.start = read.start
        self.end = read.end
        self._root: Node | None = None
        self._offsets: tuple[Node, Offsets | None] | None = None  # of the scalar asked for last
        self.memo: dict[object, Any] = {}

    @property
    def file(self) -> str:
        """The name of the file, as spans give it."""
        return self.source.name

    def root(self) -> Node:
        """The tree of nodes, for readers that need the spelling of a value or a key."""
        if self._root is None:
            self._root = compose_document(self.source, self.start, self.end).root
        return self._root

    def node(self, path: Sequence[Step]) -> Node:
        """The node at ``path``; the nearest one above where there is none."""
        return self._find(path)[1]

    def span(self, path: Sequence[Step] = (), key: bool = False) -> Span:
        """The place of the value at ``path``, or of its key.

        Where the path leads nowhere it is the place of the nearest value above; through an alias
        it is the place of the anchored value. A block scalar includes its header.
        """
        name, node = self._find(path)
        if key and name is not None:
            node = name
        return self.source.span(node.start, node.end)

    def scalar_span(self, path: Sequence[Step], start: int, end: int) -> Span:
        """The place of ``value[start:end]`` of the text at ``path``, exact in every YAML style."""
        node = self.node(path)
        if self._offsets is None or self._offsets[0] is not node:
            self._offsets = node, offsets(self.source.text, node)
        places = self._offsets[1]
        if places is None:
            return self.source.span(node.start, node.end)
        last = len(places) - 1
        start, end = min(max(start, 0), last), min(max(end, 0), last)
        if end <= start:
            return self.source.span(places[start], places[start])
        return self.source.span(places[start], places[end - 1] + self._width(places, end))

    def _width(self, places: Offsets, end: int) -> int:
        """The length of the last character in the source: an escape has more than one."""
        gap = self.source.text[places[end - 1] : places[end]]
        if gap.startswith("\\"):
            return {"x": 4, "u": 6, "U": 10}.get(gap[1:2], 2)
        return len(gap.rstrip("\r\n \t")) if gap.startswith("'") else 1

    def _find(self, path: Sequence[Step]) -> tuple[Node | None, Node]:
        name: Node | None = None
        node = self.root()
        for step in path:
            found = node.child(step)
            if found is None:
                return name, node
            name, node = found
        return name, node

"""A YAML stream to documents: quick where a document is ordinary, exact where it is not.

libyaml parses; its events become plain Python values at once, without nodes. A document with an
anchor, a tag, a key that is no string, a duplicate or too much depth is read again by
`kernel.manifest.nodes`, which knows how to say what is wrong and where. A document that does not
parse is one fault, and reading goes on after the next ``---``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kernel.errors import Fault, ManifestError
from kernel.manifest.nodes import MAX_DEPTH, Composed, Node, compose, to_data
from kernel.manifest.scalars import FIRST, NotJson, has_surrogate, resolve
from kernel.manifest.source import Source
from kernel.structs import struct

MAX_SYNTAX_FAULTS = 20
"""Where a file has more documents that do not parse, the rest of it is not read."""

_MARKER = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)
_OLD_BREAKS = "\x85\u2028\u2029"
# Compiled where it is needed: that takes longer than everything else that is imported here.
_UNPRINTABLE = "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"


@struct
class Read:
    """What was read of one document: its data and where it stands in the source."""

    data: Any
    start: int
    end: int


class _Unusual(Exception):
    """The document has something that the quick reading leaves to `compose`."""


def read_stream(source: Source) -> tuple[list[Read], list[Fault]]:
    """All documents of a source that can be read, in order, and all that is wrong with the text.

    Empty documents are left out.
    """
    faults = _old_breaks(source)
    if faults:
        return [], faults
    reader = _Reader(source, faults)
    pieces = [(0, len(source.text))]
    while pieces:
        start, end = pieces.pop()
        pieces.extend(reversed(reader.read(start, end)))
        if len(faults) >= MAX_SYNTAX_FAULTS:
            message = "there are more faults in this file; it was not read to its end"
            faults.append(Fault("K001", message, source.span(start, start)))
            break
    return reader.documents, faults


def read_data(text: str, name: str = "<string>") -> Any:
    """The value of a YAML or JSON text that is no manifest; None where it is empty.

    Raises ManifestError.
    """
    source = Source(name, text)
    documents, faults = read_stream(source)
    if not faults and len(documents) > 1:
        span = source.span(documents[1].start, documents[1].start)
        faults.append(Fault("K001", "a data file holds one document", span))
    if faults:
        raise ManifestError(faults)
    return documents[0].data if documents else None


def compose_document(source: Source, start: int, end: int) -> Composed:
    """The nodes of the document ``text[start:end]``; raises ManifestError where there are none."""
    try:
        return compose(_parser(source.text[start:end]).get_event, source, start)
    except ManifestError:
        raise
    except AssertionError:
        # libyaml's binding trips over byte order marks where they do not belong.
        return Composed(Node("scalar", start, end), [])
    except Exception as error:
        get = _newer_events(source.text, start, end, error)
        if get is None:
            raise ManifestError([_syntax_fault(source, error, start)]) from None
        return compose(get, source, start)


class _Reader:
    """Collects documents and faults from pieces of a source."""

    def __init__(self, source: Source, faults: list[Fault]) -> None:
        self.source = source
        self.faults = faults
        self.documents: list[Read] = []

    def read(self, start: int, end: int) -> list[tuple[int, int]]:
        """Read the documents of ``text[start:end]``; the pieces that are still to be read."""
        text = self.source.text
        here, resumable = start, False
        try:
            get = _parser(text if end - start == len(text) else text[start:end]).get_event
            while (event := get()) is not None:
                if type(event).__name__ == "DocumentStartEvent":
                    here = event.start_mark.index + start
                    while here > start and text[here - 1] == " ":
                        here -= 1  # an indented first line belongs to the document with its indent
                    closing = self._document(get, start, here)
                    here = closing.end_mark.index + start
                    resumable = closing.end_mark.index > closing.start_mark.index
        except ManifestError as error:
            self.faults.extend(error.faults)
        except Exception as error:
            if resumable and getattr(error, "problem", "").endswith("<document start>"):
                return [(here, end)]  # a bare document after "...": libyaml wants a "---" there
            if not hasattr(error, "problem"):
                return self._unprintable(here, end)
            self._second_try(error, start, here, end)
        else:
            return []
        marker = _MARKER.search(text, here + 1, end)
        return [(marker.start(), end)] if marker else []

    def _second_try(self, error: Any, start: int, here: int, end: int) -> None:
        """Read a document that libyaml refused in the newer way, or report it."""
        marker = _MARKER.search(self.source.text, here + 1, end)
        stop = marker.start() if marker else end
        fault = _syntax_fault(self.source, error, start)
        try:
            get = _newer_events(self.source.text, here, stop, error)
            composed = compose(get, self.source, here) if get else None
            if get and type(get()).__name__ != "StreamEndEvent":
                composed = None  # there is more than one document, which the marker would tell
        except ManifestError as other:
            self.faults += other.faults
        except Exception:
            self.faults.append(fault)
        else:
            self.faults += composed.faults if composed else [fault]
            if composed:
                self.documents.append(Read(to_data(composed.root), here, stop))

    def _document(self, get: Callable[[], Any], start: int, here: int) -> Any:
        """Read one document; gives the event that closed it."""
        try:
            try:
                data, closing = _read_quickly(get)
            except _Unusual:
                closing = _skip(get)
                composed = compose_document(self.source, here, closing.start_mark.index + start)
                self.faults.extend(composed.faults)
                data = to_data(composed.root)
        except _TooDeep as error:
            place = error.event.start_mark.index + start
            message = f"nested more than {MAX_DEPTH} levels deep"
            raise ManifestError(
                [Fault("K001", message, self.source.span(place, place + 1))]
            ) from None
        if data is not _EMPTY:
            self.documents.append(Read(data, here, closing.start_mark.index + start))
        return closing

    def _unprintable(self, here: int, end: int) -> list[tuple[int, int]]:
        """Report the document with a character that YAML forbids; read what is around it."""
        text = self.source.text
        bad = re.compile(_UNPRINTABLE).search(text, here, end)
        assert bad is not None
        message = f"the character U+{ord(bad.group()):04X} is not allowed in YAML"
        help = "write it as an escape in double quotes"
        span = self.source.span(bad.start(), bad.end())
        self.faults.append(Fault("K001", message, span, help))
        before = [match.start() for match in _MARKER.finditer(text, here, bad.start())]
        after = _MARKER.search(text, bad.end(), end)
        pieces = [(here, before[-1])] if before and before[-1] > here else []
        return pieces + ([(after.start(), end)] if after else [])


_EMPTY = object()


class _TooDeep(Exception):
    def __init__(self, event: Any) -> None:
        self.event = event


def _read_quickly(get: Callable[[], Any]) -> tuple[Any, Any]:
    """The data of the document whose events ``get`` gives, and the event that ends it."""
    from ruamel.yaml.events import (  # for start-up time
        AliasEvent,
        DocumentEndEvent,
        MappingEndEvent,
        MappingStartEvent,
        ScalarEvent,
        SequenceEndEvent,
    )

    outer: list[tuple[Any, Any]] = []
    box: Any = None  # the collection that is being read; None before the root
    key: Any = None  # the key that waits for its value; None where a key is expected
    root: Any = _EMPTY
    while True:
        event = get()
        kind = type(event)
        if kind is DocumentEndEvent:
            return root, event
        if kind is MappingEndEvent or kind is SequenceEndEvent:
            box, key = outer.pop()
            continue
        if kind is AliasEvent or event.anchor is not None or event.ctag is not None:
            raise _Unusual
        if kind is ScalarEvent:
            value = event.value
            if not event.style and value[:1] in FIRST:
                try:
                    value = resolve(value)
                except NotJson:
                    raise _Unusual from None
            elif event.style == '"' and has_surrogate(value):
                raise _Unusual
            child = None
        else:
            child = value = {} if kind is MappingStartEvent else []
        holder: tuple[Any, Any] = (box, None)
        if type(box) is dict:
            if key is None:
                if type(value) is not str or value in box or value == "<<":
                    raise _Unusual
                key = value
                continue
            box[key] = value
        elif box is None:
            root = _EMPTY if value is None and event.value == "" else value
        else:
            box.append(value)
        key = None
        if child is not None:
            if len(outer) >= MAX_DEPTH:
                raise _TooDeep(event)
            outer.append(holder)
            box = child


def _skip(get: Callable[[], Any]) -> Any:
    """The event that ends the document. libyaml takes quadratic time in the depth: bounded here."""
    depth = 0
    while not (name := type(event := get()).__name__).startswith("Document"):
        depth += name.endswith("StartEvent") - name.endswith("EndEvent")
        if depth > MAX_DEPTH:
            raise _TooDeep(event)
    return event


def _newer_events(text: str, start: int, end: int, error: Any) -> Callable[[], Any] | None:
    """The events of a document that is YAML 1.2 and was not YAML 1.1, if that may be the reason."""
    if not hasattr(error, "problem"):
        return None
    from kernel.manifest.newer import events  # for start-up time

    return events(_parser, text[start:end])


def _parser(text: str) -> Any:
    # For start-up time; compiled, without stubs.
    from _ruamel_yaml import CParser  # type: ignore[import-not-found]

    return CParser(text)


def _old_breaks(source: Source) -> list[Fault]:
    """libyaml breaks lines at three characters that YAML 1.2 does not; refused, not misread."""
    if source.text.isascii():
        return []
    places = [source.text.find(character) for character in _OLD_BREAKS]
    return [
        Fault(
            "K001",
            f"U+{ord(source.text[place]):04X} breaks lines in YAML 1.1 and not in YAML 1.2",
            source.span(place, place + 1),
            "write it as an escape in double quotes",
        )
        for place in places
        if place >= 0
    ]


def _syntax_fault(source: Source, error: Any, start: int) -> Fault:
    """The fault for an error of libyaml in the text that begins at ``start``."""
    if not hasattr(error, "problem_mark"):
        return Fault("K001", "this cannot be read as YAML", source.span(start, start))
    mark = error.problem_mark or error.context_mark
    place = start + (mark.index if mark else 0)
    character = source.text[place : place + 1]
    message, help = f"{error.problem} {error.context or ''}".strip(), None
    if "cannot start any token" in message:
        if character == "\t":
            message, help = "a tab where YAML wants spaces", "indent with spaces"
        else:
            message = f"a value cannot begin with {character!r}"
            help = "put the value in quotes"
    elif "mapping values are not allowed" in message:
        help = "put a value that contains ': ' in quotes"
    return Fault("K001", f"this is not YAML: {message}", source.span(place, place + 1), help)

"""Findings that only follow from others: one mistake gives one finding.

Declarations of a document that cannot be read are missing, and what it uses seems unused; the value
of a misspelt key is missing; a value that is refused breaks other rules as well; what is read where
brackets are missing seems unused.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from analyzer.findings.brackets import lacks_brackets
from analyzer.findings.catalogue import codes
from analyzer.findings.finding import Finding
from analyzer.findings.messages.k2_contracts import TAKES_NOTHING
from analyzer.findings.suggestions import at, meant
from kernel.errors import Path, Span
from kernel.manifest import Document, Manifest
from kernel.manifest.source import Source

_FOLLOWS: Final = codes(
    "unknown-kind", "unknown-reference", "unknown-variable", "unknown-property",
    "undeclared-property", "unused",
)  # fmt: skip
"""What an unknown name may break."""
_REFUSED: Final = codes(
    "unknown-input", "input-type", "input-constraint", "output-type", "slot-type",
    "unreachable-retry",
)  # fmt: skip
"""What a value breaks that was refused already."""
_HEAD: Final = frozenset(("kind", "metadata", "capability", "safety"))
"""The fields without which a document declares nothing."""
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_MARKER: Final = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)
_MISSING: Final = re.compile(
    r"(?:the property '|`(?:metadata\.)?)(\w+)['`] is missing|^`\w+` needs `(\w+)`"
)
_NAMING: Final = re.compile(
    r"^(?:metadata|name|vars|secrets|imports)\b.*(?:\n[ \t].*)*", re.MULTILINE
)
"""The parts of a document that declare names for other documents."""

_KIND: Final = re.compile(r"^kind: *(\S+)", re.MULTILINE)
_OF_UNKNOWN: Final = codes(
    "unknown-field", "wrong-value", "cel-not-evaluated", "bad-name", "missing-input",
)  # fmt: skip
"""What a misspelt field may break."""

_OF_MISSPELT: Final = codes(
    "unnarrowed-union", "optional-unguarded", "nullable-unguarded", "step-unavailable",
    "forward-reference", "index-unproven", "output-type", "secret-leak",
)  # fmt: skip
"""What may be found only because the name of a field is misspelt, such as `when` or `result`."""
_QUOTED: Final = re.compile(r"`(\w+)`")
_OF_KIND: Final = re.compile(r" is of kind (\S+), |^(\S+) \(\w+\) cannot stand here")
_NO_STEPS: Final = "the property 'steps' is missing"
_NO_STEP: Final = "there is no step "

_WRONG: Final = codes("wrong-value", "bad-name")
_OF_ALIAS: Final = codes("unknown-kind", "unknown-reference")
_OF_UNDECLARED: Final = codes("unknown-kind", "unknown-reference", "unknown-property")

Start = tuple[str, int]


def follows_from(told: Iterable[Finding], manifest: Manifest) -> Callable[[Finding], bool]:
    """Whether a finding only follows from the findings of the reading, ``told``."""
    known = _KnownMistakes(manifest)
    for one in told:
        known.add(one)
    return known.explains


def definitions_at_fault(analysed: Iterable[Finding]) -> Iterator[Finding]:
    """The findings that say that the fields of a definition do not go with its capability, or that
    no value fits a schema."""
    for one in analysed:
        of_capability = one.name == "bad-definition" and len(one.path) == 1
        if of_capability or one.name == "unsatisfiable-schema":
            yield one


class _KnownMistakes:
    """The findings of the reading, as far as other findings may follow from them.

    A document is known by its file and by where it begins.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._texts = {source.name: source for source in manifest.sources}
        self._starts: dict[str, list[int]] = {}
        self._unread: set[str] = set()
        self._undeclared: dict[str, set[Start]] = {}
        """The names that documents do not declare, with those documents."""
        self._unnamed: set[str] = set()
        self._unknown: set[tuple[Start, Path]] = set()
        self._holders: dict[tuple[Start, Path], set[str | None]] = {}
        self._refused: set[Span] = set()
        self._refused_paths: set[tuple[Start, Path]] = set()
        self._unsatisfiable = False
        """Whether no value fits some schema, so that nothing can be given where it stands."""
        self._doubled: set[Start] = set()
        self._misspelt: set[Start] = set()
        """The documents with a field that has a similar known name."""
        self._without_steps: set[Start] = set()
        """The documents that lack the field `steps`."""
        self._kinds: set[str] = set()
        """The kinds that do not exist, or whose definitions are wrong."""
        self._unbracketed: list[tuple[Start, Path, set[str]]] = []

    def add(self, one: Finding) -> None:
        """Take note of a finding of the reading."""
        source = None if one.span is None else self._texts.get(one.span.file)
        if one.span is None or source is None:
            return
        self._unsatisfiable = self._unsatisfiable or one.name == "unsatisfiable-schema"
        if one.name == "yaml-syntax":
            self._unread |= _names_around(source, one.span)
        elif one.name == "unknown-field" and one.path:
            start = self._start(one.span)
            self._unknown.add((start, one.path))
            self._holders.setdefault((start, one.path[:-1]), set()).add(meant(one))
            if meant(one) is not None:
                self._misspelt.add(start)
            if len(one.path) == 1 and meant(one) in _HEAD:
                self._note(_names_around(source, one.span), one.span)
            document = self._document(one)
            names = (
                _names_around(source, one.span)
                if document is None
                else _names_within(at(document.data, one.path[:-1]).get(one.path[-1]))
            )
            self._note(names, one.span)
            self._lost(one.span)
        elif one.name in ("unknown-kind", "bad-definition"):
            self._kinds.add(self._lost(one.span))
            document = self._document(one)
            if one.name == "bad-definition" and document is not None:
                named = at(document.data, ("metadata",))
                self._kinds.add(f"{named.get('module')}.{named.get('name')}")
        elif one.name == "duplicate-key" and one.path == ("kind",):
            self._doubled.add(self._start(one.span))
            self._lost(one.span)
        elif one.code in _WRONG:
            self._refused.add(one.span)
            self._refused_paths.add((self._start(one.span), one.path))
            document = self._document(one)
            if one.message == _NO_STEPS:
                self._without_steps.add(self._start(one.span))
            elif document is not None and _QUOTED.search(one.message):
                self._note(_names_within(at(document.data, one.path)), one.span)
            if one.path and one.path[0] in _HEAD:
                kind = self._lost(one.span)
                if _MISSING.search(one.message):
                    self._unnamed.add(kind)

    def explains(self, one: Finding) -> bool:
        """Whether a finding follows from those of the reading, or from one asked of before."""
        if one.span is None:
            return False
        if lacks_brackets(one) and one.span.file in self._texts:
            source = self._texts[one.span.file]
            names = {*_NAME.findall(source.text, *source.extent(one.span))}
            self._unbracketed.append((self._start(one.span), one.path, names))
        if one.code in _REFUSED and one.span in self._refused:
            return True
        if self._unsatisfiable and one.message.endswith(TAKES_NOTHING):
            return True
        if one.name == "cel-not-evaluated" and self._is_in_refused(one):
            return True
        if one.name == "unused" and self._unbracketed and self._is_read_without_brackets(one):
            return True
        if one.code in _FOLLOWS and (self._unread or self._undeclared):
            mentioned = _named(one, self._texts)
            undeclared = one.code in _OF_UNDECLARED and self._is_undeclared(mentioned, one)
            if undeclared or not self._unread.isdisjoint(mentioned[-1:]):
                return True
        if one.name == "unknown-reference":
            kind = _OF_KIND.search(one.message)
            if kind is not None and (kind[1] or kind[2]) in self._kinds:
                return True
            if self._unnamed and self._refers_to_unnamed(one):
                return True
        if self._misspelt and one.code in _OF_MISSPELT and self._start(one.span) in self._misspelt:
            return True
        if one.name == "unresolved-schema-ref" and self._undeclared:
            referred = one.message.partition("'")[2].partition("#")[0]
            if self._is_undeclared(_NAME.findall(referred), one):
                return True
        if self._without_steps and one.message.startswith(_NO_STEP):
            return self._start(one.span) in self._without_steps
        if self._doubled and (one.name, one.path) != ("duplicate-key", ("kind",)):
            return one.name != "yaml-syntax" and self._start(one.span) in self._doubled
        return bool(self._unknown) and one.code in _OF_UNKNOWN and self._is_of_unknown(one)

    def _is_in_refused(self, one: Finding) -> bool:
        """Whether an expression stands in a value that its field refuses as a whole."""
        assert one.span is not None
        start = self._start(one.span)
        ends = range(1, len(one.path))
        return any((start, one.path[:end]) in self._refused_paths for end in ends)

    def _is_of_unknown(self, one: Finding) -> bool:
        """Whether a finding follows from an unknown field, which is misspelt as a rule."""
        assert one.span is not None
        start = self._start(one.span)
        if one.name == "missing-input":
            return (start, one.path[:-1]) in self._holders
        ends = range(1, len(one.path) + (one.name == "cel-not-evaluated"))
        if any((start, one.path[:end]) in self._unknown for end in ends):
            return True
        if one.name == "unknown-field":
            return meant(one) is None and any(self._holders.get((start, one.path[:-1]), ()))
        holder = self._holders.get((start, one.path), ())
        missing = _MISSING.search(one.message)
        if missing is None:
            return any(holder) and _QUOTED.search(one.message) is not None
        return (missing[1] or missing[2]) in holder

    def _refers_to_unnamed(self, one: Finding) -> bool:
        """Whether a missing resource may be one that lacks its name."""
        document = self._document(one)
        if document is None:
            return False
        return at(document.data, one.path[:-1]).get("kind") in self._unnamed

    def _is_read_without_brackets(self, one: Finding) -> bool:
        """Whether a name that nothing reads stands in a text elsewhere that lacks brackets."""
        assert one.span is not None
        wanted, start = _named(one, self._texts), self._start(one.span)
        return any(
            not names.isdisjoint(wanted) and (start, one.path) != (place, path[: len(one.path)])
            for place, path, names in self._unbracketed
        )

    def _document(self, one: Finding) -> Document | None:
        """The document that a finding is in; None where it was not read as one of a manifest."""
        assert one.span is not None
        offset = self._texts[one.span.file].offset(one.span.line, one.span.column)
        for document in self._manifest.documents:
            if document.file == one.span.file and document.start <= offset < document.end:
                return document
        return None

    def _lost(self, span: Span) -> str:
        """Take note of the names in a document that declares nothing; gives its kind."""
        text, (start, end) = self._texts[span.file].text, self._region(span)
        for found in _NAMING.finditer(text, start, end):
            self._note(_NAME.findall(found[0]), span)
        kind = _KIND.search(text, start, end)
        return kind[1] if kind else ""

    def _note(self, names: Iterable[str], span: Span) -> None:
        for name in names:
            self._undeclared.setdefault(name, set()).add(self._start(span))

    def _is_undeclared(self, names: Iterable[str], one: Finding) -> bool:
        """Whether a document lacks one of the names; a kind is not looked for in its own one."""
        assert one.span is not None
        own = {self._start(one.span)} if one.name == "unknown-kind" else set()
        return any(self._undeclared.get(name, own) - own for name in names)

    def _start(self, span: Span) -> Start:
        return span.file, self._region(span)[0]

    def _region(self, span: Span) -> tuple[int, int]:
        """Where the document begins and ends that a place is in."""
        source = self._texts[span.file]
        starts = self._starts.get(span.file)
        if starts is None:
            starts = self._starts[span.file] = document_starts(source.text)
        index = bisect_right(starts, source.offset(span.line, span.column)) - 1
        return starts[index], [*starts, len(source.text)][index + 1]


def document_starts(text: str) -> list[int]:
    """Where the documents of a text begin, after their markers ``---``."""
    return [0, *(found.end() for found in _MARKER.finditer(text))]


def region_of(text: str, offset: int) -> tuple[int, int]:
    """The begin and the end of the document around an offset; the marker ``---`` is outside."""
    start, end = 0, len(text)
    for match in _MARKER.finditer(text):
        if match.end() <= offset:
            start = match.end()
        elif match.start() >= offset:
            end = match.start()
            break
    return start, end


def _names_around(source: Source, span: Span) -> set[str]:
    """The names in the document that a place is in."""
    offset = source.offset(span.line, span.column)
    start, end = region_of(source.text, offset)
    if source.text.startswith("---", offset):  # what was not closed is told where the next begins
        start, _ = region_of(source.text, max(offset - 1, 0))
        end = offset
    return {*_NAME.findall(source.text, start, end)}


def _names_within(value: Any) -> set[str]:
    """The names that stand in a value, as keys and as texts."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str) and _NAME.fullmatch(one):
            found.add(one)
    return found


def _named(finding: Finding, texts: Mapping[str, Source]) -> list[str]:
    """The names that a finding is about: the alias and the name, or the last one at its place."""
    source = None if finding.span is None else texts.get(finding.span.file)
    if source is None or finding.span is None:
        return []
    found = _NAME.findall(source.text, *source.extent(finding.span))
    return found[-2:] if finding.code in _OF_ALIAS else found[-1:]

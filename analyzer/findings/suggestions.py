"""Fixes from the help of findings: a similar name for an unknown one, brackets that are missing."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from analyzer.findings.brackets import brackets_around, expression_in, lacks_brackets
from analyzer.findings.catalogue import codes
from analyzer.findings.finding import Edit, Finding
from kernel.errors import Path
from kernel.manifest import Document, Manifest
from kernel.manifest.source import Source

_MEANT: Final = re.compile(r"did you mean '([^']+)'\?")
_CERTAIN: Final = codes("unknown-field", "unknown-kind", "cel-syntax", "wrong-value")
"""Where a name can be replaced: which resource is to be called is for the author to say."""
_WRITTEN: Final = re.compile(r"(['\"]?)[\w.-]+\1")


def meant(finding: Finding) -> str | None:
    """The name that the help of a finding suggests."""
    found = _MEANT.fullmatch(finding.help or "")
    return None if found is None else found[1]


def with_suggested_fixes(findings: Iterable[Finding], manifest: Manifest) -> Iterator[Finding]:
    """The findings, with the suggested names as fixes where those can stand in their place."""
    sources = {one.name: one for one in manifest.sources}
    documents: dict[str, list[Document]] = {}
    for document in manifest.documents:
        documents.setdefault(document.file, []).append(document)
    for finding in findings:
        source = None if finding.span is None else sources.get(finding.span.file)
        name = meant(finding) if finding.code in _CERTAIN else None
        if source is not None and lacks_brackets(finding):
            yield _with_brackets(finding, source, documents.get(source.name, ()))
        elif source is None or name is None:
            yield finding
        else:
            yield _with_fix(finding, name, source, documents.get(source.name, ()))


def _with_brackets(finding: Finding, source: Source, documents: Sequence[Document]) -> Finding:
    """The finding about a text in the place of an expression, with the fix if it is one."""
    assert finding.span is not None
    document = _document(source.extent(finding.span)[0], documents)
    if document is None or expression_in(document.node(finding.path).text) is None:
        return finding
    return replace(finding, fix=brackets_around(document, finding.path))


def _with_fix(
    finding: Finding, name: str, source: Source, documents: Sequence[Document]
) -> Finding:
    span = finding.span
    assert span is not None
    start, end = source.extent(span)
    written = _WRITTEN.fullmatch(source.text, start, end)
    if written is None or (
        finding.name == "unknown-field" and _is_taken(finding.path, name, start, documents)
    ):
        return finding
    return replace(finding, fix=Edit(f"write '{name}'", span, f"{written[1]}{name}{written[1]}"))


def _is_taken(path: Path, name: str, start: int, documents: Sequence[Document]) -> bool:
    """Whether the field stands beside the one that is not known; documents in their order."""
    document = _document(start, documents)
    return document is not None and name in at(document.data, path[:-1])


def _document(start: int, documents: Sequence[Document]) -> Document | None:
    """The document that holds an offset."""
    place = bisect_right(documents, start, key=lambda document: document.start) - 1
    return documents[place] if place >= 0 else None


def at(data: Any, path: Path) -> Mapping[Any, Any]:
    """The mapping at a path; an empty one where there is none."""
    for step in path:
        try:
            data = data[step]
        except (LookupError, TypeError):
            return {}
    return data if isinstance(data, Mapping) else {}

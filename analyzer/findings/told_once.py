"""One mistake that shows in several places of a document is one finding, with the other places.

A step that is misspelt where it is declared is unknown wherever it is read; an input that is not
required lacks a guard wherever it is read. What is to be mended in each place is told of each.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable
from dataclasses import replace
from typing import Final

from analyzer.findings.catalogue import codes
from analyzer.findings.finding import Finding, Note, Report
from analyzer.findings.root_causes import document_starts

_OF_NAMES: Final = codes(
    "unknown-variable", "unknown-function", "unknown-property", "undeclared-property",
    "optional-unguarded", "step-unavailable", "forward-reference",
    "unresolved-schema-ref",
)  # fmt: skip
"""What is said of a name, and holds wherever it stands."""


def told_once(report: Report) -> Report:
    """The report with one finding for what is said several times of one document."""
    texts = {source.name: source for source in report.sources}
    starts: dict[str, list[int]] = {}
    kept: dict[Hashable, Finding] = {}
    for number, one in enumerate(report.findings):
        source = None if one.span is None else texts.get(one.span.file)
        key: Hashable = number
        if one.span is not None and source is not None and one.code in _OF_NAMES:
            if source.name not in starts:
                starts[source.name] = document_starts(source.text)
            offset = source.offset(one.span.line, one.span.column)
            document = bisect_right(starts[source.name], offset)
            key = (one.code, one.message, one.weight, one.help, one.fix, source.name, document)
        kept[key] = _joined(kept[key], one) if key in kept else one
    return Report(tuple(kept.values()), report.sources)


def _joined(first: Finding, other: Finding) -> Finding:
    assert other.span is not None
    return replace(first, related=(*first.related, Note("here as well", other.span)))

"""The forms of a report (analyzer.md, Diagnostics)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from analyzer.report.finding import Finding, Report
from kernel.errors import Span

Excerpt = Callable[[Span], str | None]
"""Gives the line of the source that a span begins on, or None where it cannot be shown."""

_LONGEST_LINE = 200
_GITHUB = {"error": "error", "warning": "warning", "info": "notice"}


def as_json(report: Report) -> str:
    """One document: ``{ok, errors, warnings, diagnostics}``; lines and columns count from 1."""
    return json.dumps(
        {
            "ok": report.ok,
            "errors": report.count("error"),
            "warnings": report.count("warning"),
            "diagnostics": [_plain(finding) for finding in report.findings],
        },
        ensure_ascii=False,
        indent=2,
    )


def _plain(finding: Finding) -> dict[str, Any]:
    fix = finding.fix
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.weight,
        "message": finding.message,
        **_span(finding.span),
        "path": list(finding.path),
        "related": [{"message": note.message, **_span(note.span)} for note in finding.related],
        "fix": None if fix is None else {"title": fix.title, "text": fix.text, **_span(fix.span)},
        "url": f"analyzer/rules/{finding.code}.md",
    }


def _span(span: Span | None) -> dict[str, Any]:
    if span is None:
        return dict.fromkeys(("file", "line", "column", "endLine", "endColumn"))
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def as_github(report: Report) -> str:
    """GitHub's workflow commands: an annotation a finding."""
    return "\n".join(_annotation(finding) for finding in report.findings)


def _annotation(finding: Finding) -> str:
    place = ""
    if finding.span is not None:
        span = finding.span
        place = (
            f" file={_property(span.file)},line={span.line},col={span.column}"
            f",endLine={span.end_line},endColumn={span.end_column}"
            f",title={_property(f'{finding.code} {finding.name}')}"
        )
    return f"::{_GITHUB[finding.weight]}{place}::{_data(finding.message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def as_text(report: Report, excerpt: Excerpt) -> str:
    """Each finding with its line and a caret, and how many there are."""
    return "\n".join(
        (*(line for one in report.findings for line in _lines(one, excerpt)), _summary(report))
    )


def _lines(finding: Finding, excerpt: Excerpt) -> Iterator[str]:
    place = f"{finding.span}: " if finding.span else ""
    yield f"{place}{finding.weight} {finding.code} {finding.message}"
    if finding.span is not None:
        yield from _shown(finding.span, excerpt)
    if finding.help is not None:
        yield f"    {finding.help}"
    for note in finding.related:
        yield f"    {note.span}: {note.message}"
    if finding.fix is not None:
        yield f"    fix: {finding.fix.title}"


def _shown(span: Span, excerpt: Excerpt) -> Iterator[str]:
    line = excerpt(span)
    if line is None or not line.strip() or len(line) > _LONGEST_LINE:
        return
    last = span.end_column if span.end_line == span.line else len(line) + 1
    yield f"    {line}"
    yield f"    {' ' * (span.column - 1)}{'^' * max(min(last, len(line) + 1) - span.column, 1)}"


def _summary(report: Report) -> str:
    if not report.findings:
        return "nothing found"
    counts = [
        f"{count} {what}{'s' if count != 1 else ''}"
        for what, count in (
            ("error", report.count("error")),
            ("warning", report.count("warning")),
            ("remark", report.count("info")),
        )
        if count
    ]
    return ", ".join(counts)

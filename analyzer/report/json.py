"""A report as plain data and JSON (analyzer.md, Diagnostics)."""

from __future__ import annotations

import json
from typing import Any

from analyzer.findings.finding import Finding, Report
from analyzer.findings.pages import url
from kernel.errors import Span

_PLACE = ("file", "line", "column", "endLine", "endColumn")


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
        "url": url(finding.code),
    }


def _span(span: Span | None) -> dict[str, Any]:
    if span is None:
        return dict.fromkeys(_PLACE)
    return dict(zip(_PLACE, span.place, strict=True))

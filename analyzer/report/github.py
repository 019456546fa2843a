"""A report as GitHub's workflow commands: an annotation a finding."""

from __future__ import annotations

from pathlib import Path

from analyzer.findings.finding import Finding, Report
from analyzer.report.paths import relative
from kernel.errors import Span

_LEVELS = {"error": "error", "warning": "warning", "info": "notice"}


def as_github(report: Report, base: Path | None = None) -> str:
    """A line a finding; files are named from ``base``, which is the root of the repository."""
    return "\n".join(_annotation(finding, base) for finding in report.findings)


def _annotation(finding: Finding, base: Path | None) -> str:
    properties = {**_place(finding.span, base), "title": f"{finding.code} {finding.name}"}
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    message = finding.message if finding.help is None else f"{finding.message}\n{finding.help}"
    return f"::{_LEVELS[finding.weight]} {listed}::{_data(message)}"


def _place(span: Span | None, base: Path | None) -> dict[str, str]:
    """GitHub takes columns only for findings within one line."""
    if span is None:
        return {}
    place = {"file": relative(span.file, base), "line": str(span.line)}
    end = {"endLine": str(span.end_line)}
    if span.end_line != span.line:
        return place | end
    return place | {"col": str(span.column)} | end | {"endColumn": str(span.end_column)}


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

"""A report for people: each finding with its line and carets, and how many there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from analyzer.findings.catalogue import Severity
from analyzer.findings.finding import Finding, Report
from analyzer.report.excerpt import excerpt, visible
from kernel.errors import Span

_BREAK = re.compile(r"\r\n?|\n")
_COLORS: Mapping[Severity, str] = {"error": "31", "warning": "33", "info": "36"}
_BOLD, _DIM = "1", "2"
_COUNTED: tuple[tuple[Severity, str], ...] = (
    ("error", "error"),
    ("warning", "warning"),
    ("info", "remark"),
)

Paint = Callable[[str, str], str]
Lines = Mapping[str, list[str]]


def as_text(report: Report, *, color: bool = False) -> str:
    """The findings in reading order, and the summary; ``color`` for a terminal."""

    def paint(text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if color else text

    lines = _lines(report)
    shown = [line for one in report.findings for line in _finding(one, lines, paint)]
    return "\n".join([*shown, summary(report)])


def summary(report: Report) -> str:
    """How much was found, and in how many files, in one line."""
    files = f" in {many(len(report.sources), 'file')}" if report.sources else ""
    counts = [many(count, word) for severity, word in _COUNTED if (count := report.count(severity))]
    mended = sum(finding.fix is not None for finding in report.findings)
    more = f"; --fix mends {mended}" if mended else ""
    return f"{', '.join(counts) or 'nothing found'}{files}{more}"


def many(count: int, word: str, words: str = "") -> str:
    """A count with its noun."""
    return f"{count} {word if count == 1 else words or f'{word}s'}"


def _lines(report: Report) -> Lines:
    """The lines of the files in which something was found."""
    named = {finding.span.file for finding in report.findings if finding.span}
    return {
        source.name: _BREAK.split(source.text) for source in report.sources if source.name in named
    }


def _finding(finding: Finding, lines: Lines, paint: Paint) -> Iterator[str]:
    place = f"{_shown(finding.span)}: " if finding.span else ""
    color = f"{_BOLD};{_COLORS[finding.weight]}"
    severity = paint(finding.weight, color)
    rule = paint(f"{finding.code} {finding.name}", _BOLD)
    yield f"{place}{severity} {rule}: {_indented(finding.message)}"
    if finding.span is not None:
        yield from _excerpt(finding.span, lines, lambda text: paint(text, color), paint)
    if finding.help is not None:
        yield f"    help: {_indented(finding.help)}"
    for note in finding.related:
        yield f"    {_shown(note.span)}: {_indented(note.message)}"
    if finding.fix is not None:
        yield f"    fix: {_indented(finding.fix.title)}"


def _excerpt(span: Span, lines: Lines, mark: Callable[[str], str], paint: Paint) -> Iterator[str]:
    listed = lines.get(span.file, [])
    line = listed[span.line - 1] if 0 < span.line <= len(listed) else ""
    if not line.strip():
        return
    end = span.end_column - 1 if span.end_line == span.line else len(line.rstrip())
    shown, carets = excerpt(line.rstrip(), span.column - 1, end)
    gutter = f"{span.line} |"
    yield f"  {paint(gutter, _DIM)} {shown}"
    yield f"  {paint('|'.rjust(len(gutter)), _DIM)} {mark(carets)}"


def _shown(span: Span) -> str:
    return visible(str(span)).replace("\n", "\\n")


def _indented(text: str) -> str:
    return visible(text).replace("\n", "\n    ")

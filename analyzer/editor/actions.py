"""What can be done about findings: their own fixes, and a comment that suppresses a warning."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from analyzer.editor.workspace import Analysis, Workspace
from analyzer.findings.finding import Finding, Report
from analyzer.findings.suppression import is_suppressible
from analyzer.findings.trials import held_fixes
from kernel.errors import Span
from kernel.structs import struct

_BREAK = re.compile(r"\r\n?|\n")


@struct
class Action:
    """A change that an author may choose. ``preferred``: it is the finding's own fix."""

    title: str
    finding: Finding
    span: Span
    text: str
    preferred: bool = False


def actions_for(workspace: Workspace, file: str, findings: Iterable[Finding]) -> Iterator[Action]:
    """The actions for some findings of a file, first the fixes, which were tried."""
    found, analysis = list(findings), workspace.analysis(file)
    held = _held(workspace, file, [finding for finding in found if finding.fix is not None])
    for finding in found:
        fix = finding.fix
        if fix is not None and finding in held:
            yield Action(fix.title, finding, fix.span, fix.text, True)
    for finding in found:
        if finding.weight != "error" and is_suppressible(finding) and finding.span is not None:
            yield _suppress(analysis, file, finding)


def _held(workspace: Workspace, file: str, found: list[Finding]) -> set[Finding]:
    """Those of some findings whose fixes hold."""
    if not found:
        return set()

    def attempt(texts: Mapping[str, str]) -> Report:
        return workspace.report_with(file, texts)

    return held_fixes(found, attempt({}), attempt)


def _suppress(analysis: Analysis, file: str, finding: Finding) -> Action:
    """A comment on the line before: no comment can stand within a scalar of several lines."""
    assert finding.span is not None
    text = analysis.text_of(file) or ""
    number = _first_line(analysis, file, finding)
    lines = _BREAK.split(text)
    line = lines[number - 1] if number <= len(lines) else ""
    indent = line[: len(line) - len(line.lstrip(" "))]
    title = f"Suppress {finding.code} here"
    place = Span(file, number, 1, number, 1)
    return Action(title, finding, place, f"{indent}# kernel: ignore[{finding.code}] reason\n")


def _first_line(analysis: Analysis, file: str, finding: Finding) -> int:
    """The line on which the scalar begins that a finding is in."""
    assert finding.span is not None
    for document in analysis.documents_of(file):
        first, _ = document.source.position(document.start)
        last, _ = document.source.position(document.end)
        if first <= finding.span.line <= last:
            node = document.node(finding.path)
            line, _ = document.source.position(node.start)
            return min(line, finding.span.line) if node.kind == "scalar" else finding.span.line
    return finding.span.line

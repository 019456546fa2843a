"""Findings with their place in the manifest, and the report that holds them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from analyzer.findings.catalogue import RULES, Severity
from kernel.errors import Fault, Path, Span
from kernel.manifest.source import Source
from kernel.structs import field, struct


@struct
class Note:
    """Another place that has to do with a finding, and how."""

    message: str
    span: Span


@struct
class Edit:
    """A text edit that mends a finding: ``text`` in the place of ``span``."""

    title: str
    span: Span
    text: str


@struct
class Finding:
    """One mistake, at one place. ``message`` is one sentence; ``help`` says how to mend it.

    ``span`` is None for what is wrong with a file as a whole; ``path`` leads to the value within
    its document.
    """

    code: str
    message: str
    span: Span | None = None
    path: Path = ()
    related: tuple[Note, ...] = ()
    fix: Edit | None = None
    help: str | None = None
    severity: Severity | None = None

    @classmethod
    def of(cls, fault: Fault) -> Finding:
        """A fault that the loader found, which is an error."""
        return cls(fault.code, fault.message, fault.span, fault.path, help=fault.help)

    @property
    def name(self) -> str:
        """The name of its rule."""
        return RULES[self.code].name

    @property
    def weight(self) -> Severity:
        """Its severity: its own, or the usual one of its rule."""
        return self.severity or RULES[self.code].severity


@struct
class Report:
    """All findings, in reading order; ``sources`` are the files that were checked.

    Each stands here once: what several paths lead to, through aliases, is one place.
    """

    findings: tuple[Finding, ...] = ()
    sources: tuple[Source, ...] = field(default=(), compare=False, repr=False)

    @classmethod
    def of(cls, findings: Iterable[Finding], sources: Iterable[Source] = ()) -> Report:
        """The report of some findings, sorted by place."""
        found: dict[Hashable, Finding] = {}
        for one in findings:
            found.setdefault((one.code, one.message, one.span, one.span is None and one.path), one)
        return cls(tuple(sorted(found.values(), key=_place)), tuple(sources))

    def count(self, severity: Severity) -> int:
        """How many findings are of that severity."""
        return sum(finding.weight == severity for finding in self.findings)

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not self.count("error")


def _place(finding: Finding) -> tuple[str, int, int, str]:
    span = finding.span
    return (
        ("", 0, 0, finding.code)
        if span is None
        else (span.file, span.line, span.column, finding.code)
    )

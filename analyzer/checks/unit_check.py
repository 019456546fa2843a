"""The check of one unit, which collects findings at their places."""

from __future__ import annotations

from analyzer.expressions.assignment import Mismatch, mismatches
from analyzer.expressions.templates import Evaluation
from analyzer.findings.diagnostic import Diagnostic
from analyzer.findings.finding import Edit, Finding, Note
from analyzer.findings.message import Message
from analyzer.findings.messages.k2_contracts import Place
from analyzer.program.linking import Unit
from analyzer.program.program import Program
from analyzer.types import Type
from kernel.errors import Path, Span
from kernel.manifest import Document
from kernel.structs import field, struct
from kernel.topology.callsite import CallSite


@struct(frozen=False)
class UnitCheck:
    """A unit of a program, and the findings in it so far."""

    program: Program
    unit: Unit
    findings: list[Finding] = field(default_factory=list)
    calls: list[tuple[CallSite, Evaluation]] = field(default_factory=list)
    """The call sites that were checked, each with the arguments that it gives."""

    @property
    def document(self) -> Document:
        """The document that the unit stands in."""
        return self.unit.document

    def add_diagnostic(self, diagnostic: Diagnostic, path: Path) -> None:
        """A finding in the expression of the scalar at ``path``."""

        def span(offset: int, end: int) -> Span:
            return self.document.scalar_span(path, offset, end)

        fix = diagnostic.fix
        text = "" if fix is None else self.document.node(path).escaped(fix.text)
        self.findings.append(
            Finding(
                diagnostic.code,
                diagnostic.message,
                span(diagnostic.offset, diagnostic.end),
                path,
                tuple(Note(one.message, span(one.offset, one.end)) for one in diagnostic.related),
                None if fix is None else Edit(fix.title, span(fix.offset, fix.end), text),
                severity=diagnostic.severity,
            )
        )

    def add_evaluation(self, value: Evaluation, path: Path) -> None:
        """The findings in the expressions of a template that stands at ``path``."""
        for where, diagnostic in value.found:
            self.add_diagnostic(diagnostic, path + where)

    def add(
        self,
        message: Message,
        path: Path,
        *,
        key: bool = False,
        related: tuple[Note, ...] = (),
        fix: Edit | None = None,
    ) -> None:
        """A finding about the value at ``path``, or about its key."""
        self.findings.append(message.at(self.document.span(path, key), path, related, fix))

    def check_fits(
        self, value: Evaluation, type_: Type, place: Place, name: str, path: Path
    ) -> None:
        """The values of a template at ``path``, against the place that takes them."""
        for found in mismatches(value, type_, place, name):
            self.add_mismatch(found, value, path)

    def add_mismatch(self, found: Mismatch, value: Evaluation, path: Path) -> None:
        """A value that a place does not take, at the expression that gives the value."""
        where = path + found.path
        scalar = value.tree.scalars.get(found.path)
        if scalar is not None and not found.key:
            whole = scalar.whole
            start, end = (0, len(scalar.text)) if whole is None else (whole.start, whole.end)
            span = self.document.scalar_span(where, start, end)
        else:
            span = self.document.span(where, found.key)
        meant = found.meant
        fix = None if meant is None else Edit(f"write '{meant}'", span, meant)
        self.findings.append(found.message.at(span, where, fix=fix))

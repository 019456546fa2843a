"""The content of a finding, without its place."""

from __future__ import annotations

from analyzer.findings.catalogue import Severity
from analyzer.findings.finding import Edit, Finding, Note
from kernel.errors import Path, Span
from kernel.structs import struct


@struct
class Message:
    """The code of a rule and one sentence; ``help`` says how to mend the mistake.

    ``severity`` is None where it is the usual one of the rule.
    """

    code: str
    text: str
    help: str | None = None
    severity: Severity | None = None

    def at(
        self,
        span: Span | None,
        path: Path = (),
        related: tuple[Note, ...] = (),
        fix: Edit | None = None,
    ) -> Finding:
        """The finding with this message at a place."""
        return Finding(self.code, self.text, span, path, related, fix, self.help, self.severity)

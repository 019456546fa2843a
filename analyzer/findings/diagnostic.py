"""A finding in an expression, with its place in the text of the expression.

Offsets count Unicode code points; the end is exclusive.
"""

from __future__ import annotations

from analyzer.findings.catalogue import RULES, Severity
from kernel.cel import Expr
from kernel.structs import struct


@struct
class Fix:
    """An edit of the text that mends the finding; ``title`` says what it does."""

    title: str
    offset: int
    end: int
    text: str


@struct
class Related:
    """Another place that has to do with a finding."""

    message: str
    offset: int
    end: int


@struct
class Diagnostic:
    """One finding: one sentence in plain words, and the place it is about."""

    code: str
    name: str
    severity: Severity
    message: str
    offset: int
    end: int
    related: tuple[Related, ...] = ()
    fix: Fix | None = None

    @classmethod
    def of(
        cls,
        code: str,
        node: Expr,
        message: str,
        *,
        fix: Fix | None = None,
        related: tuple[Related, ...] = (),
        severity: Severity | None = None,
    ) -> Diagnostic:
        """What is wrong with a node of an expression."""
        rule = RULES[code]
        severity = severity or rule.severity
        return cls(code, rule.name, severity, message, node.offset, node.end, related, fix)

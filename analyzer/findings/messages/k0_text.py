"""K001 to K008: the text of a manifest."""

from __future__ import annotations

from analyzer.findings.diagnostic import Diagnostic
from analyzer.types import Type
from kernel.cel import Expr


def not_text(node: Expr, what: str, type_: Type) -> Diagnostic:
    """K006: a list or a map within text."""
    return Diagnostic.of("K006", node, f"{what} is {type_}, which cannot stand within text")

"""The edit that puts brackets around an expression: ``inputs.email`` to ``${{ inputs.email }}``."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from analyzer.findings.finding import Edit, Finding
from kernel.cel import CelSyntaxError, Embedded, Expr, scan
from kernel.cel.template_tree import CLOSE, OPEN
from kernel.errors import Path
from kernel.manifest import Document

MAX_LENGTH: Final = 2_000
"""A longer text is no expression."""

_TITLE: Final = "put it in brackets"


_IN_BRACKETS: Final = f"in brackets: `{OPEN}"


def lacks_brackets(finding: Finding) -> bool:
    """Whether the help of a finding says that brackets are missing."""
    return _IN_BRACKETS in (finding.help or "")


def bracketed(text: str) -> str:
    """The text as an expression in a template."""
    return f"{OPEN} {text.strip()} {CLOSE}"


@lru_cache(maxsize=4_096)
def expression_in(text: str) -> Expr | None:
    """The expression that a text without brackets would be in brackets; None if it is none."""
    if OPEN in text or len(text) > MAX_LENGTH:
        return None
    try:
        segments = scan(bracketed(text))
    except CelSyntaxError:
        return None
    only = segments[0]
    return only.expr if len(segments) == 1 and isinstance(only, Embedded) else None


def brackets_around(document: Document, path: Path) -> Edit | None:
    """The edit for the text at a path, quoted as YAML needs it; None for a block of many lines."""
    node = document.node(path)
    text = node.text.strip()
    if node.kind != "scalar" or not text or "\n" in text:
        return None
    if node.style in ("|", ">"):
        return Edit(_TITLE, document.scalar_span(path, 0, len(text)), bracketed(text))
    quote = node.style or ("'" if '"' in text or "\\" in text else '"')
    written = bracketed(text)
    written = written.replace("'", "''") if quote == "'" else _escaped(written)
    return Edit(_TITLE, document.source.span(node.start, node.end), f"{quote}{written}{quote}")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')

"""Manifests about effects, from their parts, and what the analyzer finds in them."""

from __future__ import annotations

from textwrap import indent

from analyzer import check_text
from analyzer.report import Finding

EFFECTS = frozenset(("K209", *(f"K70{number}" for number in range(1, 10))))


def kind(name: str, fields: str = "", *, controller: bool = True) -> str:
    """The definition of `Shop.<name>`, with more fields of its own."""
    text = f"kind: Kernel.Definition\nmetadata: {{ name: {name}, module: Shop }}\n"
    if "capability:" not in fields:
        text += "capability: Invocable\n"
    if controller and "body:" not in fields and "topology:" not in fields:
        text += f'controller: {{ python: "shop:{name}" }}\n'
    return f"{text}{fields}\n"


def sequence(name: str, steps: str) -> str:
    """A Run.Sequence of these steps."""
    return f"kind: Run.Sequence\nmetadata: {{ name: {name} }}\nsteps:\n{indent(steps, '  ')}\n"


def found(*documents: str) -> list[Finding]:
    """The findings of these rules; all others, which a test does not mean, are a mistake of it."""
    text = "---\n".join(documents)
    findings = check_text(text, "shop.yaml").findings
    strays = [one for one in findings if one.code not in EFFECTS and one.code != "K901"]
    assert not strays, strays
    return [one for one in findings if one.code in EFFECTS]


def codes(*documents: str) -> list[str]:
    """Their codes, in reading order."""
    return [one.code for one in found(*documents)]


def at(finding: Finding, *documents: str) -> str:
    """The text that a finding points at."""
    span = finding.span
    assert span is not None
    assert span.line == span.end_line
    line = "---\n".join(documents).splitlines()[span.line - 1]
    return line[span.column - 1 : span.end_column - 1]

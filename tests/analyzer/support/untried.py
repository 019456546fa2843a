"""Findings alone: their fixes are not tried, which takes another check for each of them."""

from __future__ import annotations

from pathlib import Path

from analyzer.findings.finding import Finding
from analyzer.pipeline import check_manifest
from kernel.manifest import inspect, inspect_text


def found_in(text: str, name: str = "made.yaml") -> tuple[Finding, ...]:
    """The findings in a manifest that is given as text."""
    return check_manifest(*inspect_text(text, name, None)).findings


def found_at(path: Path) -> tuple[Finding, ...]:
    """The findings in the manifest at a path."""
    return check_manifest(*inspect(path)).findings

"""Fixes from the help of findings: a similar name in the place of an unknown one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from analyzer.findings.catalogue import codes
from analyzer.findings.finding import Edit, Finding
from kernel.errors import Path
from kernel.manifest import Manifest

_MEANT: Final = re.compile(r"did you mean '([^']+)'\?")
_CERTAIN: Final = codes("unknown-field", "unknown-kind")
"""Where a name can be replaced: which resource is to be called is for the author to say."""
_WRITTEN: Final = re.compile(r"(['\"]?)[\w.-]+\1")


def meant(finding: Finding) -> str | None:
    """The name that the help of a finding suggests."""
    found = _MEANT.fullmatch(finding.help or "")
    return None if found is None else found[1]


def with_suggested_fix(finding: Finding, manifest: Manifest) -> Finding:
    """The finding, with the suggested name as its fix where that can stand in its place."""
    name = meant(finding) if finding.code in _CERTAIN else None
    span = finding.span
    source = next((one for one in manifest.sources if span and one.name == span.file), None)
    if name is None or span is None or source is None:
        return finding
    start, end = source.extent(span)
    written = _WRITTEN.fullmatch(source.text, start, end)
    if written is None or (
        finding.name == "unknown-field" and _is_taken(finding.path, name, start, manifest)
    ):
        return finding
    return replace(finding, fix=Edit(f"write '{name}'", span, f"{written[1]}{name}{written[1]}"))


def _is_taken(path: Path, name: str, start: int, manifest: Manifest) -> bool:
    """Whether the field stands beside the one that is not known."""
    return any(
        document.start <= start < document.end and name in at(document.data, path[:-1])
        for document in manifest.documents
    )


def at(data: Any, path: Path) -> Mapping[Any, Any]:
    """The mapping at a path; an empty one where there is none."""
    for step in path:
        try:
            data = data[step]
        except (LookupError, TypeError):
            return {}
    return data if isinstance(data, Mapping) else {}

"""A report as SARIF 2.1.0 (OASIS Static Analysis Results Interchange Format)."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from analyzer.findings.catalogue import RULES, RuleEntry
from analyzer.findings.finding import Edit, Finding, Report
from analyzer.findings.pages import first_paragraph, page, url
from analyzer.report.paths import relative
from kernel.errors import Span
from kernel.version import VERSION

_BREAK = re.compile(r"\r\n?|\n")
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_ROOT = "SRCROOT"
_INDEX = {code: index for index, code in enumerate(RULES)}

Json = dict[str, Any]


def as_sarif(report: Report, base: Path | None = None) -> str:
    """One log with one run; files are named from ``base``, the root of the repository."""
    prints = _fingerprints(report, base)
    driver = {
        "name": "kernel check",
        "semanticVersion": VERSION,
        "rules": [_rule(rule) for rule in RULES.values()],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "invocations": [{"executionSuccessful": True}],
        "results": [
            _result(finding, mark, base)
            for finding, mark in zip(report.findings, prints, strict=True)
        ],
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=False, indent=2)


def _rule(rule: RuleEntry) -> Json:
    text = page(rule.code)
    words = rule.name.replace("-", " ")
    described: Json = {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": words},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }
    if text is not None:
        described["fullDescription"] = {"text": first_paragraph(text)}
        described["helpUri"] = url(rule.code)
        described["help"] = {"text": text, "markdown": text}
    return described


def _result(finding: Finding, fingerprint: str, base: Path | None) -> Json:
    message = finding.message if finding.help is None else f"{finding.message}; {finding.help}"
    result: Json = {
        "ruleId": finding.code,
        "ruleIndex": _INDEX[finding.code],
        "level": _LEVELS[finding.weight],
        "message": {"text": message},
        "partialFingerprints": {"primaryLocationLineHash": fingerprint},
    }
    if finding.span is not None:
        result["locations"] = [{"physicalLocation": _location(finding.span, base)}]
    if finding.related:
        result["relatedLocations"] = [
            {
                "id": number,
                "physicalLocation": _location(note.span, base),
                "message": {"text": note.message},
            }
            for number, note in enumerate(finding.related, 1)
        ]
    if finding.fix is not None:
        result["fixes"] = [_fix(finding.fix, base)]
    return result


def _location(span: Span, base: Path | None) -> Json:
    return {"artifactLocation": _artifact(span.file, base), "region": _region(span)}


def _artifact(file: str, base: Path | None) -> Json:
    name = relative(file, base)
    if name.startswith("/"):
        return {"uri": f"file://{quote(os.fsencode(name))}"}
    return {"uri": quote(os.fsencode(name)), "uriBaseId": _ROOT}


def _region(span: Span) -> Json:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _fix(fix: Edit, base: Path | None) -> Json:
    replacement = {"deletedRegion": _region(fix.span), "insertedContent": {"text": fix.text}}
    change = {"artifactLocation": _artifact(fix.span.file, base), "replacements": [replacement]}
    return {"description": {"text": fix.title}, "artifactChanges": [change]}


def _fingerprints(report: Report, base: Path | None) -> list[str]:
    """A fingerprint for each finding that stays the same when lines above it come and go.

    It is made of the rule, the file and the text of the line, and a number among equal ones.
    """
    lines = {source.name: _BREAK.split(source.text) for source in report.sources}
    seen: Counter[str] = Counter()
    marks: list[str] = []
    for finding in report.findings:
        place = ("", "")
        if finding.span is not None:
            listed = lines.get(finding.span.file, [])
            line = listed[finding.span.line - 1] if finding.span.line <= len(listed) else ""
            place = (relative(finding.span.file, base), line.strip())
        text = json.dumps([finding.code, *place, finding.message if not place[1] else ""])
        mark = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        seen[mark] += 1
        marks.append(f"{mark}:{seen[mark]}")
    return marks

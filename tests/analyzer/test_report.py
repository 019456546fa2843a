"""The forms of a report."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from analyzer.report import Edit, Finding, Note, Report, as_github, as_json, as_text
from analyzer.rules.catalogue import RULES
from kernel.errors import Fault, Span

PLACE = Span("main.yaml", 3, 9, 3, 13)
FINDING = Finding(
    "K205",
    "`Charge` takes no input `amout`",
    PLACE,
    ("steps", 0, "inputs", "amout"),
    (Note("its inputs are declared here", Span("shop.yaml", 7, 1, 7, 7)),),
    Edit("write `amount`", PLACE, "amount"),
)
LOOSE = Finding("K001", "100% wrong\nin two lines", help="mend it")
REPORT = Report.of([FINDING, Finding("K708", "no class", PLACE), LOOSE, FINDING])


def test_a_report_has_each_finding_once_in_reading_order() -> None:
    assert [finding.code for finding in REPORT.findings] == ["K001", "K205", "K708"]
    assert not REPORT.ok
    assert Report.of([Finding("K407", "undeclared", PLACE)]).ok


def test_json() -> None:
    document = json.loads(as_json(REPORT))
    assert (document["ok"], document["errors"], document["warnings"]) == (False, 2, 0)
    assert document["diagnostics"][1] == {
        "code": "K205",
        "name": "unknown-input",
        "severity": "error",
        "message": "`Charge` takes no input `amout`",
        "file": "main.yaml",
        "line": 3,
        "column": 9,
        "endLine": 3,
        "endColumn": 13,
        "path": ["steps", 0, "inputs", "amout"],
        "related": [
            {
                "message": "its inputs are declared here",
                "file": "shop.yaml",
                "line": 7,
                "column": 1,
                "endLine": 7,
                "endColumn": 7,
            }
        ],
        "fix": {
            "title": "write `amount`",
            "text": "amount",
            "file": "main.yaml",
            "line": 3,
            "column": 9,
            "endLine": 3,
            "endColumn": 13,
        },
        "url": "analyzer/rules/K205.md",
    }
    assert document["diagnostics"][0]["file"] is None


def test_github() -> None:
    lines = as_github(REPORT).splitlines()
    assert lines[0] == "::error::100%25 wrong%0Ain two lines"
    assert lines[1] == (
        "::error file=main.yaml,line=3,col=9,endLine=3,endColumn=13,title=K205 unknown-input"
        "::`Charge` takes no input `amout`"
    )
    assert lines[2].startswith("::notice file=main.yaml")


def test_text() -> None:
    shown = as_text(REPORT, lambda span: "      { amout: 5 }" if span == PLACE else None)
    assert shown == (
        "error K001 100% wrong\nin two lines\n"
        "    mend it\n"
        "main.yaml:3:9: error K205 `Charge` takes no input `amout`\n"
        "          { amout: 5 }\n"
        "            ^^^^\n"
        "    shop.yaml:7:1: its inputs are declared here\n"
        "    fix: write `amount`\n"
        "main.yaml:3:9: info K708 no class\n"
        "          { amout: 5 }\n"
        "            ^^^^\n"
        "2 errors, 1 remark"
    )
    assert as_text(Report(), lambda _: None) == "nothing found"


def test_a_fault_of_the_loader_is_a_finding() -> None:
    finding = Finding.of(Fault("K003", "no field `x`", PLACE, "did you mean 'y'?", ("x",)))
    assert (finding.name, finding.weight, finding.help) == (
        "unknown-field",
        "error",
        "did you mean 'y'?",
    )


def test_the_catalogue_is_that_of_the_specification() -> None:
    page = Path(__file__).parents[3] / "shared/design/analyzer.md"
    if not page.exists():
        pytest.skip("the specification is not beside the checkout")
    severities = {"E": "error", "W": "warning", "I": "info"}
    rows = re.findall(
        r"^\| (K\d{3}) ([EWI]) \| ([a-z-]+) \|", page.read_text("utf-8"), re.MULTILINE
    )
    assert {code: (rule.name, rule.severity) for code, rule in RULES.items()} == {
        code: (name, severities[severity]) for code, severity, name in rows
    }

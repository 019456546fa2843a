"""The forms of a report."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.findings.catalogue import RULES
from analyzer.findings.pages import url
from analyzer.report import Edit, Finding, Note, Report, as_github, as_json, as_text
from analyzer.report.excerpt import excerpt
from kernel.errors import Fault, Span
from kernel.manifest.source import Source

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
        "url": url("K205"),
    }
    assert document["diagnostics"][0]["file"] is None


def test_github() -> None:
    lines = as_github(REPORT).splitlines()
    assert lines[0] == "::error title=K001 yaml-syntax::100%25 wrong%0Ain two lines%0Amend it"
    assert lines[1] == (
        "::error file=main.yaml,line=3,col=9,endLine=3,endColumn=13,title=K205 unknown-input"
        "::`Charge` takes no input `amout`"
    )
    assert lines[2].startswith("::notice file=main.yaml")


def test_github_names_files_from_the_root_and_takes_columns_within_one_line_only(
    tmp_path: Path,
) -> None:
    span = Span(str(tmp_path / "a,b" / "c:d%.yaml"), 3, 9, 5, 2)
    assert as_github(Report.of([Finding("K205", "no", span)]), tmp_path) == (
        "::error file=a%2Cb/c%3Ad%25.yaml,line=3,endLine=5,title=K205 unknown-input::no"
    )


def test_text() -> None:
    source = Source("main.yaml", "steps:\n  - x\n      { amout: 5 }\n")
    assert as_text(Report(REPORT.findings, (source,))) == (
        "error K001 yaml-syntax: 100% wrong\n    in two lines\n"
        "    help: mend it\n"
        "main.yaml:3:9: error K205 unknown-input: `Charge` takes no input `amout`\n"
        "  3 |       { amout: 5 }\n"
        "    |         ^^^^\n"
        "    shop.yaml:7:1: its inputs are declared here\n"
        "    fix: write `amount`\n"
        "main.yaml:3:9: info K708 unclassified: no class\n"
        "  3 |       { amout: 5 }\n"
        "    |         ^^^^\n"
        "2 errors, 1 remark in 1 file; --fix mends 1"
    )
    assert as_text(Report()) == "nothing found"
    assert as_text(Report(sources=(source, source))) == "nothing found in 2 files"


def test_colour_changes_nothing_but_the_colour() -> None:
    colored = as_text(REPORT, color=True)
    assert "\x1b[1;31merror\x1b[0m" in colored
    assert re.sub("\x1b\\[[0-9;]*m", "", colored) == as_text(REPORT)


def test_what_commands_a_terminal_is_written_out() -> None:
    source = Source("a\x1b.yaml", "a: \x1b[31m\u202e b\n")
    finding = Finding("K007", "got '\x1b]0;title\x07'", Span(source.name, 1, 4, 1, 5))
    shown = as_text(Report((finding,), (source,)))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "  1 | a: \\x1b[31m\\u202e b\n    |    ^^^^\n" in shown


@pytest.mark.parametrize(
    ("line", "start", "end", "shown", "carets"),
    [
        ("\ta: b", 4, 5, "    a: b", "       ^"),
        ("x\ta: b", 2, 3, "x   a: b", "    ^"),
        ("日本: 語x", 4, 5, "日本: 語x", "      ^^"),
        ("e\u0301: x", 4, 5, "e\u0301: x", "   ^"),
        ("abc", 3, 3, "abc", "   ^"),
        ("abc", 9, 12, "abc", "   ^"),
    ],
)
def test_carets_stand_under_what_they_mean(
    line: str, start: int, end: int, shown: str, carets: str
) -> None:
    assert excerpt(line, start, end) == (shown, carets)


@given(st.text(st.characters(exclude_characters="\r\n")), st.integers(0, 300), st.integers(0, 300))
def test_an_excerpt_shows_its_part_whatever_the_line(line: str, start: int, length: int) -> None:
    shown, carets = excerpt(line, start, start + length)
    assert "^" in carets
    assert "\t" not in shown
    assert not any(unicodedata.category(character) == "Cc" for character in shown)


def test_of_a_long_line_the_part_around_the_carets_is_shown() -> None:
    line = "a" * 300 + "WRONG" + "b" * 300
    shown, carets = excerpt(line, 300, 305)
    assert len(shown) <= 122
    place = carets.index("^")
    assert shown[place : place + 5] == "WRONG"
    assert carets.count("^") == 5
    assert shown.startswith("…")
    assert shown.endswith("…")


def test_a_fault_of_the_loader_is_a_finding() -> None:
    finding = Finding.of(Fault("K003", "no field `x`", PLACE, "did you mean 'y'?", ("x",)))
    assert (finding.name, finding.weight, finding.help) == (
        "unknown-field",
        "error",
        "did you mean 'y'?",
    )


AWAITED = frozenset(("K211", "K710"))
"""Rules that the specification has and the analyzer has not yet; who adds one takes it out here."""


BEYOND = frozenset(("K108", "K711"))
"""Rules that the analyzer has and the table of the specification has not yet."""


def test_the_catalogue_is_that_of_the_specification() -> None:
    page = Path(__file__).parents[4] / "shared/design/analyzer.md"
    if not page.exists():
        pytest.skip("the specification is not beside the checkout")
    severities = {"E": "error", "W": "warning", "I": "info"}
    rows = re.findall(
        r"^\| (K\d{3}) ([EWI]) \| ([a-z-]+) \|", page.read_text("utf-8"), re.MULTILINE
    )
    wanted = {code: (name, severities[severity]) for code, severity, name in rows}
    assert wanted.keys() & AWAITED == AWAITED
    assert wanted.keys().isdisjoint(BEYOND)
    found = {code: rule for code, rule in RULES.items() if code not in BEYOND}
    assert {code: (rule.name, rule.severity) for code, rule in found.items()} == {
        code: rule for code, rule in wanted.items() if code not in AWAITED
    }


def test_the_package_gives_its_names_whatever_was_imported_before() -> None:
    import importlib

    import analyzer

    importlib.import_module("analyzer.pipeline")
    assert callable(analyzer.check)
    assert {callable(getattr(analyzer, name)) for name in analyzer.__all__} == {True}
    with pytest.raises(AttributeError, match="nothing"):
        analyzer.nothing  # noqa: B018

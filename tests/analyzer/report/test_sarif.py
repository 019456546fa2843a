"""SARIF 2.1.0: valid by its schema, and what GitHub's code scanning needs of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from analyzer.findings.catalogue import RULES
from analyzer.report import Edit, Finding, Note, Report, as_sarif
from kernel.errors import Span
from kernel.manifest.source import Source

SCHEMA = json.loads((Path(__file__).parents[1] / "data" / "sarif-2.1.0.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

TEXT = "kind: A.B\nsteps:\n  - { amout: 5 }\n  - { amout: 5 }\n"


def report(root: Path, text: str = TEXT, line: int = 3) -> Report:
    name = str(root / "my shop" / "größe#1.yaml")
    place = Span(name, line, 7, line, 12)
    again = Span(name, line + 1, 7, line + 1, 12)
    return Report.of(
        [
            Finding(
                "K205",
                "no input `amout`",
                place,
                related=(Note("declared here", Span("/lib/x.yaml", 7, 1, 7, 7)),),
                fix=Edit("write `amount`", place, "amount"),
            ),
            Finding("K205", "no input `amout`", again, help="did you mean `amount`?"),
            Finding("K708", "no class", again, severity="warning"),
            Finding("K001", "cannot be read"),
        ],
        [Source(name, text)],
    )


def run(report: Report, root: Path) -> Any:
    log = json.loads(as_sarif(report, root))
    VALIDATOR.validate(log)
    return log["runs"][0]


def test_it_is_valid_by_its_schema(tmp_path: Path) -> None:
    run(report(tmp_path), tmp_path)
    run(Report(), tmp_path)


def test_the_schema_refuses_what_is_not_sarif(tmp_path: Path) -> None:
    log = json.loads(as_sarif(report(tmp_path), tmp_path))
    log["runs"][0]["results"][0]["message"] = "plain"
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(log)


def test_a_result_has_rule_level_place_related_and_fix(tmp_path: Path) -> None:
    results = run(report(tmp_path), tmp_path)["results"]
    first = next(one for one in results if "fixes" in one)
    region = {"startLine": 3, "startColumn": 7, "endLine": 3, "endColumn": 12}
    artifact = {"uri": "my%20shop/gr%C3%B6%C3%9Fe%231.yaml", "uriBaseId": "SRCROOT"}
    assert (first["ruleId"], first["level"]) == ("K205", "error")
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": artifact,
        "region": region,
    }
    related = first["relatedLocations"][0]
    assert related["message"]["text"] == "declared here"
    assert related["physicalLocation"]["artifactLocation"] == {"uri": "file:///lib/x.yaml"}
    (change,) = first["fixes"][0]["artifactChanges"]
    assert change["artifactLocation"] == artifact
    assert change["replacements"] == [
        {"deletedRegion": region, "insertedContent": {"text": "amount"}}
    ]
    assert [one["level"] for one in results if one["ruleId"] == "K708"] == ["warning"]


def test_every_rule_is_described_where_its_index_points(tmp_path: Path) -> None:
    told = run(report(tmp_path), tmp_path)
    rules = told["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(RULES)
    for result in told["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def marks(told: Any) -> list[str]:
    return [
        one["partialFingerprints"]["primaryLocationLineHash"]
        for one in told["results"]
        if "locations" in one
    ]


def test_fingerprints_differ_and_survive_moved_lines(tmp_path: Path) -> None:
    before = marks(run(report(tmp_path), tmp_path))
    assert len(set(before)) == 3
    moved = report(tmp_path, "# new\n\n" + TEXT, line=5)
    assert marks(run(moved, tmp_path)) == before
    changed = report(tmp_path, TEXT.replace("5", "6"))
    assert not set(marks(run(changed, tmp_path))) & set(before)

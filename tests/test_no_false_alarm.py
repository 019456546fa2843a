"""An alarm is always real: nothing is found in what is correct (analyzer.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer import check, check_text
from analyzer.report import Report
from tests.support.command import kernel
from tests.support.corpus import ROOT, Example, examples, files, projects
from tests.support.seed import CALL_SITE, QUERIES, calling


def alarms(report: Report) -> list[str]:
    """Errors and warnings, as a person reads them."""
    return [
        f"{found.span}: {found.code} {found.message}"
        for found in report.findings
        if found.weight != "info"
    ]


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [*projects(), *files()], ids=short)
def test_what_is_correct_is_clean(path: Path) -> None:
    assert alarms(check(path)) == []


@pytest.mark.parametrize("example", [one for one in examples() if not one.faulty], ids=str)
def test_the_documentation_is_clean(example: Example, tmp_path: Path) -> None:
    folder = (tmp_path / example.name).parent
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in example.code.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    written = [kernel("define", name, folder=folder).out for name in example.described]
    text = "\n---\n".join([example.text, *written])
    assert alarms(check_text(text, example.name, folder)) == []


def test_the_retry_of_the_seed_is_clean() -> None:
    alone, _, _ = calling(CALL_SITE).partition(
        "---\nkind: Run.Sequence\nmetadata: { name: Caught }"
    )
    assert alarms(check_text(alone)) == []


def test_in_the_contract_of_the_seed_only_presence_is_doubted() -> None:
    """Its schemas have no ``required``, so what is read of them may be missing: a warning."""
    report = check_text(QUERIES)
    assert {(found.code, found.weight) for found in report.findings} <= {("K501", "warning")}


def test_there_is_enough_of_it() -> None:
    assert len(projects()) >= 7
    assert len(files()) >= 40
    assert len(examples()) >= 4

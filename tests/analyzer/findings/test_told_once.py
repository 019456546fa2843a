"""What is said several times of one document is one finding."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from analyzer import check_text
from analyzer.findings.finding import Report
from analyzer.findings.fixes import mend
from analyzer.pipeline import check

READ_TWICE = """\
kind: Run.Sequence
metadata: { name: Main }
inputs: { type: object, properties: { to: { type: string } } , required: [] }
steps:
  - { name: Abut, value: 1 }
  - { name: B, value: "${{ steps.About.result + 1 }}" }
  - { name: C, value: "${{ steps.About.result + steps.B.result }}" }
result: "${{ steps.C.result + steps.Other.result }}"
"""


def test_the_other_places_are_named() -> None:
    found = [one for one in check_text(READ_TWICE).findings if one.code == "K401"]
    shown = [(one.span.line, [note.span.line for note in one.related]) for one in found if one.span]
    assert shown == [(6, [7]), (8, [])]


def test_two_documents_are_two_findings() -> None:
    other = READ_TWICE.replace("name: Main", "name: Second")
    found = [one for one in check_text(f"{READ_TWICE}---\n{other}").findings if one.code == "K401"]
    assert len(found) == 4


def test_a_finding_that_a_comment_suppresses_takes_no_other_with_it() -> None:
    line = '  - { name: B, value: "${{ inputs.to }}" }\n'
    text = f"""\
kind: Run.Sequence
metadata: {{ name: Main }}
inputs: {{ type: object, properties: {{ to: {{ type: string }} }} }}
steps:
  # kernel: ignore[K501] the sender always gives it
{line}{line.replace("B", "C")}{line.replace("B", "D")}result: "${{{{ [steps.B.result, steps.C.result, steps.D.result] }}}}"
"""  # noqa: E501
    found = [one for one in check_text(text).findings if one.code == "K501"]
    shown = [(one.span.line, [note.span.line for note in one.related]) for one in found if one.span]
    assert shown == [(7, [8])]


def test_the_fix_renames_the_step(tmp_path: Path) -> None:
    path = tmp_path / "main.yaml"
    path.write_text(READ_TWICE.replace(" + steps.Other.result", ""))
    mended = mend([path], lambda texts: _checked(path, texts))
    assert mended.count == 1
    (change,) = mended.changes
    assert "name: About," in change.after.decode()
    assert [one for one in mended.report.findings if one.weight == "error"] == []


def _checked(path: Path, texts: Mapping[str, bytes]) -> Report:
    return check(path) if not texts else check_text(next(iter(texts.values())), str(path))

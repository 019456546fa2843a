"""`kernel explain` of rules."""

from __future__ import annotations

import pytest

from analyzer.findings.catalogue import RULES
from analyzer.findings.pages import first_paragraph, page
from tests.support.command import kernel


def test_a_rule_by_code_and_by_name_in_any_case() -> None:
    shown = kernel("explain", "K503")
    assert shown.status == 0
    lines = shown.out.splitlines()
    assert lines[0] == "K503 step-unavailable (error)"
    assert "WHY" in lines
    assert "    kind: Run.Sequence" in lines
    assert "```" not in shown.out
    for word in ("k503", "step-unavailable", "Step-Unavailable"):
        assert kernel("explain", word) == shown


def test_a_rule_as_data() -> None:
    told = kernel("explain", "cost", "-o", "json").json
    assert told == {"code": "K308", "name": "cost", "severity": "warning", "page": page("K308")}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("K999", "there is no rule `K999`"),
        ("k50", "there is no rule `k50`"),
        ("step-unavailble", "did you mean `step-unavailable`?"),
        ("K5O3", "did you mean"),
    ],
)
def test_a_rule_that_is_not_there(word: str, said: str) -> None:
    answer = kernel("explain", word)
    assert answer.status == 2
    assert said in answer.err


def test_the_first_paragraph_of_a_page_is_one_line() -> None:
    assert first_paragraph("# K1 x\n\nOne\ntwo.\n\n## Why\n\nThree") == "One two."
    for code in RULES:
        text = page(code)
        assert text is None or first_paragraph(text).endswith((".", ":"))


def test_a_function_by_its_name_alone() -> None:
    for name in ("startsWith", "math.abs", "filter"):
        answer = kernel("explain", name)
        assert answer.status == 0
        assert answer == kernel("explain", f"cel.{name}")

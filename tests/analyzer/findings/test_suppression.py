"""Comments that suppress findings, and what is wrong with such comments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.findings.catalogue import RULES
from analyzer.findings.pages import page
from analyzer.findings.suppression import NEVER, suppressed
from analyzer.report import Finding, Report
from kernel.manifest.source import Source

KEY = "BAD"


def report(text: str, code: str = "K205") -> Report:
    """A report that finds ``code`` wherever the text says BAD."""
    source = Source("a.yaml", text)
    places = [n for n in range(len(text)) if source.text.startswith(KEY, n)]
    return Report.of([Finding(code, "bad", source.span(n, n + 3)) for n in places], [source])


def codes(text: str, code: str = "K205") -> list[str]:
    return [
        f"{finding.code} {finding.span.line}" if finding.span else finding.code
        for finding in suppressed(report(text, code)).findings
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a: BAD # kernel: ignore[K205] it is so\n",
        "a: BAD   #kernel:ignore [ K205 ] it is so",
        "# kernel: ignore[K205] it is so\na: BAD\n",
        "a:\n  # kernel: ignore[K503,K205] it is so\n  # and this explains\n  - BAD\n",
        "a: 'x # BAD' # kernel: ignore[K205] behind it\n",
        "a: |  # kernel: ignore[K205] it is so\n  x\n  BAD\n",
        "# kernel: ignore[K205] it is so\na: >-\n\n  x\n  BAD\nb: 1",
        "# kernel: ignore[K205] it is so\na: 'x\n  y\n  BAD'\nb: 1",
        "a: BAD # kernel: ignore[K205] it is so\r\nb: 1\r\n",
        "a: [http://x, 1] \n---\nb: BAD # kernel: ignore[K205] it is so\n",
        "a: : : -\n---\nb: BAD # kernel: ignore[K205] it is so\n",
        "日本: BAD # kernel: ignore[K205] それで\n",
    ],
)
def test_a_comment_suppresses(text: str) -> None:
    left = "K902" if "K503" in text else ""
    assert [code.split()[0] for code in codes(text)] == left.split()


def test_a_rule_may_be_named_by_its_name() -> None:
    assert codes("a: BAD # kernel: ignore[unknown-input] it is so\n") == []
    assert codes("a: x # kernel: ignore[unknown-input] it is so\n") == ["K902 1"]


def test_the_next_line_only() -> None:
    text = "# kernel: ignore[K205] it is so\na: BAD\nb: BAD\n"
    assert codes(text) == ["K205 3"]
    assert codes("a: 1 # kernel: ignore[K205] it is so\nb: BAD\n") == ["K902 1", "K205 2"]


def test_another_rule_stays() -> None:
    assert codes("a: BAD # kernel: ignore[K503] it is so\n") == ["K205 1", "K902 1"]


@pytest.mark.parametrize(
    "text",
    [
        "a: 'BAD # kernel: ignore[K205] it is so'\n",
        'a: "BAD # kernel: ignore[K205] it is so"\n',
        "a: BAD# kernel: ignore[K205] it is so\n",
        "a: |\n  BAD # kernel: ignore[K205] it is so\n",
        "a: |\n  # kernel: ignore[K205] it is so\n  BAD\n",
        "a: >\n  x\n\n  # kernel: ignore[K205] it is so\n  BAD\n",
        "a: BAD # write # kernel: ignore[K205] it is so\n",
        "a: 'x\n  # kernel: ignore[K205] it is so\n  BAD'\n",
    ],
)
def test_what_is_no_comment_for_yaml_suppresses_nothing(text: str) -> None:
    assert [code.split()[0] for code in codes(text)] == ["K205"]


def test_a_comment_below_a_block_scalar_is_one() -> None:
    assert codes("a: |\n  x # y\n# kernel: ignore[K205] it is so\nb: BAD\n") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: BAD # kernel: ignore[K205]\n", "no reason"),
        ("a: BAD # kernel: ignore[K205] :\n", "no reason"),
        ("a: BAD # kernel: ignore it\n", "names no rule"),
        ("a: BAD # kernel: ignore[] it\n", "names no rule"),
        ("a: BAD # kernel: ignore[K999] it is so\n", "no rule 'K999'"),
        ("a: BAD # kernel: ignore[unknown-inpt] it is so\n", "no rule 'unknown-inpt'"),
        ("a: BAD # kernel: ignore[K503] it is so\n", "nothing is found here that K503"),
        ("a: BAD # kernel: ignore[K001] it is so\n", "K001 cannot be suppressed"),
    ],
)
def test_a_comment_that_does_not_count_is_reported(text: str, message: str) -> None:
    found = suppressed(report(text)).findings
    assert [finding.code for finding in found] == ["K205", "K902"]
    assert message in found[1].message
    assert found[1].weight == "warning"
    assert found[1].span is not None
    assert text[found[1].span.column - 1] == "#"
    assert found[1].span.end_column == len(text)


def test_an_unknown_rule_beside_a_known_one_is_reported_alone() -> None:
    assert codes("a: BAD # kernel: ignore[K205, K2O5] it is so\n") == ["K902 1"]


def test_what_does_not_parse_is_not_suppressed() -> None:
    assert codes("a: BAD # kernel: ignore[K001] it is so\n", "K001") == ["K001 1", "K902 1"]


def test_the_pages_say_which_rules_cannot_be_suppressed() -> None:
    told = {code: page(code) or "" for code in RULES}
    said = {code for code, text in told.items() if "cannot be suppressed" in text}
    unwritten = {code for code, text in told.items() if not text}
    assert said | (NEVER & unwritten) | {"K902"} == NEVER


def test_where_much_is_not_looked_for_a_comment_is_not_called_stale() -> None:
    assert codes("a: BAD # kernel: ignore[K503] it is so\n", "K004") == ["K004 1"]


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("a: 1 # kernel: ignore[K503] it is so\nb: 2\n", "a: 1\nb: 2\n"),
        ("a: 1\n  # kernel: ignore[K503] it is so\nb: 2\n", "a: 1\nb: 2\n"),
        ("a: 1\r\n# kernel: ignore[K503] it is so\r\nb: 2\r\n", "a: 1\r\nb: 2\r\n"),
        ("# kernel: ignore[K503] it is so", ""),
        (
            "a: BAD # kernel: ignore[K503, K205, K407] it is so\n",
            "a: BAD # kernel: ignore[K205] it is so\n",
        ),
    ],
)
def test_the_fix_of_a_stale_comment_takes_it_away(text: str, mended: str) -> None:
    (finding,) = suppressed(report(text)).findings
    assert finding.fix is not None
    span, source = finding.fix.span, Source("a.yaml", text)
    start = source.offset(span.line, span.column)
    end = source.offset(span.end_line, span.end_column)
    assert text[:start] + finding.fix.text + text[end:] == mended


def test_a_finding_in_another_file_is_not_suppressed() -> None:
    one = report("a: BAD # kernel: ignore[K205] it is so\n")
    other = Source("b.yaml", "a: BAD\n")
    both = Report.of(
        [*one.findings, Finding("K205", "bad", other.span(3, 6))], [*one.sources, other]
    )
    (finding,) = suppressed(both).findings
    assert finding.span is not None
    assert finding.span.file == "b.yaml"


@given(st.text("ab #\n:'\"|>-[]{},\t\r", max_size=60))
def test_any_text_can_be_looked_through(text: str) -> None:
    before = report(f"{text}\nx: BAD # kernel: ignore[K205] it is so")
    assert len(suppressed(before).findings) <= len(before.findings) + 1

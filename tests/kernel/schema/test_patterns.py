"""A pattern that is refused: what is wrong with it, and at which character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.schema import check_schema
from kernel.schema.patterns import why_refused
from tests.support.properties import examples


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("^(A|B", "character 2: missing )"),
        ("ab)", "character 3: unbalanced parenthesis"),
        ("[a-z", "character 1: unterminated character set"),
        ("[z-a]", "character 2: bad character range"),
        ("a{2,1}", "character 3: min repeat greater"),
        ("*a", "character 1: nothing to repeat"),
        ("a\\", "character 2: bad escape"),
        (r"\p{Lu}\u{e9}\cA(", "character 16: missing )"),
        ("(?<year>[0-9]+", "character 1: missing )"),
        ("(?<=a)b", "'(?<=' at character 1: look-around"),
        ("x(?!a)b", "'(?!' at character 2: look-around"),
        (r"\\(a)\1", "1' at character 6: look-around, back-references"),
        ("(a{1000}){1000}", "needs more memory than the kernel gives"),
    ],
)
def test_what_is_wrong_is_said(pattern: str, wanted: str) -> None:
    for schema in ({"pattern": pattern}, {"patternProperties": {pattern: True}}):
        (fault,) = check_schema(schema)
        assert fault.code == "K101"
        assert wanted in fault.problem.message


@examples(300)
@given(st.text(st.sampled_from("ab()[]{}*+?|\\^$-,<=!:pPk019"), max_size=20))
def test_any_pattern_is_taken_or_explained(pattern: str) -> None:
    why_refused(pattern)
    for fault in check_schema({"pattern": pattern}):
        assert fault.problem.path == ("pattern",)


def test_a_hostile_pattern_is_explained_soon() -> None:
    for pattern in (
        "(" * 9_000,
        "(" * 2_000_000,
        "[" * 9_000,
        "(a{1000}){1000}" * 600,
        "a**" * 3000,
    ):
        why_refused(pattern)

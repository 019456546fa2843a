"""K709: loops that are given up, where nobody looks at the error and a result is read."""

from __future__ import annotations

import pytest

from analyzer import check_text

TEXT = """kind: Run.Sequence
metadata: {{ name: Main }}
steps:
  - name: Tried
    try:
      - name: Loop
        do: [{{ name: Try, value: "${{{{ has(steps.Try.result) ? steps.Try.result + 1 : 1 }}}}" }}]
        {loop}
    catch: [{catch}]
result: "${{{{ {result} }}}}"
"""
BOUNDED = "until: '${{ steps.Try.result > 5 }}'\n        maxIterations: 3"
WHILE = "while: '${{ !has(steps.Try.result) }}'\n        maxIterations: 3"
FREE = "until: '${{ steps.Try.result > 5 }}'"
READ = "has(steps.Try.result) ? steps.Try.result : 0"
LOOP = "has(steps.Loop.result) ? steps.Loop.result : 0"


@pytest.mark.parametrize(
    ("loop", "catch", "result", "wanted"),
    [
        (BOUNDED, "{ value: 1 }", READ, ["K709"]),
        (BOUNDED, "{ value: 1 }", LOOP, ["K709"]),
        (BOUNDED, "", READ, ["K709"]),
        (BOUNDED, "{ value: '${{ error.code }}' }", READ, []),
        (BOUNDED, "{ throw: { code: GIVEN_UP } }", READ, []),
        (BOUNDED, "{ value: 1 }", "1", []),
        (BOUNDED, "{ value: 1 }", "steps.Tried.result", []),
        (WHILE, "{ value: 1 }", READ, []),
        (FREE, "{ value: 1 }", READ, []),
    ],
)
def test_a_limit_that_nobody_looks_at(
    loop: str, catch: str, result: str, wanted: list[str]
) -> None:
    text = TEXT.format(loop=loop, catch=catch, result=result)
    found = check_text(text, "main.yaml").findings
    assert [one.code for one in found if one.code == "K709"] == wanted

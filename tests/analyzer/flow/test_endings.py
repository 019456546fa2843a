"""Where `error` is null in a `finally`, all steps of its `try` have run."""

from __future__ import annotations

import pytest

from analyzer import check_text

MANIFEST = """
kind: Run.Sequence
metadata: {{ name: Main }}
inputs: {{ type: object, properties: {{ n: {{ type: integer }} }}, required: [n] }}
steps:
  - name: T
    try:
      - {{ name: A, value: "${{{{ inputs.n + 1 }}}}" }}
      - if: "${{{{ inputs.n > 3 }}}}"
        then: [{{ name: B, value: 1 }}]
    {handler}
    finally:
{ending}
result: 1
"""
THROWS = "catch: [{ name: C, value: 1 }, { throw: { code: X, message: '' } }]"
HANDLES = "catch: [{ name: C, value: 1 }]"
IN_WHEN = """
      - { name: F, when: "${{ error == null }}", value: "${{ steps.A.result }}" }
"""
IN_BRANCH = """
      - if: "${{ error == null && inputs.n > 3 }}"
        then: [{ name: F, value: "${{ steps.A.result + steps.B.result }}" }]
"""
IN_ELSE = """
      - if: "${{ error != null }}"
        then: [{ name: E, value: "${{ error.message }}" }]
        else: [{ name: F, value: "${{ steps.A.result }}" }]
"""
IN_VALUE = """
      - { name: F, value: "${{ error == null ? steps.A.result : 0 }}" }
"""


@pytest.mark.parametrize("ending", [IN_WHEN, IN_BRANCH, IN_ELSE, IN_VALUE])
@pytest.mark.parametrize("handler", ["", THROWS])
def test_a_step_that_has_run_can_be_read(ending: str, handler: str) -> None:
    assert "K503" not in codes(ending, handler)


@pytest.mark.parametrize(
    ("ending", "handler"),
    [
        (IN_WHEN, HANDLES),
        (IN_ELSE, HANDLES),
        (IN_WHEN.replace("==", "!="), ""),
        (IN_BRANCH.replace(" && inputs.n > 3", ""), ""),
        (IN_VALUE.replace("==", "!="), ""),
        (IN_WHEN.replace("steps.A", "steps.C"), THROWS),
        ("      - { name: F, value: '${{ steps.A.result }}' }", ""),
    ],
)
def test_a_step_that_may_not_have_run_is_told(ending: str, handler: str) -> None:
    assert "K503" in codes(ending, handler)


def codes(ending: str, handler: str) -> list[str]:
    text = MANIFEST.format(handler=handler, ending=ending)
    return [one.code for one in check_text(text).findings]

"""``concurrency`` of a topology: the types and the names of `group`, at its place."""

from __future__ import annotations

import pytest

from analyzer import check_text

MODULE = """\
kind: Kernel.Module
metadata: { name: M }
vars: { shop: { type: string }, count: { type: integer } }
---
kind: Run.Sequence
metadata: { name: Main }
INPUTSconcurrency: { limit: 1, group: "GROUP" }
steps:
  - { name: Say, invoke: { kind: Log.Print }, inputs: { message: "${{ string(vars.count) }}" } }
"""
INPUTS = """\
inputs:
  type: object
  properties: { site: { type: string }, part: { type: string }, n: { type: integer } }
  required: [site]
"""


def found(group: str, inputs: str = INPUTS) -> list[tuple[str, str]]:
    text = MODULE.replace("INPUTS", inputs).replace("GROUP", group)
    return [(one.code, one.message) for one in check_text(text).findings]


def test_text_over_inputs_and_vars_is_right() -> None:
    assert found("${{ inputs.site + vars.shop }}") == []
    assert found("site ${{ inputs.site }} of ${{ vars.shop }}") == []
    assert found("${{ vars.shop + (has(inputs.part) ? inputs.part : '') }}") == []


@pytest.mark.parametrize(
    ("group", "code", "message"),
    [
        ("${{ vars.count }} ${{ vars.shop.length }}", "K401", "length"),
        ("${{ vars.count }}", "K402", "`group` is a string, and this is int"),
        ("${{ vars.shop == 'a' }}", "K402", "`group` is a string"),
        ("${{ vars.shop + inputs.part }}", "K5", "part"),
        ("${{ vars.shop + secrets.token }}", "K306", "`group` of `concurrency`"),
        ("${{ vars.shop + steps.Say.result }}", "K306", "inside a topology"),
        ("${{ vars.shop + invocation.run }}", "K306", "call site"),
        ("${{ vars.shp }}", "K401", "did you mean"),
    ],
)
def test_what_is_wrong_with_a_group(group: str, code: str, message: str) -> None:
    codes = [(c, m) for c, m in found(group) if not c.startswith("K9")]
    assert any(c.startswith(code) and message in m for c, m in codes), codes


def test_inputs_of_which_nothing_is_said() -> None:
    assert [code for code, _ in found("${{ inputs.site + vars.shop }}", "")] == ["K108"]


def test_a_variable_that_only_a_group_reads_is_used() -> None:
    assert found("${{ vars.shop }}") == []

"""The rules of policies: what is in scope, and of which type."""

from __future__ import annotations

from pathlib import Path

import pytest

import analyzer
from analyzer.batch import check_each
from tests.analyzer.support.editing import proposed

SHOP = """
kind: Kernel.Policy
metadata: { name: Days }
targets: [Shop.Fetch]
rules:
  - effect: allow
    when: "${{ %s‸ }}"
"""


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("inputs.", {"day", "limit", "state"}),
        ("vars.", {"endpoint"}),
        ("target.", {"kind", "name"}),
    ],
)
def test_what_an_editor_proposes(expression: str, wanted: set[str]) -> None:
    assert wanted <= proposed(SHOP % expression).keys()


def test_an_editor_knows_the_variables_of_a_rule() -> None:
    known = proposed(SHOP % "").keys()
    assert {"inputs", "principal", "target", "environment", "invocation", "vars"} <= known
    assert not {"secrets", "resources", "steps"} & known


def test_an_editor_knows_the_fields_of_a_policy() -> None:
    fields = proposed("kind: Kernel.Policy\nmetadata: { name: P }\n‸\n").keys()
    assert {"principals", "targets", "environments", "rules", "approval"} <= fields
    rule = SHOP.partition("    when")[0].replace("effect: allow", "effect: ‸")
    assert proposed(rule).keys() >= {"allow", "deny", "require-approval"}


BILLING = """
kind: Kernel.Module
metadata: { name: Payments }
---
kind: Kernel.Definition
metadata: { name: Refund, module: Payments }
capability: Invocable
inputs: { type: object, properties: { amount: { type: integer } }, required: [amount] }
---
kind: Kernel.Policy
metadata: { name: Own }
targets: ["Payments.*"]
rules:
  - effect: allow
    when: "${{ inputs.amount < 'a' }}"
"""

ROOT = """
kind: Kernel.Module
metadata: { name: Shop }
imports: { Billing: ./billing.yaml }
---
kind: Billing.Refund
metadata: { name: Main }
---
kind: Kernel.Policy
metadata: { name: Root }
targets: ["Billing.*", Payments.Refund, "Payments.Refund/Main"]
rules:
  - effect: allow
    when: "${{ inputs.amount < 'a' && target.kind != 'Billing.Refund' }}"
"""


def test_the_policies_of_every_module_are_checked_by_the_names_that_it_has(tmp_path: Path) -> None:
    (tmp_path / "billing.yaml").write_text(BILLING)
    (tmp_path / "main.yaml").write_text(ROOT)
    report = analyzer.check(tmp_path / "main.yaml")
    told = [f"{Path(f.span.file).name} {f.code}" for f in report.findings if f.span]
    assert told == ["billing.yaml K305", "main.yaml K305"]
    again = check_each([tmp_path / "main.yaml", tmp_path / "billing.yaml"]).report
    assert sorted(str(one.code) for one in again.findings) == ["K305", "K305"]


def test_a_topology_is_typed_by_its_own_inputs() -> None:
    text = """
kind: Run.Sequence
metadata: { name: Pay }
inputs: { type: object, properties: { amount: { type: integer } }, required: [amount] }
steps: []
---
kind: Kernel.Policy
metadata: { name: P }
targets: [Run.Sequence/Pay]
rules:
  - { effect: deny, when: "${{ inputs.amuont > 5 }}" }
"""
    assert [f.code for f in analyzer.check_text(text).findings] == ["K407"]


def test_a_resource_in_place_counts_as_named() -> None:
    text = """
kind: Run.Sequence
metadata: { name: Pay }
steps:
  - invoke: { kind: Run.Sequence, metadata: { name: Inner }, steps: [] }
---
kind: Kernel.Policy
metadata: { name: P }
targets: [Run.Sequence/Inner, "*/Inn*", "*.Sequence"]
rules: []
"""
    assert analyzer.check_text(text).findings == ()


def test_a_variable_that_only_a_policy_reads_is_used() -> None:
    text = """
kind: Kernel.Module
metadata: { name: Shop }
vars: { limit: { type: integer, default: 5 } }
---
kind: Run.Sequence
metadata: { name: Pay }
steps: []
---
kind: Kernel.Policy
metadata: { name: P }
targets: ["Run.*"]
rules:
  - { effect: deny, when: "${{ vars.limit > 5 }}" }
"""
    assert analyzer.check_text(text).findings == ()

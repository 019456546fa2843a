"""``kernel policy simulate`` as a process: the decision, its exit status, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command import Answer, kernel

MANIFEST = """
kind: Kernel.Module
metadata: { name: Shop }
imports: { Billing: ./billing }
vars:
  limit: { type: integer, env: REFUND_LIMIT }
secrets:
  token: { type: string, env: TOKEN }
---
kind: Kernel.Definition
metadata: { name: Ship, module: Shop }
capability: Invocable
inputs:
  type: object
  properties: { weight: { type: number, default: 1 }, fast: { type: boolean, default: true } }
  additionalProperties: false
controller: { python: "nowhere:Ship" }
---
kind: Shop.Ship
metadata: { name: Parcel }
---
kind: Shop.Ship
metadata: { name: Letter }
---
kind: Kernel.Policy
metadata: { name: Shipping }
targets: [Shop.Ship/Parcel]
rules:
  - when: "${{ inputs.weight > 10.0 }}"
    effect: deny
    reason: too heavy
  - when: "${{ inputs.fast && inputs.weight > double(vars.limit) }}"
    effect: require-approval
  - effect: allow
---
kind: Kernel.Policy
metadata: { name: Money }
targets: ["Billing.*"]
rules:
  - when: "${{ principal == 'ines' }}"
    effect: allow
"""

BILLING = """
kind: Kernel.Module
metadata: { name: Payments }
---
kind: Kernel.Definition
metadata: { name: Refund, module: Payments }
capability: Invocable
---
kind: Payments.Refund
metadata: { name: Main }
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "billing").mkdir()
    (tmp_path / "billing" / "main.yaml").write_text(BILLING)
    (tmp_path / "shop.yaml").write_text(MANIFEST)
    return tmp_path / "shop.yaml"


def simulate(manifest: Path, *arguments: str, stdin: str = "", **env: str) -> Answer:
    return kernel("policy", "simulate", manifest, *arguments, stdin=stdin, env=env)


@pytest.mark.parametrize(
    ("weight", "effect", "status", "rule"),
    [("2", "allow", 0, 3), ("7.5", "require-approval", 4, 2), ("11", "deny", 1, 1)],
)
def test_the_exit_status_is_the_decision(
    shop: Path, weight: str, effect: str, status: int, rule: int
) -> None:
    done = simulate(
        shop, "Shop.Ship/Parcel", "--input", f"weight={weight}", "--var", "limit=5", "-o", "json"
    )
    assert done.status == status, done.err
    told = json.loads(done.out)
    assert (told["effect"], told["policy"], told["rule"]) == (effect, "Shipping", rule)
    assert told["target"] == "Shop.Ship/Parcel"


def test_inputs_from_a_file_get_the_defaults_and_numbers_of_the_contract(shop: Path) -> None:
    arguments = ("Shop.Ship/Parcel", "--inputs", "-", "--var", "limit=5", "-o", "json")
    told = json.loads(simulate(shop, *arguments, stdin="weight: 6").out)
    assert told["effect"] == "require-approval"
    told = json.loads(simulate(shop, *arguments, stdin="{weight: 6, fast: false}").out)
    assert told["effect"] == "allow"
    assert told["matched"] == [{"policy": "Shipping", "rule": 3, "effect": "allow", "reason": ""}]


def test_inputs_that_break_the_contract_are_a_usage_error(shop: Path) -> None:
    done = simulate(shop, "Shop.Ship/Parcel", "--input", "wait=7", "--var", "limit=5")
    assert done.status == 2
    assert "the inputs of Shop.Ship/Parcel break its contract" in done.err
    assert done.out == ""


def test_variables_are_needed_only_where_a_rule_reads_them_and_secrets_never(shop: Path) -> None:
    assert simulate(shop, "Shop.Ship/Letter").status == 0
    missing = simulate(shop, "Shop.Ship/Parcel")
    assert missing.status == 2
    assert "the variable `limit` has no value" in missing.err
    assert "token" not in missing.err
    assert simulate(shop, "Shop.Ship/Parcel", REFUND_LIMIT="5").status == 0


def test_a_resource_of_an_import_is_found_as_by_a_reference(shop: Path) -> None:
    for name in ("Billing.Refund/Main", "Billing.Refund/Billing.Main"):
        done = simulate(shop, name, "--principal", "ines")
        assert done.status == 0, done.err
        assert "target       Payments.Refund/Main" in done.out
    assert simulate(shop, "Billing.Refund/Main", "--principal", "tom").status == 1
    assert simulate(shop, "Billing.Refund/Main").status == 1


def test_a_kind_alone_is_a_resource_in_place(shop: Path) -> None:
    done = simulate(shop, "Billing.Refund", "--principal", "ines")
    assert done.status == 0, done.err
    assert "target       Payments.Refund\n" in done.out
    assert simulate(shop, "Billing.Refund", "--principal", "tom").status == 1
    wrong = simulate(shop, "Shop.Ship", "--input", "wait=7")
    assert "the inputs of Shop.Ship break its contract" in wrong.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("Shop.Shi",), "there is no resource `Shop.Shi`"),
        (("Shop.Ship/Parsel",), "there is no resource `Shop.Ship/Parsel`; did you mean"),
        (("Billing.Refund/Parcel",), "there is no resource `Billing.Refund/Parcel`"),
        (("Shop.Ship/Letter", "--var", "limti=5"), "no variable `limti`; did you mean 'limit'?"),
    ],
)
def test_what_is_not_there_is_a_usage_error(
    shop: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = simulate(shop, *arguments)
    assert done.status == 2
    assert said in done.err


def test_a_manifest_with_faults_is_not_simulated(shop: Path) -> None:
    shop.write_text(MANIFEST.replace("[Shop.Ship/Parcel]", "[Shop.Shipp]"))
    done = simulate(shop, "Shop.Ship/Parcel")
    assert done.status == 3
    assert "there is no kind `Shop.Shipp`" in done.err


def test_a_condition_that_failed_is_told(shop: Path) -> None:
    shop.write_text(
        MANIFEST.replace("${{ principal == 'ines' }}", "${{ inputs.reason == 'a mistake' }}")
    )
    done = simulate(shop, "Billing.Refund/Main")
    assert done.status == 1
    assert "ignored: Money rule 1 allow (`when` failed: " in done.out

"""Decisions: which policies name a target, which rules count, which of them wins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.manifest import Manifest, Module, load, loads
from kernel.policy import Decision, Request, Scope, addresses_of, decide, policies_for, reads

PAYMENTS = """
kind: Kernel.Definition
metadata: { name: Refund, module: Payments }
capability: Invocable
inputs:
  type: object
  properties: { amount: { type: integer }, note: { type: string } }
  required: [amount]
---
kind: Payments.Refund
metadata: { name: Main }
---
kind: Kernel.Definition
metadata: { name: Lookup, module: Ledger }
capability: Invocable
---
kind: Ledger.Lookup
metadata: { name: Book }
"""

REFUNDS = """
---
kind: Kernel.Policy
metadata: { name: Refunds }
principals: ["support-*"]
targets: ["Payments.*"]
environments: [production]
rules:
  - when: "${{ inputs.amount > 500 }}"
    effect: require-approval
    reason: large refund
  - when: "${{ inputs.amount > 5000 }}"
    effect: deny
    reason: too much for anybody
  - effect: allow
approval: { expires: 60000, threshold: conditions }
"""


def asked(
    text: str | Manifest,
    target: str = "Payments.Refund/Main",
    inputs: Any = None,
    *,
    principal: str | None = "support-ines",
    environment: str = "production",
    invocation: Any = None,
    vars: Any = None,
    module: Module | None = None,
) -> Decision:
    manifest = loads(text) if isinstance(text, str) else text
    kind, _, name = target.partition("/")
    place = module or manifest.root
    policies = policies_for(
        manifest.root, place, kind, name, environment, lambda owner: (vars or {})[owner.name]
    )
    request = Request(kind, name, inputs or {}, principal, environment, invocation or {})
    return decide(policies, request)


@pytest.mark.parametrize(
    ("amount", "effect", "rule", "reason"),
    [
        (20, "allow", 3, "rule 3 of Refunds allows it"),
        (501, "require-approval", 1, "large refund"),
        (5001, "deny", 2, "too much for anybody"),
    ],
)
def test_deny_wins_over_require_approval_and_that_over_allow(
    amount: int, effect: str, rule: int, reason: str
) -> None:
    decision = asked(PAYMENTS + REFUNDS, inputs={"amount": amount})
    assert (decision.effect, decision.policy, decision.rule) == (effect, "Refunds", rule)
    assert decision.reason == reason


def test_all_rules_that_count_are_told() -> None:
    decision = asked(PAYMENTS + REFUNDS, inputs={"amount": 5001})
    assert [(one.rule, one.effect) for one in decision.matched] == [
        (1, "require-approval"),
        (2, "deny"),
        (3, "allow"),
    ]
    assert decision.approval is None


def test_an_approval_is_asked_for_on_the_terms_of_its_policy() -> None:
    decision = asked(PAYMENTS + REFUNDS, inputs={"amount": 501})
    assert decision.to_dict()["approval"] == {"expires": 60000, "threshold": "conditions"}


def test_what_no_policy_names_is_allowed() -> None:
    decision = asked(PAYMENTS + REFUNDS, "Ledger.Lookup/Book", principal=None)
    assert (decision.effect, decision.policy, decision.matched) == ("allow", None, ())


def test_another_environment_is_not_named() -> None:
    assert asked(PAYMENTS + REFUNDS, environment="staging").effect == "allow"
    assert asked(PAYMENTS + REFUNDS, environment="").effect == "allow"


@pytest.mark.parametrize("principal", ["sales-tom", "Support-ines", "", None])
def test_a_caller_that_the_policy_is_not_for_is_denied_what_it_names(principal: str | None) -> None:
    decision = asked(PAYMENTS + REFUNDS, inputs={"amount": 1}, principal=principal)
    assert (decision.effect, decision.policy, decision.rule) == ("deny", None, None)
    assert decision.reason == "no rule of Refunds allows it"
    assert decision.policies == ("Refunds",)


def test_a_policy_without_rules_denies_what_it_names() -> None:
    closed = "---\nkind: Kernel.Policy\nmetadata: {name: Closed}\ntargets: ['*']\nrules: []\n"
    assert asked(PAYMENTS + closed, "Ledger.Lookup/Book").effect == "deny"


def policy(*rules: str, targets: str = "['*']", more: str = "", name: str = "P") -> str:
    written = "".join(f"\n  - {rule}" for rule in rules)
    return (
        f"---\nkind: Kernel.Policy\nmetadata: {{ name: {name} }}\ntargets: {targets}\n{more}\n"
        f"rules: {written or '[]'}\n"
    )


def test_a_condition_that_fails_is_false_for_an_allow_and_true_for_the_others() -> None:
    failing = "when: '${{ inputs.note == \"x\" }}'"
    allow = asked(PAYMENTS + policy(f"{{ effect: allow, {failing} }}"), inputs={"amount": 1})
    assert allow.effect == "deny"
    assert allow.ignored[0].problem is not None
    assert "`when` failed" in allow.ignored[0].problem
    for effect in ("deny", "require-approval"):
        text = PAYMENTS + policy("effect: allow", f"{{ effect: {effect}, {failing} }}")
        decision = asked(text, inputs={"amount": 1})
        assert (decision.effect, decision.rule) == (effect, 2)
        assert decision.matched[1].problem is not None


def test_a_condition_that_is_no_bool_fails() -> None:
    text = PAYMENTS + policy("effect: allow", "{ effect: deny, when: '${{ inputs.amount }}' }")
    decision = asked(text, inputs={"amount": 1})
    assert decision.effect == "deny"
    assert decision.matched[1].problem == "`when` failed: it is no bool"


@pytest.mark.parametrize(
    "condition",
    [
        "inputs.amount == 7",
        "principal == 'support-ines'",
        "target.kind == 'Payments.Refund' && target.name == 'Main'",
        "environment == 'production'",
        "invocation.attempt == 1",
        "vars.limit == 7",
    ],
)
def test_what_a_condition_sees(condition: str) -> None:
    head = "kind: Kernel.Module\nmetadata: {name: Shop}\nvars: {limit: {type: integer}}\n---"
    text = head + PAYMENTS + policy(f'{{ effect: allow, when: "${{{{ {condition} }}}}" }}')
    decision = asked(
        text,
        inputs={"amount": 7},
        invocation={"attempt": 1},
        vars={"Shop": {"limit": 7}},
    )
    assert decision.effect == "allow"


def test_a_condition_sees_no_secret() -> None:
    head = "kind: Kernel.Module\nmetadata: {name: Shop}\nsecrets: {key: {type: string}}\n---"
    text = head + PAYMENTS + policy("{ effect: allow, when: \"${{ secrets.key == 'x' }}\" }")
    decision = asked(text)
    assert decision.effect == "deny"


def test_values_of_variables_are_asked_for_only_where_a_condition_reads_them() -> None:
    manifest = loads(PAYMENTS + policy("effect: allow"))

    def refuse(module: Module) -> Any:
        raise AssertionError(module)

    found = policies_for(manifest.root, manifest.root, "Payments.Refund", "Main", "", refuse)
    assert len(found) == 1
    assert not reads(found, "invocation")


@pytest.mark.parametrize(
    ("targets", "named"),
    [
        ("['Payments.*']", True),
        ("['Payments.Refund']", True),
        ("['Payments.Refund/Main']", True),
        ("['Payments.Refund/M*']", True),
        ("['*/Main']", True),
        ("['Payments']", False),
        ("['Payments.Refund/Other']", False),
        ("['payments.*']", False),
        ("['Refund']", False),
        ("['Ledger.*', '*.Refund']", True),
    ],
)
def test_what_a_glob_names(targets: str, named: bool) -> None:
    decision = asked(PAYMENTS + policy(targets=targets))
    assert (decision.effect == "deny") is named


def test_a_resource_in_place_is_named_by_its_kind() -> None:
    assert asked(PAYMENTS + policy(targets="['Payments.*']"), "Payments.Refund").effect == "deny"
    by_name = policy(targets="['Payments.Refund/Main']")
    assert asked(PAYMENTS + by_name, "Payments.Refund").effect == "allow"


def test_the_strictest_terms_of_those_that_ask_hold() -> None:
    ask = "{ effect: require-approval }"
    decision = asked(
        PAYMENTS
        + policy(ask, more="approval: { expires: 900, threshold: conditions }", name="A")
        + policy(ask, more="approval: { expires: 100, threshold: conditions }", name="B")
        + policy(ask, more="approval: { threshold: strict }", name="C")
    )
    assert decision.approval is not None
    assert (decision.approval.expires, decision.approval.threshold) == (100, "strict")
    assert decision.policy == "A"


EFFECTS = st.lists(st.sampled_from(("allow", "deny", "require-approval")), max_size=4)


@given(EFFECTS, EFFECTS)
def test_the_order_of_rules_and_policies_decides_nothing(a: list[str], b: list[str]) -> None:
    def effect(first: list[str], second: list[str]) -> str:
        one = policy(*(f"effect: {effect}" for effect in first), name="A")
        two = policy(*(f"effect: {effect}" for effect in second), name="B")
        return asked(PAYMENTS + one + two).effect

    said = {*a, *b}
    wanted = next((e for e in ("deny", "require-approval", "allow") if e in said), "deny")
    assert effect(a, b) == effect(b, a) == effect(a[::-1], b[::-1]) == wanted


# Modules


@pytest.fixture
def shop(tmp_path: Path) -> Manifest:
    """A shop that imports a billing module, which has a policy of its own."""
    billing = tmp_path / "billing"
    billing.mkdir()
    (billing / "main.yaml").write_text(
        "kind: Kernel.Module\nmetadata: {name: Payments}\n---"
        + PAYMENTS
        + policy("effect: allow", targets="['Payments.*']", name="Own")
    )
    (tmp_path / "main.yaml").write_text(
        "kind: Kernel.Module\nmetadata: {name: Shop}\nimports: {Billing: ./billing}\n---\n"
        "kind: Billing.Refund\nmetadata: {name: Mine}\n---\n"
        "kind: Kernel.Definition\nmetadata: {name: Refund, module: Shop}\ncapability: Invocable\n"
        "---\nkind: Shop.Refund\nmetadata: {name: Local}\n"
        + policy("effect: deny", targets="['Billing.Refund']", name="Root")
    )
    return load(tmp_path)


def names(manifest: Manifest, module: Module, kind: str, name: str) -> list[str]:
    found = policies_for(manifest.root, module, kind, name, "", lambda _: {})
    return [applied.name for applied in found]


def test_policies_of_the_root_are_for_all_modules_by_the_names_that_it_gives_them(
    shop: Manifest,
) -> None:
    billing = shop.root.imports["Billing"]
    assert names(shop, billing, "Payments.Refund", "Main") == ["Root", "Payments.Own"]


def test_policies_of_an_imported_module_go_with_its_kinds(shop: Manifest) -> None:
    assert names(shop, shop.root, "Billing.Refund", "Mine") == ["Root", "Payments.Own"]
    assert names(shop, shop.root, "Billing.Refund", "") == ["Root", "Payments.Own"]
    assert names(shop, shop.root, "Shop.Refund", "Local") == []


def test_the_ways_in_which_the_root_writes_an_address(shop: Manifest) -> None:
    billing = shop.root.imports["Billing"]
    assert addresses_of(shop.root, billing, "Payments.Refund", "Main") == (
        "Billing.Refund/Main",
        "Billing.Refund/Billing.Main",
        "Payments.Refund/Main",
        "Payments.Refund/Billing.Main",
    )


# Scopes


def test_a_scope_without_limits_permits_everything() -> None:
    assert Scope().permits(Request("Payments.Refund", "Main", {}), None) is None


@pytest.mark.parametrize(
    ("scope", "reason"),
    [
        (Scope(principals=("ines",)), "the scope is not for the caller tom"),
        (Scope(targets=("Ledger.*",)), "Payments.Refund/Main is not in the scope of the caller"),
        (
            Scope(environments=("staging",)),
            "the environment production is not in the scope of the caller",
        ),
        (
            Scope(read_only=True),
            "the scope is read-only, and Payments.Refund/Main is irreversible",
        ),
    ],
)
def test_a_scope_says_why_it_refuses(scope: Scope, reason: str) -> None:
    request = Request("Payments.Refund", "Main", {}, "tom", "production")
    assert scope.permits(request, "irreversible") == reason


def test_read_only_is_for_idempotent_targets_only() -> None:
    request = Request("Payments.Refund", "Main", {})
    scope = Scope(read_only=True)
    assert scope.permits(request, "idempotent") is None
    for safety in ("write-once-checkable", "irreversible", "approval-bound", None):
        assert scope.permits(request, safety) is not None


def test_a_scope_names_targets_as_the_root_module_does() -> None:
    request = Request("Payments.Refund", "Main", {}, addresses=("Billing.Refund/Main",))
    for targets in (("Billing.*",), ("Billing.Refund/Main",)):
        assert Scope(targets=targets).permits(request, None) is None
    assert Scope(targets=("Payments.*",)).permits(request, None) is not None

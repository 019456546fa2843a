"""K704, K707, K209: definitions that promise too much, and loops without an end."""

from __future__ import annotations

import pytest

from tests.analyzer.support.effects import at, codes, found, kind, sequence

DONE = "{ type: object, properties: { done: { type: boolean } }, required: [done] }"
LOOKUP = kind("Lookup", f"safety: idempotent\noutputs: {DONE}")
CHECK = """check:
  invoke: { kind: Shop.Lookup, name: Charges }
  landed: "${{ result.done }}"
"""
CHARGES = "kind: Shop.Lookup\nmetadata: { name: Charges }\n"
STEPS = "schema: { type: object, properties: { steps: { x-kernel-role: steps } } }\n"

# K704


def test_write_once_needs_a_check() -> None:
    documents = (kind("Charge", "safety: write-once-checkable"),)
    (one,) = found(*documents)
    assert (one.code, one.weight) == ("K704", "error")
    assert at(one, *documents) == "write-once-checkable"


def test_with_a_check() -> None:
    assert codes(LOOKUP, CHARGES, kind("Charge", f"safety: write-once-checkable\n{CHECK}")) == []


@pytest.mark.parametrize("safety", ["idempotent", "irreversible", "approval-bound"])
def test_the_other_classes_need_none(safety: str) -> None:
    assert codes(kind("Charge", f"safety: {safety}")) == []
    assert codes(kind("Charge")) == []


def test_a_computed_class() -> None:
    schema = "schema: { type: object, properties: { keyed: { type: boolean } }, required: [keyed] }"
    safety = "safety: \"${{ self.keyed ? 'CLASS' : 'irreversible' }}\""
    computed = kind("Charge", f"{schema}\n{safety.replace('CLASS', 'write-once-checkable')}")
    assert codes(computed) == ["K704"]
    assert codes(kind("Charge", f"{schema}\n{safety.replace('CLASS', 'idempotent')}")) == []


ASKS = """check:
  invoke: { kind: Shop.Lookup, name: Charges }
  inputs: { key: "${{ invocation.idempotencyKey }}" }
  landed: "${{ result.done }}"
"""
BODY = """body:
  steps:
    - try:
        - name: Write
          invoke: { kind: Shop.Lookup, name: Charges }
          FIELD
      finally: []
"""


@pytest.mark.parametrize(
    ("check", "field", "wanted"),
    [
        (ASKS, 'idempotencyKey: "${{ invocation.idempotencyKey }}"', []),
        (ASKS, 'idempotencyKey: "a-${{ invocation.idempotencyKey }}"', []),
        (ASKS, "idempotencyKey: a", ["K704"]),
        (ASKS, 'inputs: { key: "${{ invocation.idempotencyKey }}" }', ["K704"]),
        (CHECK, "idempotencyKey: a", []),
    ],
)
def test_a_check_by_the_key_of_a_call_whose_body_passes_it_on(
    check: str, field: str, wanted: list[str]
) -> None:
    fields = f"safety: write-once-checkable\n{check}{BODY.replace('FIELD', field)}"
    assert codes(LOOKUP, CHARGES, kind("Charge", fields)) == wanted


# K209


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ("capability: Provider\noutputs: { type: object }", []),
        ("capability: Provider\ninputs: { type: object }", ["K209"]),
        ("capability: Service\ninputs: { type: object }", ["K209"]),
        ("capability: Runnable", []),
        ("capability: Service\nbody: { steps: [] }", ["K209"]),
        ("body: { steps: [] }", []),
        (f"topology: Sequence\n{STEPS}", []),
        ("topology: Sequence", ["K209"]),
        (f"topology: Sequence\n{STEPS}controller: {{ python: 'shop:Walk' }}", ["K209"]),
        ("topology: Sequence\nbody: { steps: [] }", []),
    ],
)
def test_definitions(fields: str, wanted: list[str]) -> None:
    assert codes(kind("It", fields)) == wanted


def test_a_contract_alone_is_a_definition() -> None:
    assert codes(kind("It", "inputs: { type: object }", controller=False)) == []


# K707

ASK = "[{ name: Ask, invoke: { kind: Shop.Lookup } }]"


@pytest.mark.parametrize(
    ("fields", "steps", "wanted"),
    [
        ('while: "${{ vars.open }}"', "[]", ["K707"]),
        ('until: "${{ vars.open }}"', "[]", ["K707"]),
        ('while: "${{ vars.open }}"\n  maxIterations: 9', "[]", []),
        ("while: true", "[]", ["K707"]),
        ("while: true\n  maxIterations: 9", "[]", []),
        ("while: true", "[{ when: '${{ vars.open }}', throw: { code: END } }]", []),
        ("while: true", "[{ try: [{ throw: { code: END } }], catch: [] }]", ["K707"]),
        ("while: true", "[{ invoke: { kind: Run.Sequence, name: Throws } }]", []),
        ("while: true", "[{ invoke: { kind: Shop.Lookup } }]", ["K707"]),
        ('until: "${{ steps.Ask.result.done }}"', ASK, []),
        ('while: "${{ steps.Before.result == 1 }}"', "[{ value: 2 }]", ["K707"]),
        ('while: "${{ resources.P.n == 1 }}"', "[]", []),
    ],
)
def test_loops(fields: str, steps: str, wanted: list[str]) -> None:
    module = """kind: Kernel.Module
metadata: { name: M }
vars:
  open: { type: boolean, default: true }
targets: []
"""
    number = "{ type: object, properties: { n: { type: integer } }, required: [n] }"
    provider = kind("P", f"capability: Provider\noutputs: {number}")
    resource = "kind: Shop.P\nmetadata: { name: P }\n"
    throws = sequence("Throws", "- throw: { code: END }")
    before = '- { name: Before, value: "${{ vars.open ? 1 : 2 }}" }\n'
    main = sequence("Main", f"{before}- {fields}\n  do: {steps}")
    assert codes(module, LOOKUP, provider, resource, throws, main) == wanted


def test_the_place_of_a_loop() -> None:
    documents = (sequence("Main", "- while: true\n  do: []"),)
    (one,) = found(*documents)
    assert at(one, *documents) == "while"
    assert one.message == "`while` is always true, and there is no `maxIterations`"

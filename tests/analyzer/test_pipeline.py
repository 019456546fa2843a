"""Whole manifests: what other analyzers stay silent on, consequences, places."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from analyzer import check, check_text
from kernel.manifest import load

KINDS = """\
kind: Kernel.Definition
metadata: { name: Charge, module: Shop }
capability: Invocable
safety: idempotent
inputs:
  type: object
  properties: { customer: { type: string }, amount: { type: integer, minimum: 1 } }
  required: [customer, amount]
  additionalProperties: false
outputs:
  type: object
  properties: { id: { type: string }, state: { enum: [paid, pending] } }
  required: [id, state]
  additionalProperties: false
---
kind: Shop.Charge
metadata: { name: Card }
---
"""

SECRET = """\
kind: Kernel.Module
metadata: { name: Shop }
secrets: { token: { type: string, env: TOKEN } }
---
"""

MAIN = """\
kind: Run.Sequence
metadata: { name: Main }
inputs:
  type: object
  properties: { customer: { type: string }, amount: { type: integer, minimum: 1 } }
  required: [customer, amount]
"""

PAY = (
    "{ name: Pay, invoke: { kind: Shop.Charge, name: Card }, "
    'inputs: { customer: "${{ inputs.customer }}", amount: "${{ inputs.amount }}" } }'
)


def main(*steps: str, more: str = "") -> str:
    listed = "".join(f"  - {step}\n" for step in steps)
    return f"{KINDS}{MAIN}steps:\n{listed}{textwrap.dedent(more)}"


def codes(text: str) -> list[str]:
    return [one.code for one in check_text(text).findings]


def test_a_sound_manifest_is_clean() -> None:
    assert codes(main(PAY, more='result: "${{ steps.Pay.result.id }}"\n')) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(
            main(PAY.replace('"${{ inputs.amount }}"', '"${{ inputs.customer }}"')),
            "K206",
            id="a string into an integer input",
        ),
        pytest.param(
            main(PAY.replace("{ name", "{ when: \"${{ 'yes' }}\", name")),
            "K402",
            id="a condition that is no bool",
        ),
        pytest.param(
            main(PAY, '{ name: Misspelt, value: "${{ inputs.custmer }}" }'),
            "K407",
            id="a misspelt input, inside a step",
        ),
        pytest.param(
            main(PAY, '{ name: Undefined, value: "${{ custmer }}" }'),
            "K302",
            id="an undefined root variable",
        ),
        pytest.param(
            main(PAY, '{ name: Elsewhere, value: "${{ error.message }}" }'),
            "K505",
            id="error outside of catch",
        ),
        pytest.param(
            main('{ name: Early, value: "${{ steps.Pay.result.id }}" }', PAY),
            "K504",
            id="a forward reference",
        ),
        pytest.param(main(PAY, PAY), "K202", id="two steps of one name"),
        pytest.param(
            main(
                PAY.replace("{ name", '{ when: "${{ inputs.amount > 5 }}", name'),
                '{ name: After, value: "${{ steps.Pay.result.id }}" }',
            ),
            "K503",
            id="the result of a skipped step",
        ),
        pytest.param(
            SECRET
            + main(
                "{ invoke: { kind: Log.Print }, "
                'inputs: { message: "the token is ${{ secrets.token }}" } }'
            ),
            "K801",
            id="a secret is printed",
        ),
        pytest.param(
            main("{ invoke: { kind: Run.Sequence, name: Other } }")
            + "---\nkind: Run.Sequence\nmetadata: { name: Other }\nsteps:\n"
            "  - invoke: { kind: Run.Sequence, name: Main }\n"
            "    inputs: { customer: a, amount: 1 }\n",
            "K203",
            id="mutual recursion",
        ),
    ],
)
def test_what_a_peer_stays_silent_on_is_caught(text: str, code: str) -> None:
    assert codes(text) == [code]


def test_one_mistake_gives_one_finding() -> None:
    """What follows from a mistake is no mistake of its own."""
    misspelt = PAY.replace("inputs: {", "input: {")
    assert codes(main(misspelt, more='result: "${{ steps.Pay.result.id }}"\n')) == ["K003"]
    unknown = PAY.replace("Shop.Charge", "Shop.Chrge")
    assert codes(main(unknown, more='result: "${{ steps.Pay.result.id }}"\n')) == ["K201"]
    broken = PAY.replace("${{ inputs.customer }}", "${{ inputs.customer + }}")
    assert codes(main(broken, more='result: "${{ steps.Pay.result.id }}"\n')) == ["K301"]
    twice = '{ name: Sum, value: "${{ inputs.amount + inputs.customer }}" }'
    read = '{ name: Read, value: "${{ steps.Sum.result + 1 }}" }'
    assert codes(main(twice, read, more='result: "${{ steps.Read.result + 1 }}"\n')) == ["K305"]


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("inputs.amount > 5 ? steps.Pay.result.id : ''", None),
        ("!(inputs.amount > 5) ? '' : steps.Pay.result.id", None),
        ("steps.Pay.skipped ? '' : steps.Pay.result.id", None),
        ("has(steps.Pay.result) ? steps.Pay.result.id : ''", None),
        ("inputs.amount > 5 && inputs.customer != '' ? steps.Pay.result.id : ''", None),
        ("inputs.amount > 4 ? steps.Pay.result.id : ''", "K503"),
        ("inputs.amount > 5 || inputs.customer != '' ? steps.Pay.result.id : ''", "K503"),
        ("inputs.amount > 5 ? '' : steps.Pay.result.id", "K503"),
        ("steps.Pay.skipped ? steps.Pay.result.id : ''", "K503"),
    ],
)
def test_a_step_is_there_under_the_condition_that_it_ran_under(
    expression: str, code: str | None
) -> None:
    skipped = PAY.replace("{ name", '{ when: "${{ inputs.amount > 5 }}", name')
    text = main(skipped, more=f'result: "${{{{ {expression} }}}}"\n')
    assert codes(text) == ([] if code is None else [code])


def test_after_what_always_fails_the_condition_is_known_to_be_false() -> None:
    optional = main().replace("required: [customer, amount]\n", "required: [amount]\n", 2)
    optional = KINDS + optional.removeprefix(KINDS)
    throw = '{ if: "${{ !has(inputs.customer) }}", then: [{ throw: { code: WHO } }] }'
    text = optional.replace("steps:\n", f"steps:\n  - {throw}\n  - {PAY}\n")
    assert "K501" not in codes(text)
    assert "K501" in codes(text.replace(f"  - {throw}\n", ""))


LANDING = """\
kind: Kernel.Definition
metadata: { name: Find, module: Shop }
capability: Invocable
safety: idempotent
outputs:
  type: object
  properties: { all: { type: array, items: { type: string } } }
  required: [all]
---
kind: Kernel.Definition
metadata: { name: Send, module: Shop }
capability: Invocable
safety: write-once-checkable
inputs: { type: object, properties: { n: { type: integer } }, required: [n] }
outputs: { type: string }
check:
  invoke: { kind: Shop.Find }
  landed: "${{ LANDED }}"
  outputs: "${{ result.all[0] }}"
"""


@pytest.mark.parametrize(
    ("landed", "wanted"),
    [
        ("result.all != []", []),
        ("inputs.n > 0 && result.all.size() == 1", []),
        ("result.all == []", ["K507"]),
        ("result.all != [] || inputs.n > 0", ["K507"]),
    ],
)
def test_what_landed_is_asked_for_its_outputs(landed: str, wanted: list[str]) -> None:
    found = check_text(LANDING.replace("LANDED", landed)).findings
    assert [one.code for one in found if one.path == ("check", "outputs")] == wanted


def test_what_is_wrong_is_told_at_its_place() -> None:
    text = main(
        PAY,
        '{ name: Note, value: "für ${{ inputs.customer }}: ${{ steps.Pay.result.idd }}" }',
    )
    (found,) = check_text(text, "shop.yaml").findings
    line = text.splitlines()[found.span.line - 1] if found.span else ""
    assert found.span is not None
    assert line[found.span.column - 1 : found.span.end_column - 1] == "steps.Pay.result.idd"
    assert found.fix is not None
    assert found.fix.text == "id"


def test_nothing_of_a_manifest_is_imported_or_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A controller that cannot be imported is no matter, and no socket is ever opened."""
    (tmp_path / "bombs.py").write_text("raise SystemExit('imported')\nclass Charge: ...\n")
    text = main(PAY).replace(
        "safety: idempotent\n", 'safety: idempotent\ncontroller: { python: "bombs:Charge" }\n'
    )
    (tmp_path / "shop.yaml").write_text(text)
    monkeypatch.setattr("socket.socket", None)
    assert check(tmp_path).findings == check(tmp_path / "shop.yaml").findings == ()
    assert check(load(tmp_path)).findings == ()
    assert "bombs" not in sys.modules

"""A change between two processes does not change what the run has done or decided before."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kernel import Kernel, loads
from tests.support.recorded import (
    ACCOUNT,
    TOKEN,
    Bank,
    World,
    approve_all,
    call,
    in_a_loop,
    looked,
    run,
    sequence,
)

BALANCE = "${{ resources.Account.balance }}"
LITTLE = "'${{ resources.Account.balance < 10 }}'"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


STEP = "{ name: A, invoke: { kind: Pay.Charge }, inputs: { n: 1 } }"
OTHER = "{ name: B, invoke: { kind: Pay.Charge }, inputs: { n: 2 } }"
FORMS = {
    "when": f"  - {{ name: W, when: {LITTLE}, try: [{STEP}], finally: [] }}\n",
    "when of a call": f"  - {{ when: {LITTLE}, {STEP[1:]}\n",
    "if": f"  - {{ name: I, if: {LITTLE}, then: [{STEP}], else: [{OTHER}] }}\n",
    "elseif": f"  - {{ if: '${{{{ false }}}}', then: [], "
    f"elseif: [{{ if: {LITTLE}, then: [{STEP}] }}], else: [{OTHER}] }}\n",
    "switch": f"  - {{ switch: '{BALANCE}', cases: {{ 5: [{STEP}] }}, default: [{OTHER}] }}\n",
    "forEach": "  - { forEach: '${{ lists.range(resources.Account.balance - 4) }}', "
    f"do: [{STEP}] }}\n",
    "until": f"  - {{ do: [{STEP}], until: {LITTLE}, maxIterations: 3 }}\n",
    "throw": f"  - try: [{{ throw: {{ code: '{BALANCE}' }} }}]\n"
    f'    catch: [{{ if: "${{{{ error.code == 5 }}}}", then: [{STEP}], else: [{OTHER}] }}]\n',
    "an error": "  - try: [{ switch: '${{ 1 / (resources.Account.balance - 5) }}', "
    f"cases: {{}}, default: [{OTHER}] }}]\n    catch: [{STEP}]\n",
}


@pytest.mark.parametrize("form", FORMS)
@in_a_loop
async def test_a_run_goes_on_as_it_decided(path: Path, form: str) -> None:
    bank, text = Bank(), sequence(FORMS[form] + call("R", "Refund")) + ACCOUNT
    assert (await run(bank, text, path)).outcome == "parked"
    bank.balance = 50
    await looked(path, approve_all)
    ended = await run(bank, text, path)
    assert ended.outcome == "succeeded"
    assert bank.made("Charge") == [{"n": 1}]
    assert len(bank.made("Refund")) == 1


LISTS = {
    "timestamps": ("timestamp('2026-01-0' + day + 'T00:00:00.000000001Z')", "string(item)"),
    "durations": ("duration(day + 's')", "item + duration('1ns')"),
    "uints": ("uint(day)", "item + 1u"),
    "bytes": ("bytes(day)", "item + b''"),
    "doubles": ("day == '1' ? double('NaN') : double('-Infinity')", "string(item + 1.0)"),
    "whole doubles": ("double(day)", "string(type(item) == double)  + string(item)"),
    "maps with numbers as keys": (
        "{uint(day): day}",
        "item.map(key, type(key) == uint ? item[key] : '')[0]",
    ),
    "maps with mixed keys": (
        "{int(day): {'of': day}, day == '1': 2}",
        "item.filter(key, type(key) == int).map(key, item[key].of + string(item[key == 1]))[0]",
    ),
    "types": ("day == '1' ? type(1) : type('')", "string(item == int)"),
    "optional values": ("day == '1' ? optional.none() : optional.of(day)", "item.orValue('0')"),
    "maps like what is recorded": ("{'$uint': day}", "item['$uint']"),
    "maps": ("{'days': [{'at': timestamp(int(day))}], 'of': day}", "string(item.days[0].at)"),
}
"""What is made of each day of the account, and an expression that only its type allows."""


@pytest.mark.parametrize("what", LISTS)
@in_a_loop
async def test_what_was_decided_comes_back_with_its_types(path: Path, what: str) -> None:
    made, read = LISTS[what]
    steps = f"""\
  - forEach: "${{{{ resources.Account.days.map(day, {made}) }}}}"
    do:
      - {{ invoke: {{ kind: Pay.Charge }}, inputs: {{ n: "${{{{ {read} }}}}" }} }}
      - {{ invoke: {{ kind: Pay.Refund }} }}
"""
    undisturbed, bank, text = Bank(), Bank(), sequence(steps) + ACCOUNT
    await run(undisturbed, text.replace("Pay.Refund }", "Pay.Look }"), None)
    assert len(undisturbed.made("Charge")) == 2
    while (await run(bank, text, path)).outcome == "parked":
        bank.days = ("2", "1")
        await looked(path, approve_all)
    assert bank.made("Charge") == undisturbed.made("Charge")


@in_a_loop
async def test_what_is_too_large_to_be_kept_decides_nothing(path: Path) -> None:
    bank = Bank()
    bank.days = ("\u00e9" * 12_000_000,)
    steps = f"  - {{ forEach: '${{{{ resources.Account.days }}}}', do: [{STEP}] }}\n"
    ended = await run(bank, sequence(steps) + ACCOUNT, path)
    assert ended.error is not None
    assert (ended.outcome, ended.error.category, bank.calls) == ("failed", "ExpressionError", [])
    assert "what decides here cannot be kept" in ended.error.message


@pytest.mark.parametrize("balance", [5, 50])
@in_a_loop
async def test_another_attempt_is_decided_on_once(path: Path, balance: int) -> None:
    bank = Bank()
    bank.balance = balance
    bank.broken = {"Look": [ValueError("not yet")]}
    retry = f"retry: {{ attempts: 2, when: {LITTLE} }}"
    inner = f"{{ name: In, invoke: {{ kind: Run.Sequence, name: Inner }}, {retry} }}"
    refund = "{ name: R, invoke: { kind: Pay.Refund } }"
    text = (
        sequence(f"  - {{ try: [{inner}], catch: [{STEP}, {refund}] }}\n")
        + ACCOUNT
        + "---\nkind: Run.Sequence\nmetadata: { name: Inner }\nsteps:\n"
        + f"{call('L', 'Look')}  - {OTHER}\n  - {refund}\n"
    )
    assert (await run(bank, text, path)).outcome == "parked"
    bank.balance = 55 - balance
    await looked(path, approve_all)
    assert (await run(bank, text, path)).outcome == "succeeded"
    assert bank.made("Charge") == [{"n": 2 if balance == 5 else 1}]


@in_a_loop
async def test_what_was_skipped_by_the_clock_stays_skipped(path: Path) -> None:
    world = World()
    limit = datetime.now(UTC) + timedelta(seconds=0.5)
    early = f"invocation.time < timestamp('{limit.isoformat()}')"
    steps = (
        f'  - {{ name: A, when: "${{{{ {early} }}}}", invoke: {{ kind: Pay.Charge }} }}\n'
        f'  - {{ name: B, when: "${{{{ !({early}) }}}}", invoke: {{ kind: Pay.Look }} }}\n'
    )
    text = sequence(steps + call("R", "Refund"), "result: ${{ steps.B.skipped }}\n")
    assert (await run(world, text, path)).outcome == "parked"
    await looked(path, approve_all)
    await asyncio.sleep(max((limit - datetime.now(UTC)).total_seconds(), 0))
    assert (await run(world, text, path)).result is True
    assert len(world.made("Charge")) == 1
    assert world.made("Look") == []


@in_a_loop
async def test_a_topology_goes_on_with_the_inputs_that_it_began_with(path: Path) -> None:
    bank = Bank()
    given = ", inputs: { n: '${{ inputs.n }}' }"
    text = (
        sequence(
            "  - { name: In, invoke: { kind: Run.Sequence, name: Inner }, "
            f"inputs: {{ n: '{BALANCE}' }} }}\n"
        )
        + ACCOUNT
        + "---\nkind: Run.Sequence\nmetadata: { name: Inner }\n"
        + "inputs: { type: object, properties: { n: { type: integer } }, required: [n] }\nsteps:\n"
        + call("A", "Charge", given)
        + call("R", "Refund", given)
    )
    assert (await run(bank, text, path)).outcome == "parked"
    bank.balance = 50
    await looked(path, approve_all)
    assert (await run(bank, text, path)).outcome == "succeeded"
    assert bank.made("Charge") == bank.made("Refund") == [{"n": 5}]


@in_a_loop
async def test_a_call_is_made_with_the_inputs_that_were_approved(path: Path) -> None:
    bank = Bank()
    text = sequence(call("R", "Refund", f", inputs: {{ n: '{BALANCE}' }}")) + ACCOUNT
    assert (await run(bank, text, path)).outcome == "parked"
    bank.balance = 50
    await looked(path, approve_all)
    assert (await run(bank, text, path)).outcome == "succeeded"
    assert bank.made("Refund") == [{"n": 5}]


@pytest.mark.parametrize("threshold", ["strict", "conditions"])
@in_a_loop
async def test_another_call_than_was_approved_is_asked_for_anew(path: Path, threshold: str) -> None:
    bank = Bank()
    policy = (
        "---\nkind: Kernel.Policy\nmetadata: { name: Looks }\ntargets: [Pay.Look]\n"
        "rules: [{ effect: require-approval, reason: always }]\n"
        f"approval: {{ threshold: {threshold} }}\n"
    )
    text = sequence(call("L", "Look", f", inputs: {{ n: '{BALANCE}' }}")) + ACCOUNT + policy
    assert (await run(bank, text, path)).outcome == "parked"
    bank.balance = 50
    await looked(path, approve_all)
    assert (await run(bank, text, path)).outcome == "parked"
    assert bank.calls == []
    await looked(path, approve_all)
    assert (await run(bank, text, path)).outcome == "succeeded"
    assert bank.made("Look") == [{"n": 50}]


@pytest.mark.parametrize("given", [{}, {"m": 1}])
@in_a_loop
async def test_a_target_goes_on_as_it_was_started(path: Path, given: dict[str, Any]) -> None:
    bank = Bank()
    targets = (
        "targets:\n  - invoke: { kind: Run.Sequence, name: Main }\n"
        f"    when: {LITTLE}\n    inputs: {{ n: '{BALANCE}' }}\n"
    )
    inputs = ", inputs: { n: '${{ inputs.n }}' }"
    schema = "inputs: { type: object, properties: { n: { type: integer } }, required: [n] }\n"
    text = sequence(call("A", "Charge", inputs) + call("R", "Refund", inputs), schema) + ACCOUNT
    text = text.replace("secrets:", f"{targets}secrets:", 1)

    async def go() -> str:
        kernel = Kernel(loads(text), controllers=bank.controllers(), journal=path, environ=TOKEN)
        async with kernel:
            return (await kernel.apply(None, given, run_id="r")).outcome

    assert await go() == "parked"
    bank.balance = 50
    await looked(path, approve_all)
    assert await go() == "succeeded"
    assert bank.made("Charge") == bank.made("Refund") == [{"n": 5}]

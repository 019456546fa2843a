"""Secrets of recorded runs, in both stores: the journal keeps references, a run may need values."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from kernel import Failure, Kernel, UsageError, loads
from kernel.journal import Journal
from tests.support.journals import by_hand, place, play
from tests.support.recorded import TOKEN, World, call, run, sequence

TABLES = "runs progress contents invocations conclusions keys trace approvals"
PIN = "p1n/4711"
INPUTS = (
    "inputs: { type: object, properties: { pin: { type: string, x-kernel-secret: true } }, "
    "required: [pin] }\n"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with place(request.param, tmp_path) as found:
        yield found


def kept(address: str) -> str:
    """All that a journal holds."""
    rows = [
        row for table in TABLES.split() for row in by_hand(address, f"SELECT * FROM kernel_{table}")
    ]
    return repr(rows)


def forms(secret: str) -> list[str]:
    basic = base64.b64encode(f"ann:{secret}".encode()).decode()
    plain = [secret, base64.b64encode(secret.encode()).decode()]
    return plain if secret == PIN else [*plain, basic, secret.encode().hex()]


class Echo(World):
    """Controllers that give back, and fail with, all that they are given."""

    def controllers(self) -> Mapping[str, Any]:
        async def echo(inputs: Any, call: Any) -> Any:
            self.calls.append(("Charge", dict(inputs), call.idempotency_key))
            said = " ".join(form for value in inputs.values() for form in forms(str(value)))
            call.log(said)
            if len(self.calls) == 1:
                raise Failure(said, code="AGAIN", data={said: [said]}, outcome="failed")
            return {said: said}

        return {**super().controllers(), "Pay.Charge": echo}


async def approve_all(journal: Journal) -> None:
    for asked in await journal.approvals("pending"):
        await journal.decide(asked.approval, "approved", "bob")


def test_a_controller_that_echoes_puts_no_secret_into_the_journal(address: str) -> None:
    given = "inputs: { token: '${{ secrets.token }}', pin: '${{ inputs.pin }}' }"
    more = f"{given}, retry: {{ attempts: 2 }}, idempotencyKey: 'k ${{{{ secrets.token }}}}'"
    drift = "expect: [\"${{ inputs.pin != '' }}\"], approval: required"
    text = sequence(call("A", "Charge", f", {more}, {drift}"), INPUTS)
    echo = Echo()
    told: list[Any] = []

    async def scene() -> None:
        for _ in range(2):
            kernel = Kernel(
                loads(text), controllers=echo.controllers(), journal=address, environ=TOKEN
            )
            kernel.subscribe(lambda event: told.append(event.to_dict()))
            async with kernel:
                ended = await kernel.apply(None, {"pin": PIN}, run_id="r")
                told.append(ended.to_dict())
            await asyncio.to_thread(play, address, approve_all)
        assert ended.outcome == "succeeded"

    asyncio.run(scene())
    assert [one["pin"] for _, one, _ in echo.calls] == [PIN, PIN]
    found = kept(address) + repr(told)
    assert "Shop.secrets.token" in found
    core = base64.b64encode(f"ann:{TOKEN['SHOP_TOKEN']}".encode()).decode()[8:-4]
    assert not [form for form in (*forms(TOKEN["SHOP_TOKEN"]), core, *forms(PIN)) if form in found]


def test_a_run_with_a_secret_input_goes_on_where_it_is_given_again(tmp_path: Path) -> None:
    path, world = tmp_path / "journal.db", World()
    text = sequence(call("R", "Refund", ", inputs: { pin: '${{ inputs.pin }}' }"), INPUTS)

    async def resume() -> None:
        kernel = Kernel(loads(text), controllers=world.controllers(), journal=path, environ=TOKEN)
        async with kernel:
            with pytest.raises(UsageError, match="given a secret input, which is not kept"):
                await kernel.resume("r")

    assert asyncio.run(run(world, text, path, inputs={"pin": PIN})).outcome == "parked"
    asyncio.run(resume())
    play(str(path), approve_all)
    assert asyncio.run(run(world, text, path, inputs={"pin": PIN})).outcome == "succeeded"
    assert world.made("Refund") == [{"pin": PIN}]


def test_the_result_of_a_run_is_kept_without_what_its_contract_calls_secret(address: str) -> None:
    outputs = (
        "outputs: { type: object, properties: { n: { type: integer, x-kernel-secret: true } } }\n"
        "result: { n: 907 }\n"
    )
    text = sequence(call("L", "Look"), outputs)
    for _ in range(2):
        ended = asyncio.run(run(World(), text, address))
        assert ended.outcome == "succeeded"
        assert "907" not in str(ended.shown)
    assert "907" not in repr(by_hand(address, "SELECT result FROM kernel_runs"))


def test_keys_that_hold_secrets_are_told_apart(tmp_path: Path) -> None:
    path, world = tmp_path / "journal.db", World()
    key = "idempotencyKey: '${{ item }} of ${{ secrets.token }}'"
    steps = "  - name: E\n    forEach: ['a', 'b', 'a']\n    do:\n  "
    text = sequence(steps + call("C", "Charge", f", {key}, inputs: {{ n: '${{{{ item }}}}' }}"))
    for number in range(2):
        assert asyncio.run(run(world, text, path, f"r{number}")).outcome == "succeeded"
    assert [one["n"] for one in world.made("Charge")] == ["a", "b"]
    assert TOKEN["SHOP_TOKEN"] in world.calls[0][2]
    assert TOKEN["SHOP_TOKEN"] not in kept(str(path))

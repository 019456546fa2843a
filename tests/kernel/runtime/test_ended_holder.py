"""A key whose holder ends between two looks is answered from the record of the holder."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kernel import Kernel, loads
from kernel.journal import Lease, open_journal
from tests.support.journals import place
from tests.support.recorded import TOKEN, call, sequence

KEYED = ", inputs: { n: '${{ inputs.n }}' }, idempotencyKey: 'order-${{ string(inputs.n) }}'"
TEXT = sequence(
    call("Charge", "Charge", KEYED),
    "inputs: { type: object, properties: { n: { type: integer } }, required: [n] }\n"
    "result: '${{ steps.Charge.result.n }}'\n",
)


class WithGap:
    """A journal with a gap before each look at a lease: the holder of the key ends within it."""

    def __init__(self, journal: Any, end_holder: Any) -> None:
        self._journal = journal
        self._end_holder = end_holder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def lease(self, run: str) -> Lease:
        await self._end_holder()
        found: Lease = await self._journal.lease(run)
        return found


async def ask_while_the_holder_ends(address: str, rounds: int) -> None:
    begun, may_end, made = asyncio.Event(), asyncio.Event(), list[int]()
    holding: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def charge(inputs: Any) -> Any:
        made.append(inputs["n"])
        begun.set()
        await may_end.wait()
        return {"n": inputs["n"]}

    async def end_holder() -> None:
        may_end.set()
        await asyncio.wait((holding,))

    first, second = await open_journal(address), await open_journal(address)
    controllers = {"Pay.Charge": charge}
    holder = Kernel(loads(TEXT), controllers=controllers, journal=first, environ=TOKEN)
    gap: Any = WithGap(second, end_holder)
    other = Kernel(loads(TEXT), controllers=controllers, journal=gap, environ=TOKEN)
    async with holder, other:
        for n in range(rounds):
            begun.clear()
            may_end.clear()
            holding = asyncio.ensure_future(holder.apply("Run.Sequence/Main", {"n": n}))
            await begun.wait()
            result = await other.apply("Run.Sequence/Main", {"n": n})
            assert (result.outcome, result.result) == ("succeeded", n), result.error
            assert (await holding).result == n
    assert made == list(range(rounds))
    await first.close()
    await second.close()


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_the_answer_is_the_record_of_the_holder(store: str, tmp_path: Path) -> None:
    with place(store, tmp_path) as address:
        asyncio.run(ask_while_the_holder_ends(address, 30))


@pytest.mark.long
@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_the_answer_is_the_record_of_the_holder_each_time(store: str, tmp_path: Path) -> None:
    with place(store, tmp_path) as address:
        asyncio.run(ask_while_the_holder_ends(address, 1_000))

"""In a replay, concurrent branches see of each other what they saw in the first process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import Failure
from kernel.invocation.replay_order import ReplayOrder, asked_for
from tests.support.recorded import World, approve_all, call, in_a_loop, looked, run, sequence

CHARGE = "invoke: { kind: Pay.Charge }, inputs: { what: %s }"
READS = f"""\
  - parallel:
      quote: [ {{ name: Quote, invoke: {{ kind: Pay.Look }}, inputs: {{ ms: 150 }} }} ]
      order:
        - {{ name: Wait, sleep: 30 }}
        - {{ name: Plain, when: "${{{{ !has(steps.Quote.result) }}}}", {CHARGE % "plain"} }}
        - {{ name: Quoted, when: "${{{{ has(steps.Quote.result) }}}}", {CHARGE % "quoted"} }}
"""
CATCHES = f"""\
  - try:
      - parallel:
          a: [ {{ name: Fails, invoke: {{ kind: Pay.Look }}, inputs: {{ ms: 100, code: A }} }} ]
          b:
            - name: Reserved
              forEach: [1, 2]
              concurrency: 2
              do: [ {{ name: R, invoke: {{ kind: Pay.Look }}, inputs: {{ ms: 10 }} }} ]
            - {{ name: Slow, invoke: {{ kind: Pay.Look }}, inputs: {{ ms: 5000 }} }}
    catch:
      - {{ name: C1, when: "${{{{ has(steps.Reserved.result) }}}}", {CHARGE % "reserved"} }}
      - {{ name: C2, when: "${{{{ !has(steps.Reserved.result) }}}}", {CHARGE % "not reserved"} }}
"""
FAILS = f"""\
  - try:
      - parallel:
          a: [ {{ name: A, invoke: {{ kind: Pay.Look }}, inputs: {{ ms: 5000, code: A }} }} ]
          b: [ {{ name: B, invoke: {{ kind: Pay.Look }}, inputs: {{ ms: 50, code: B }} }} ]
    catch:
      - {{ name: CA, when: "${{{{ error.code == 'A' }}}}", {CHARGE % "A"} }}
      - {{ name: CB, when: "${{{{ error.code == 'B' }}}}", {CHARGE % "B"} }}
"""


class Slow(World):
    """Looks take their time; what is cancelled fails with its code."""

    def controllers(self) -> Mapping[str, Any]:
        async def look(inputs: Any) -> Any:
            code = inputs.get("code")
            try:
                await asyncio.sleep(inputs["ms"] / 1000)
            except asyncio.CancelledError:
                if code is None:
                    raise
            if code is not None:
                raise Failure("no", code=code)
            return {}

        return {**super().controllers(), "Pay.Look": look}


@pytest.mark.parametrize(
    ("steps", "charged"), [(READS, "plain"), (CATCHES, "reserved"), (FAILS, "B")]
)
@in_a_loop
async def test_a_replay_goes_the_same_way(tmp_path: Path, steps: str, charged: str) -> None:
    path, world = tmp_path / "journal.db", Slow()
    text = sequence(steps + call("Last", "Refund"))
    assert (await run(world, text, path)).outcome == "parked"
    await looked(path, approve_all)
    assert (await run(world, text, path)).outcome == "succeeded"
    assert world.made("Charge") == [{"what": charged}]


@given(st.permutations(range(1, 9)), st.sets(st.integers(1, 8)), st.integers(1, 4))
def test_answers_come_in_their_order(order: list[int], missing: set[int], branches: int) -> None:
    """Several branches ask for their answers, each for its own in order; some never ask."""
    asked = [number for number in order if number not in missing]
    own = [sorted(asked[branch::branches]) for branch in range(branches)]
    given: list[int] = []

    async def main() -> None:
        replay_order = ReplayOrder(range(1, 9))

        async def branch(numbers: list[int]) -> None:
            for number in numbers:
                await replay_order.wait(number)
                given.append(number)

        await asyncio.gather(*map(branch, own))
        assert not replay_order.is_awaited

    asyncio.run(main())
    assert given == sorted(asked)


def test_what_stands_within_an_answer_is_not_asked_for() -> None:
    paths = [("a", 5), ("a.b", 1), ("a[3].c", 2), ("ab", 3), ("c.d", 4)]
    assert sorted(asked_for(paths)) == [3, 4, 5]


def test_what_another_attempt_called_is_not_asked_for() -> None:
    """Whatever the paths between them are called: none is answered before its turn."""
    assert list(asked_for([("A", 3), ("A.B", 1), ("A~2.B", 2)])) == [3]
    assert list(asked_for([("A", 3), ("A-B", 4), ("A.C", 1)])) == [3, 4]

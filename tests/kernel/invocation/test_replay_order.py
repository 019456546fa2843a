"""The order in which a replay gets its answers."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from kernel.invocation.replay_order import ReplayOrder, asked_for


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

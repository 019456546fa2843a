"""`forEach` and `parallel`: really at once, in order, bounded, and stopped by the first failure."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import Kernel, loads
from tests.support.embedded import World, call, definition, sequence, text_of
from tests.support.properties import examples


class Meeting:
    """Lets nobody go before so many have come."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.here = 0
        self.most = 0
        self.all = asyncio.Event()

    async def invoke(self, inputs: Any) -> Any:
        self.here += 1
        self.most = max(self.most, self.here)
        if self.here == self.size:
            self.all.set()
        await asyncio.wait_for(self.all.wait(), 10)
        await asyncio.sleep(0)
        self.here -= 1
        return inputs.get("n")


def each(count: int, *do: Any, **fields: Any) -> Any:
    return {"name": "All", "forEach": list(range(count)), "do": list(do), **fields}


def test_as_many_rounds_at_once_as_concurrency_says() -> None:
    meeting = Meeting(5)
    steps = each(20, call(inputs={"n": "${{ item }}"}), parallelism=5)
    result = World(definition(), sequence(steps), Work=meeting).apply()
    assert result.result == {"All": list(range(20))}
    assert meeting.most == 5


def test_one_at_a_time_unless_said_otherwise() -> None:
    meeting = Meeting(1)
    World(definition(), sequence(each(10, call())), Work=meeting).apply()
    assert meeting.most == 1


def test_synchronous_controllers_run_at_once_too() -> None:
    barrier = threading.Barrier(4)

    def work(inputs: Any) -> int:
        return barrier.wait(10) >= 0 and 1

    result = World(definition(), sequence(each(8, call(), parallelism=4)), Work=work).apply()
    assert result.result == {"All": [1] * 8}


def test_branches_of_parallel_run_at_once() -> None:
    meeting = Meeting(3)
    branches = {name: [call(name=None, inputs={"n": name})] for name in ("a", "b", "c")}
    world = World(definition(), sequence({"name": "P", "parallel": branches}), Work=meeting)
    assert world.apply().result == {"P": {"a": "a", "b": "b", "c": "c"}}
    assert meeting.most == 3


class OneFails:
    """The one called with ``fail`` fails once all others are there; those wait for ever."""

    def __init__(self, others: int) -> None:
        self.others = others
        self.waiting = 0
        self.cancelled = 0
        self.calls = 0

    async def invoke(self, inputs: Any) -> None:
        self.calls += 1
        if inputs["fail"]:
            while self.waiting < self.others:
                await asyncio.sleep(0)
            raise ValueError("the first failure")
        self.waiting += 1
        try:
            await asyncio.sleep(60)
        finally:
            self.cancelled += 1


def test_the_first_failure_cancels_the_other_rounds() -> None:
    worker = OneFails(3)
    steps = each(100, call(inputs={"fail": "${{ item == 3 }}"}), parallelism=4)
    world = World(definition(), sequence(steps), Work=worker)
    error = world.apply().error
    assert error is not None
    assert error.message == "the first failure"
    assert (worker.cancelled, worker.calls) == (3, 4)
    assert world.types.count("T.Work.inline.Cancelled") == 3


def test_the_first_failure_cancels_the_other_branches_and_waits_for_their_finally() -> None:
    worker, cleaned = OneFails(1), []

    async def note(inputs: Any) -> None:
        await asyncio.sleep(0.01)
        cleaned.append(inputs["of"])

    ending = [call("T.Note", name=None, inputs={"of": "${{ error.kind }}"})]
    branches = {
        "bad": [call(name=None, inputs={"fail": True})],
        "good": [{"try": [call(name=None, inputs={"fail": False})], "finally": ending}],
    }
    world = World(
        definition(),
        definition("Note"),
        sequence({"parallel": branches}),
        Work=worker,
        Note=note,
    )
    error = world.apply().error
    assert error is not None
    assert error.message == "the first failure"
    assert cleaned == ["Cancelled"]


def test_ten_thousand_items_without_a_task_each() -> None:
    most = 0

    async def work(inputs: Any) -> int:
        nonlocal most
        most = max(most, len(asyncio.all_tasks()))
        await asyncio.sleep(0)
        return int(inputs["n"])

    steps = each(10_000, call(inputs={"n": "${{ item }}"}), parallelism=100)
    result = World(definition(), sequence(steps), Work=work).apply()
    assert result.result == {"All": list(range(10_000))}
    assert most < 120


def test_rounds_have_paths_of_their_own_and_so_ids() -> None:
    ids: list[str] = []

    async def work(inputs: Any, call: Any) -> None:
        ids.append(call.id)

    inner = each(3, call(), name="Inner")
    steps = {"name": "Outer", "forEach": [1, 2], "do": [inner], "parallelism": 2}
    world = World(definition(), sequence(steps), Work=work)
    world.apply()
    paths = [
        one.to_dict()["subject"] for one in world.events if one.type == "T.Work.inline.Invoked"
    ]
    assert len(set(ids)) == 6
    assert sorted(paths) == [
        f"steps.Outer[{outer}].steps.Inner[{inner}].steps.Call"
        for outer in range(2)
        for inner in range(3)
    ]


@examples(30)
@given(
    st.lists(st.integers(0, 3), max_size=25),
    st.integers(1, 30),
    st.booleans(),
)
def test_results_are_in_order_whatever_takes_how_long(
    pauses: list[int], concurrency: int, own_result: bool
) -> None:
    async def work(inputs: Any) -> Any:
        for _ in range(inputs["pause"]):
            await asyncio.sleep(0)
        return [inputs["n"], inputs["pause"]]

    steps: dict[str, Any] = {
        "name": "All",
        "forEach": pauses,
        "parallelism": concurrency,
        "do": [call(inputs={"n": "${{ index }}", "pause": "${{ item }}"})],
    }
    if own_result:
        steps["result"] = "${{ [index, item] }}"
    result = World(definition(), sequence(steps), Work=work).apply()
    assert result.result == {"All": [[n, pause] for n, pause in enumerate(pauses)]}


@pytest.mark.parametrize("bound", [1, 7])
def test_a_loop_makes_as_many_rounds_as_it_may(bound: int) -> None:
    made: list[int] = []

    async def work(inputs: Any) -> int:
        made.append(1)
        return len(made)

    until = f"${{{{ index == {bound - 1} }}}}"
    loop = {"name": "L", "until": until, "do": [call(name=None)], "maxIterations": bound}
    result = World(definition(), sequence(loop), Work=work).apply()
    assert result.result == {"L": bound}
    assert len(made) == bound


def test_a_watch_is_told_how_far_loops_are_by_their_path() -> None:
    class Watch:
        def __init__(self) -> None:
            self.told: list[tuple[str, int, int | None]] = []

        def began(self, path: str) -> None: ...

        def ended(self, path: str, how: str) -> None: ...

        def progress(self, path: str, done: int, total: int | None) -> None:
            self.told.append((path, done, total))

    watch = Watch()
    while_ = "${{ index < 2 }}"
    loop = {"name": "Loop", "while": while_, "do": [{"value": 1}], "maxIterations": 2}
    manifest = loads(text_of(sequence(each(1, loop))))

    async def main() -> None:
        async with Kernel(manifest, environ={}, watch=watch) as kernel:
            await kernel.apply()

    asyncio.run(main())
    assert watch.told == [
        ("steps.All[0].steps.Loop", 1, 2),
        ("steps.All[0].steps.Loop", 2, 2),
        ("steps.All", 1, 1),
    ]

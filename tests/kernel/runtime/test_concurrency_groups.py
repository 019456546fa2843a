"""``concurrency`` of a topology: so many at a time, in order, refused, cancelled, in groups."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from kernel import Event, Failure, Kernel, loads
from kernel.errors import InvocationError
from kernel.journal import Journal
from kernel.runtime import open_and_resume
from tests.support.embedded import definition, resource, text_of
from tests.support.journals import place
from tests.support.recorded import in_a_loop

everywhere = pytest.mark.parametrize("store", ["none", "sqlite", "postgresql"])
recorded = pytest.mark.parametrize("store", ["sqlite", "postgresql"])


class Work:
    """A controller that notes how many are at work, and lets them go one by one."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.began: list[Any] = []
        self.ended: list[Any] = []
        self._gate = asyncio.Event()
        self._free = 0

    async def invoke(self, inputs: Any) -> Any:
        self.began.append(inputs.get("n"))
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            while not self._free:
                await self._gate.wait()
                self._gate.clear()
            self._free -= 1
        finally:
            self.now -= 1
        self.ended.append(inputs.get("n"))
        return {"n": inputs.get("n")}

    def let(self, count: int = 1) -> None:
        """Let so many go, those that are at work and those that come."""
        self._free += count
        self._gate.set()


def limited(concurrency: Any, **fields: Any) -> Any:
    call = {"name": "Do", "invoke": {"kind": "T.Work"}, "inputs": {"n": "${{ inputs.n }}"}}
    return resource("Run.Sequence", "Limited", concurrency=concurrency, steps=[call], **fields)


class Scene:
    """A kernel on a journal or none."""

    def __init__(self, kernel: Kernel, work: Work) -> None:
        self.kernel = kernel
        self.work = work
        self.told: list[Event] = []
        kernel.subscribe(self.told.append, "*.Queued")

    def call(self, n: Any = 0, target: str = "Run.Sequence/Limited") -> asyncio.Task[Any]:
        return asyncio.ensure_future(self.kernel.invoke(target, {"n": n}))

    async def until(self, holds: Any) -> None:
        async with asyncio.timeout(15):
            while not holds():
                await asyncio.sleep(0.005)

    async def queue(self, *numbers: Any) -> list[asyncio.Task[Any]]:
        """Calls that come one after the other."""
        tasks = []
        for n in numbers:
            known = len(self.told)
            tasks.append(self.call(n))
            if self.work.began or tasks[1:]:
                await self.until(lambda known=known: len(self.told) > known)
            else:
                await self.until(lambda: self.work.began)
        return tasks


@asynccontextmanager
async def scene(store: str, folder: Path, *documents: Any) -> AsyncIterator[Scene]:
    work = Work()
    text = text_of(definition("Work"), *documents)
    with place("memory" if store == "none" else store, folder) as address:
        journal = None if store == "none" else address
        async with Kernel(loads(text), controllers={"T.Work": work.invoke}, journal=journal) as one:
            async with asyncio.timeout(20):
                yield Scene(one, work)


@everywhere
@in_a_loop
async def test_so_many_at_a_time_and_in_order(store: str, tmp_path: Path) -> None:
    async with scene(store, tmp_path, limited({"limit": 2})) as it:
        tasks = await it.queue(0)
        tasks.append(it.call(1))
        await it.until(lambda: it.work.now == 2)
        tasks += await it.queue(2, 3, 4, 5)
        assert it.work.began == [0, 1]
        for count in range(1, 5):
            it.work.let()
            await it.until(lambda count=count: len(it.work.began) == 2 + count)
        it.work.let(2)
        assert [one["Do"]["n"] for one in await asyncio.gather(*tasks)] == [0, 1, 2, 3, 4, 5]
        assert it.work.most == 2
        assert it.work.began == [0, 1, 2, 3, 4, 5]


@everywhere
@in_a_loop
async def test_many_at_once(store: str, tmp_path: Path) -> None:
    async with scene(store, tmp_path, limited({"limit": 3})) as it:
        it.work.let(60)
        await asyncio.gather(*(it.call(n) for n in range(60)))
        assert it.work.most <= 3


@everywhere
@in_a_loop
async def test_groups_by_inputs_and_vars(store: str, tmp_path: Path) -> None:
    group = "${{ vars.shop + inputs.n }}"
    inputs = {"type": "object", "properties": {"n": {"type": "string"}}, "required": ["n"]}
    shop = {"type": "string", "default": "S"}
    module = resource("Kernel.Module", "M", vars={"shop": shop})
    topology = limited({"limit": 1, "group": group}, inputs=inputs)
    async with scene(store, tmp_path, module, topology) as it:
        tasks = [it.call("a"), it.call("b"), it.call("a")]
        await it.until(lambda: it.work.now == 2 and it.told)
        assert sorted(it.work.began) == ["a", "b"]
        it.work.let(3)
        await asyncio.gather(*tasks)


@everywhere
@in_a_loop
async def test_a_group_that_is_no_text(store: str, tmp_path: Path) -> None:
    topology = limited({"limit": 1, "group": "${{ inputs.n }}"})
    async with scene(store, tmp_path, topology) as it:
        with pytest.raises(
            InvocationError, match="`group` is text, but its value is an int"
        ) as got:
            await it.call(1)
        assert got.value.span is not None
        it.work.let()
        await it.call("a" * 100_000 + "\0")


@everywhere
@in_a_loop
async def test_reject(store: str, tmp_path: Path) -> None:
    catching = resource(
        "Run.Sequence", "Catching",
        steps=[{
            "name": "Try",
            "try": [{"invoke": {"kind": "Run.Sequence", "name": "Limited"}, "inputs": {"n": 1}}],
            "catch": [{"value": "${{ error.code }}"}],
        }],
        result="${{ steps.Try.result }}",
    )  # fmt: skip
    async with scene(store, tmp_path, limited({"limit": 1, "full": "reject"}), catching) as it:
        (held,) = await it.queue(0)
        with pytest.raises(InvocationError, match="no slot of its concurrency group") as got:
            await it.call(1)
        assert (got.value.code, got.value.outcome) == ("CONCURRENCY", "rejected")
        assert await it.kernel.invoke("Run.Sequence/Catching") == "CONCURRENCY"
        it.work.let(2)
        await held
        await it.call(2)  # the slot is free again


@everywhere
@in_a_loop
async def test_cancel_running(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_and_resume, "HEARTBEAT_SECONDS", 0.05)
    topology = limited({"limit": 1, "full": "cancel-running"})
    async with scene(store, tmp_path, topology) as it:
        (held,) = await it.queue(0)
        last = [it.call(1)]
        with pytest.raises(InvocationError, match="cancels older calls") as got:
            await held
        assert got.value.outcome == "cancelled"
        await it.until(lambda: it.work.began == [0, 1])
        it.work.let()
        await asyncio.gather(*last)
        assert (it.work.most, it.work.ended) == (1, [1])


def nested(concurrency: Any, times: int = 1) -> list[Any]:
    inner: list[Any] = [{
        "name": "Again", "when": "${{ inputs.n > 0 }}",
        "invoke": {"kind": "Run.Sequence", "name": "Other"}, "inputs": {"n": "${{ inputs.n - 1 }}"},
    }]  # fmt: skip
    back = {
        "invoke": {"kind": "Run.Sequence", "name": "Limited"},
        "inputs": {"n": "${{ inputs.n }}"},
    }
    return [
        resource("Run.Sequence", "Limited", concurrency=concurrency, steps=inner),
        resource("Run.Sequence", "Other", steps=[back]),
    ]


@pytest.mark.parametrize("full", ["queue", "reject", "cancel-running"])
@everywhere
@in_a_loop
async def test_a_call_that_would_wait_for_itself(store: str, full: str, tmp_path: Path) -> None:
    async with scene(store, tmp_path, *nested({"limit": 2, "full": full})) as it:
        await it.call(1)  # one within one
        with pytest.raises(InvocationError, match="it would wait for itself") as got:
            await it.call(2)
        assert got.value.code == "CONCURRENCY"
        await it.call(1)  # no slot was lost


@everywhere
@in_a_loop
async def test_a_queued_call_is_cancelled_and_timed_out(store: str, tmp_path: Path) -> None:
    late = resource(
        "Run.Sequence", "Late",
        steps=[{"name": "S", "timeout": 100, "do": [
            {"invoke": {"kind": "Run.Sequence", "name": "Limited"}, "inputs": {"n": 9},
             "timeout": 60_000},
        ], "maxIterations": 1, "until": "${{ true }}"}],
    )  # fmt: skip
    async with scene(store, tmp_path, limited({"limit": 1}), late) as it:
        held, queued, after = await it.queue(0, 1, 2)
        queued.cancel()
        with pytest.raises((asyncio.CancelledError, InvocationError)):
            await queued
        with pytest.raises(InvocationError) as got:
            await it.kernel.invoke("Run.Sequence/Late")
        assert (got.value.code, got.value.outcome) == ("TIMEOUT", "failed")
        it.work.let(2)
        await asyncio.gather(held, after)
        assert it.work.began == [0, 2]


@everywhere
@in_a_loop
async def test_the_time_in_the_queue_does_not_count_for_a_timeout(
    store: str, tmp_path: Path
) -> None:
    caller = resource(
        "Run.Sequence", "Caller",
        steps=[{"invoke": {"kind": "Run.Sequence", "name": "Limited"}, "inputs": {"n": 1},
                "timeout": 300}],
    )  # fmt: skip
    async with scene(store, tmp_path, limited({"limit": 1}), caller) as it:
        (held,) = await it.queue(0)
        waits = asyncio.ensure_future(it.kernel.invoke("Run.Sequence/Caller"))
        await it.until(lambda: it.told)
        await asyncio.sleep(0.4)
        it.work.let(2)
        await asyncio.gather(held, waits)


@everywhere
@in_a_loop
async def test_a_kind_of_ones_own_and_a_body(store: str, tmp_path: Path) -> None:
    do = {"invoke": {"kind": "T.Work"}, "inputs": {"n": 1}}
    own = definition(
        "Flow", topology="Sequence",
        schema={"type": "object", "additionalProperties": False,
                "properties": {"does": {"x-kernel-role": "steps"}}},
    )  # fmt: skip
    body = definition("Body", body={"steps": [do], "concurrency": {"limit": 1}})
    one = resource("T.Flow", "Own", does=[do], concurrency={"limit": 1})
    two = resource("T.Body", "Two")
    async with scene(store, tmp_path, own, body, one, two) as it:
        tasks = [it.call(0, target) for target in ["T.Flow/Own", "T.Body/Two"] * 2]
        await it.until(lambda: it.work.now == 2 and len(it.told) == 2)
        it.work.let(4)
        await asyncio.gather(*tasks)
        assert it.work.most == 2


@everywhere
@in_a_loop
async def test_rounds_of_one_run_share_the_slots(store: str, tmp_path: Path) -> None:
    fan = resource(
        "Run.Sequence", "Fan",
        steps=[{"name": "All", "forEach": list(range(30)), "parallelism": 30, "do": [
            {"invoke": {"kind": "Run.Sequence", "name": "Limited"}, "inputs": {"n": "${{ item }}"}}
        ]}],
    )  # fmt: skip
    for full in ("queue", "cancel-running"):
        folder = tmp_path / full
        async with scene(store, folder, limited({"limit": 4, "full": full}), fan) as it:
            it.work.let(30)
            await it.kernel.invoke("Run.Sequence/Fan")
            assert sorted(it.work.ended) == list(range(30))
            assert it.work.most <= 4


@everywhere
@in_a_loop
async def test_a_failure_gives_the_slot_back(store: str, tmp_path: Path) -> None:
    steps = [{"throw": {"code": "NO"}}]
    failing = resource("Run.Sequence", "Limited", concurrency={"limit": 1}, steps=steps)
    async with scene(store, tmp_path, failing) as it:
        for _ in range(3):
            with pytest.raises(InvocationError, match="NO"):
                await it.call()


@recorded
@in_a_loop
async def test_parked_holders_and_what_is_said_of_them(store: str, tmp_path: Path) -> None:
    ask = {"name": "Ask", "invoke": {"kind": "T.Work"}, "inputs": {"n": 0}, "approval": "required"}
    parks = resource("Run.Sequence", "Limited", concurrency={"limit": 1}, steps=[ask])
    async with scene(store, tmp_path, parks) as it:
        held = await it.kernel.apply("Run.Sequence/Limited", run_id="first")
        assert held.outcome == "parked"
        second = asyncio.ensure_future(it.kernel.apply("Run.Sequence/Limited", run_id="second"))
        await it.until(lambda: it.told)
        said = it.told[0].data["reason"]
        assert "run first, which waits for a person" in said
        assert "`kernel resume first`" in said
        journal = it.kernel.runtime.journal
        assert journal is not None
        (standing,) = await journal.standings("second")
        assert (standing.before, standing.holds) == (1, False)
        await _approve(journal)
        it.work.let()
        assert (await it.kernel.resume("first")).outcome == "succeeded"
        assert (await second).outcome == "parked"
        await _approve(journal)
        it.work.let()
        assert (await it.kernel.resume("second")).outcome == "succeeded"
        assert await journal.standings("second") == []


async def _approve(journal: Journal) -> None:
    for asked in await journal.approvals("pending"):
        await journal.decide(asked.approval, "approved", "bob")


CALLED = {"invoke": {"kind": "Run.Sequence", "name": "Limited"}, "inputs": {"n": 1}}


@pytest.mark.parametrize("full", ["queue", "reject", "cancel-running"])
@pytest.mark.parametrize(
    "steps",
    [
        [{"name": "A", **CALLED, "retry": {"attempts": 3}}],
        [{"try": [{"name": "A", **CALLED}], "catch": [{"name": "B", **CALLED}]}],
        [{"parallel": {"a": [{"name": "A", **CALLED}], "b": [{"name": "B", **CALLED}]}}],
    ],
    ids=["a retry", "a catch", "another branch"],
)
@everywhere
@in_a_loop
async def test_a_run_does_not_wait_for_a_call_of_its_own_of_unknown_outcome(
    store: str, steps: Any, full: str, tmp_path: Path
) -> None:
    """It waits for a person to say what became of the call within, and for nothing besides."""
    made = 0

    async def lost(_: Any) -> Any:
        nonlocal made
        made += 1
        raise Failure("the answer is lost", outcome="unknown")

    inner = resource(
        "Run.Sequence",
        "Inner",
        concurrency={"limit": 1, "full": full},
        steps=[{"name": "Do", "invoke": {"kind": "T.Work"}}],
    )
    call = {"name": "Call", "invoke": {"kind": "Run.Sequence", "name": "Inner"}}
    outer = resource("Run.Sequence", "Limited", inputs={"type": "object"}, steps=[call])
    text = text_of(definition("Work"), inner, outer, resource("Run.Sequence", "Main", steps=steps))
    with place("memory" if store == "none" else store, tmp_path) as address:
        journal = None if store == "none" else address
        async with Kernel(loads(text), controllers={"T.Work": lost}, journal=journal) as kernel:
            async with asyncio.timeout(10):
                result = await kernel.apply("Run.Sequence/Main", run_id="r")
            if full != "reject" or "parallel" not in steps[0]:  # else both may be at work at once
                assert result.outcome == "unknown" or store == "none"
            if store != "none":
                assert kernel.runtime.journal is not None
                unknown = await kernel.runtime.journal.escalations()
                assert {one.run for one in unknown} == {"r"}
    assert made >= 1

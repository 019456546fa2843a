"""When a run may be suspended: once all of it waits for people, and never before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kernel.errors import InvocationError, Suspended
from kernel.invocation.activity import Activity
from kernel.invocation.replay_order import ReplayOrder

APPROVAL: Any = object()
LONG = 0.05


def played(scene: Callable[[Activity], Awaitable[None]]) -> None:
    asyncio.run(scene(Activity(ReplayOrder())))  # type: ignore[arg-type]


async def parked(activity: Activity, path: str = "A") -> asyncio.Task[None]:
    """A task that waits for an approval: it is the work of the run."""
    activity.task = asyncio.ensure_future(activity.park(path, APPROVAL))
    await asyncio.sleep(0)
    return activity.task


def test_a_run_that_only_waits_for_an_approval_is_suspended() -> None:
    async def scene(activity: Activity) -> None:
        task = await parked(activity)
        await asyncio.wait((task,), timeout=5)
        assert activity.is_suspended
        assert activity.parked == {"A": APPROVAL}
        with pytest.raises(Suspended):
            await activity.park("B", APPROVAL)

    played(scene)


@pytest.mark.parametrize("what", ["call", "sleep"])
def test_a_run_is_not_suspended_while_something_is_under_way(what: str) -> None:
    async def scene(activity: Activity) -> None:
        if what == "call":
            activity.begin()
            task = await parked(activity)
            await asyncio.sleep(LONG)
            assert not activity.is_suspended
            activity.end()
        else:
            with activity.sleeping(10):
                task = await parked(activity)
                await asyncio.sleep(LONG)
                assert not activity.is_suspended
        await asyncio.wait((task,), timeout=5)
        assert activity.is_suspended

    played(scene)


def test_a_run_is_not_suspended_while_the_event_loop_has_more_to_do() -> None:
    async def scene(activity: Activity) -> None:
        task = await parked(activity)
        ended = asyncio.get_running_loop().time() + LONG
        while asyncio.get_running_loop().time() < ended:
            await asyncio.sleep(0)
            assert not activity.is_suspended
        await asyncio.wait((task,), timeout=5)
        assert activity.is_suspended

    played(scene)


def test_what_is_cancelled_waits_for_nobody_any_more() -> None:
    async def scene(activity: Activity) -> None:
        activity.begin()
        task = await parked(activity)
        task.cancel()
        await asyncio.wait((task,))
        assert activity.parked == {}
        activity.end()
        with activity.while_escalated(InvocationError("lost", outcome="unknown")):
            assert len(activity.escalated) == 1
        await asyncio.sleep(LONG)
        assert not activity.is_suspended

    played(scene)


def test_a_run_is_idle_as_long_as_its_shortest_pause() -> None:
    async def scene(activity: Activity) -> None:
        assert not activity.is_idle_for(1)
        with activity.sleeping(100), activity.pausing():
            assert activity.is_idle_for(50)
            assert not activity.is_idle_for(200)
            with activity.timed():
                assert not activity.is_idle_for(50)
            activity.begin()
            assert not activity.is_idle_for(50)

    played(scene)

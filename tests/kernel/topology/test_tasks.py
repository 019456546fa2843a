"""Waiting for tasks: nothing goes on when what has begun it has ended."""

from __future__ import annotations

import asyncio

import pytest

from kernel.topology.tasks import cancel_and_wait, to_the_end, until_ended
from tests.support.recorded import in_a_loop


async def slow_to_stop(ended: list[str], cleanups: int = 1) -> None:
    """Cleans up for a while when it is cancelled; so often, if it is cancelled again."""
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        for _ in range(cleanups):
            try:
                await asyncio.sleep(0.1)
            except asyncio.CancelledError:
                ended.append("again")
                continue
            break
        ended.append("ended")
        raise


@in_a_loop
async def test_a_wait_that_is_cancelled_goes_on_until_the_tasks_have_ended() -> None:
    ended: list[str] = []
    task = asyncio.ensure_future(slow_to_stop(ended, 3))
    await asyncio.sleep(0)
    waiting = asyncio.ensure_future(cancel_and_wait(task))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended == ["again", "ended"]  # the cancellation was passed on
    assert task.done()


@in_a_loop
async def test_a_wait_is_over_after_its_time_also_if_it_is_cancelled() -> None:
    ended: list[str] = []

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(0.3)
                return
            except asyncio.CancelledError:
                ended.append("again")

    task = asyncio.ensure_future(stubborn())
    await asyncio.sleep(0)
    waiting = asyncio.ensure_future(until_ended((task,), 0.1))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not task.done()
    await task


@in_a_loop
async def test_a_short_work_is_not_left_half_done() -> None:
    done: list[str] = []

    async def work() -> None:
        await asyncio.sleep(0.05)
        done.append("done")

    doing = asyncio.ensure_future(to_the_end(work()))
    for _ in range(3):
        await asyncio.sleep(0.005)
        doing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await doing
    assert done == ["done"]
    with pytest.raises(ZeroDivisionError):
        await to_the_end(_failing())


async def _failing() -> None:
    raise ZeroDivisionError

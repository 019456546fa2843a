"""The pool of threads: how it grows, what it does not do, and that it cannot lock itself up."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from kernel.threads import Threads


def test_a_job_that_nobody_waits_for_any_more_is_not_begun() -> None:
    done: list[str] = []
    release = threading.Event()

    async def main() -> None:
        threads = Threads(limit=1)
        first = asyncio.ensure_future(threads.run(release.wait))
        second = asyncio.ensure_future(threads.run(done.append, "second"))
        await asyncio.sleep(0.01)
        second.cancel()
        release.set()
        await first
        await threads.run(done.append, "third")

    asyncio.run(main())
    assert done == ["third"]


def test_jobs_beyond_the_limit_wait_for_a_thread() -> None:
    at_once, most = 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.01)
        with lock:
            at_once -= 1

    async def main() -> None:
        threads = Threads(limit=3)
        await asyncio.gather(*(threads.run(work) for _ in range(20)))

    asyncio.run(main())
    assert most == 3


@pytest.mark.parametrize("depth", [1, 4])
def test_jobs_that_wait_for_jobs_of_their_own_come_to_an_end(depth: int) -> None:
    async def main() -> list[Any]:
        threads = Threads(limit=2)
        loop = asyncio.get_running_loop()

        def work(left: int) -> int:
            if left == 0:
                return 1
            inner = threads.run(work, left - 1)
            return 1 + asyncio.run_coroutine_threadsafe(inner, loop).result()

        jobs = asyncio.gather(*(threads.run(work, depth) for _ in range(10)))
        return await asyncio.wait_for(jobs, 10)

    assert asyncio.run(main()) == [depth + 1] * 10


def test_threads_beyond_the_limit_end_when_they_are_done() -> None:
    used: list[threading.Thread] = []

    async def main() -> None:
        threads = Threads(limit=1)
        loop = asyncio.get_running_loop()

        def inner() -> None:
            used.append(threading.current_thread())

        def outer() -> None:
            inner()
            asyncio.run_coroutine_threadsafe(threads.run(inner), loop).result()

        await threads.run(outer)

    asyncio.run(main())
    until = time.monotonic() + 5
    while all(thread.is_alive() for thread in used) and time.monotonic() < until:
        time.sleep(0.005)
    assert [thread.is_alive() for thread in used].count(True) == 1


def test_whatever_a_job_raises_arrives() -> None:
    async def main() -> None:
        threads = Threads(limit=1)
        for error in (ValueError, SystemExit, KeyboardInterrupt, asyncio.CancelledError):
            with pytest.raises(error):
                await threads.run(_raise, error)
        with pytest.raises(RuntimeError, match="StopIteration"):
            await threads.run(_raise, StopIteration)
        assert await threads.run(str, 1) == "1"

    asyncio.run(main())


def _raise(error: type[BaseException]) -> None:
    raise error

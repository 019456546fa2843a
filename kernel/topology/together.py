"""Steps that run at the same time: the branches of ``parallel``, the nodes of a workflow."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from kernel.errors import InvocationError
from kernel.structs import field, struct
from kernel.topology.context import Context
from kernel.topology.forms import Graph, Node
from kernel.topology.tasks import retrieve_error, until_ended

_NODES_WITHOUT_PAUSE = 100
"""A worker whose nodes call nothing lets others run after so many."""


async def all_or_first_failure(work: list[Coroutine[Any, Any, Any]], context: Context) -> list[Any]:
    """Run coroutines at the same time. The first failure cancels the rest, waits, and is raised.

    An escalated error, about which a person is asked, is raised once all others have ended.
    """
    tasks = [asyncio.ensure_future(one) for one in work]
    ended: list[asyncio.Future[Any]] = []
    for task in tasks:
        task.add_done_callback(retrieve_error)
        task.add_done_callback(ended.append)
    late: set[asyncio.Future[Any]] = set(tasks)
    failures: list[BaseException] = []
    try:
        while late and all(_is_escalated(failure) for failure in failures):
            with context.while_escalated(failures[0] if failures else None):
                _, late = await asyncio.wait(late, return_when=asyncio.FIRST_EXCEPTION)
            failures = [error for task in ended if (error := _failure(task)) is not None]
    finally:
        await _stop(tasks)
    if failures:
        raise min(failures, key=_is_escalated)
    return [task.result() for task in tasks]


def _failure(task: asyncio.Future[Any]) -> BaseException | None:
    return task.exception() if task.done() and not task.cancelled() else None


def _is_escalated(failure: BaseException) -> bool:
    return isinstance(failure, InvocationError) and failure.is_escalated


async def _stop(tasks: Iterable[asyncio.Future[Any]]) -> None:
    late = [task for task in tasks if not task.done()]
    for task in late:
        task.cancel()
    await until_ended(late)


async def run_graph(
    graph: Graph,
    run: Callable[[Node], Awaitable[Any]],
    skip: Callable[[Node], None],
    context: Context,
) -> list[Any]:
    """Run each node when those that it waits for have ended; gives the results of all.

    After a failure no node begins, or only nodes that do not depend on the failed one; these are
    skipped (``skip``). Those at work end, then the first failure is raised. An escalated error,
    about which a person is asked, stops only what depends on its node.
    """
    work = _GraphWork(graph, run, skip, context)
    try:
        await work.finish()
    finally:
        await _stop(work.workers)
    if work.failures:
        raise min(work.failures, key=_is_escalated)
    return work.results


@struct(frozen=False, eq=False)
class _GraphWork:
    """The nodes of a graph at work.

    A worker runs one node after the other; where more may begin, it calls another worker first. So
    what ends at once is done by one worker, and what takes time has a worker for each node.
    """

    graph: Graph
    run: Callable[[Node], Awaitable[Any]]
    skip: Callable[[Node], None]
    context: Context
    waiting: list[int] = field(init=False)
    """Of how many nodes each node waits for the end."""
    followers: list[list[int]] = field(init=False)
    """The nodes that wait for each node."""
    results: list[Any] = field(init=False)
    ready: list[int] = field(default_factory=list)
    """The nodes that may begin, a heap."""
    workers: set[asyncio.Future[Any]] = field(default_factory=set)
    failures: list[BaseException] = field(default_factory=list)
    is_called: bool = False
    """Whether a worker is on its way that has not begun."""
    is_stopped: bool = False
    interruption: BaseException | None = None
    """What ends the work at once: no failure of a node, but the run's own end."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        nodes = self.graph.nodes
        self.waiting = [len(node.after) for node in nodes]
        self.followers = [[] for _ in nodes]
        self.results = [None] * len(nodes)
        for number, node in enumerate(nodes):
            for before in node.after:
                self.followers[before].append(number)
        self.ready = [number for number, count in enumerate(self.waiting) if not count]

    async def finish(self) -> None:
        """Let the nodes run until none is at work, and none may begin."""
        self.call_worker()
        while self.workers:
            escalated = next(filter(_is_escalated, self.failures), None)
            with self.context.while_escalated(escalated):
                await self.changed.wait()
            self.changed.clear()
            if self.interruption is not None:
                raise self.interruption

    def call_worker(self) -> None:
        """Call one more worker, if a node may begin and none is on its way."""
        most = self.graph.parallelism or len(self.graph.nodes)
        if self.ready and not self.is_called and len(self.workers) < most:
            self.is_called = True
            worker = asyncio.ensure_future(self.work())
            self.workers.add(worker)
            worker.add_done_callback(self.ended)

    def ended(self, worker: asyncio.Future[Any]) -> None:
        self.workers.discard(worker)
        self.changed.set()
        error = _failure(worker)
        if error is not None:
            self.interruption = self.interruption or error
            self.stop()

    async def work(self) -> None:
        """Run the nodes that may begin, one after the other."""
        self.is_called = False
        done = 0
        while self.ready:
            number = heapq.heappop(self.ready)
            self.call_worker()
            done += 1
            if done % _NODES_WITHOUT_PAUSE == 0:
                await asyncio.sleep(0)
            try:
                self.results[number] = await self.run(self.graph.nodes[number])
            except Exception as error:
                self.failed(number, error)
            else:
                self.succeeded(number)

    def succeeded(self, number: int) -> None:
        for follower in self.followers[number]:
            self.waiting[follower] -= 1
            if not self.waiting[follower] and not self.is_stopped:
                heapq.heappush(self.ready, follower)

    def failed(self, number: int, error: Exception) -> None:
        self.failures.append(error)
        self.changed.set()
        if _is_escalated(error):
            return
        if not self.graph.goes_on or not isinstance(error, InvocationError):
            self.stop()
            return
        for follower in self.depending(number):
            self.skip(self.graph.nodes[follower])

    def stop(self) -> None:
        """Let no other node begin."""
        self.is_stopped = True
        self.ready.clear()

    def depending(self, number: int) -> list[int]:
        """The nodes that wait for a failed one, directly or not, and were not found before."""
        found: list[int] = []
        reached = [number]
        while reached:
            for follower in self.followers[reached.pop()]:
                if self.waiting[follower] > 0:
                    self.waiting[follower] = -1
                    found.append(follower)
                    reached.append(follower)
        return sorted(found)

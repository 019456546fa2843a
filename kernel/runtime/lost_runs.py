"""Recovery: finds the runs of dead processes, resumes them, and hands runs over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from kernel.errors import InvocationError, KernelError, UsageError
from kernel.invocation.run import Run
from kernel.journal import rows
from kernel.journal.errors import Damaged
from kernel.journal.interface import Journal, OnDamage, every_run
from kernel.journal.owners import is_gone
from kernel.registry.instances import Instance
from kernel.runtime.cancelling import unresolved_of
from kernel.runtime.result import RunResult
from kernel.runtime.run_request import RunRequest, is_served
from kernel.topology.tasks import until_ended

Find = Callable[["rows.Invocation"], "Instance"]
"""Finds the target of a recorded invocation. Raises :class:`UsageError`."""


async def lost_runs(
    journal: Journal, digest: str, settings: RunRequest, find: Find, damaged: OnDamage
) -> list[str]:
    """The ids of runs whose process has ended and that this kernel can resume, oldest first.

    ``digest`` is that of the kernel's manifest, ``settings`` are its variables and its environment,
    which are those of the runs. A call out of a Service, which cannot be replayed, may come from
    another text of the same manifest, where ``find`` still finds its targets. A run that cannot be
    read is left out, and ``damaged`` is told.
    """
    found: list[str] = []
    async for run in every_run(journal, "running", damaged=damaged):
        try:
            if await _is_lost(journal, run, digest, settings, find):
                found.append(run.run)
        except Damaged as error:
            damaged(error)
    return found[::-1]


async def _is_lost(
    journal: Journal, run: rows.Run, digest: str, settings: RunRequest, find: Find
) -> bool:
    if not await _can_resume(journal, run, digest, settings, find):
        return False
    lease = await journal.lease(run.run)
    return await is_gone(journal, lease.owner) and await _is_running(journal, run.run)


async def _can_resume(
    journal: Journal, run: rows.Run, digest: str, settings: RunRequest, find: Find
) -> bool:
    is_same = run.digest == digest
    if not (is_same or is_served(run)):
        return False
    began = RunRequest.of(run)
    if began is None or not began.has_same_settings(settings):
        return False
    if not is_served(run):
        return True
    if not is_same and began.place != settings.place:
        return False
    in_flight = await unresolved_of(journal, run.run)
    return all(row.safety == "idempotent" or _is_found(find, row) for row in in_flight)


def _is_found(find: Find, row: rows.Invocation) -> bool:
    try:
        find(row)
    except UsageError:
        return False
    return True


async def _is_running(journal: Journal, run: str) -> bool:
    """Whether a run without a holder has no end: it may have ended since it was listed."""
    found = await journal.run(run)
    return found is not None and found.state == "running"


async def recover_run(
    run: str,
    resume: Callable[[str], Awaitable[RunResult]],
    open_runs: Iterable[Run],
    recovering: set[str],
) -> RunResult:
    """Resume a run. When this is cancelled, the run is handed over to another process.

    The caller did not ask for the run, which may have begun days ago: the run is not cancelled with
    the caller.
    """
    task = asyncio.ensure_future(resume(run))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not hand_over(one for one in open_runs if one.id == run):
            task.cancel()
        await until_ended((task,))
        raise
    except KernelError as error:
        return RunResult(run, "failed", None, InvocationError(str(error), code="NOT_RESUMED"))
    finally:
        recovering.discard(run)


def hand_over(runs: Iterable[Run], idle_seconds: float = 0.0) -> bool:
    """Hand recorded runs over to another process, where they stand; whether there are any.

    With ``idle_seconds`` only runs that will stay idle for longer than that.
    """
    histories = [run.history for run in runs if run.history is not None]
    leaving = [
        one for one in histories if not idle_seconds or one.activity.is_idle_for(idle_seconds)
    ]
    for history in leaving:
        history.activity.hand_over()
    return bool(leaving)

"""Rehearsal: whether the finished part of a run is the same under a changed manifest (--migrate).

The run is walked with what is recorded, and nothing is called: where it would call what is not
concluded it stays. All that is concluded must have been met, with the same target and inputs.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from kernel.errors import InvocationError, UsageError
from kernel.invocation.context import EvaluationContext
from kernel.invocation.decisions import decide
from kernel.invocation.history import History
from kernel.invocation.invocation import Answered, Invocation, Plan, go_through
from kernel.invocation.pauses import pass_time, sleep, wait_for
from kernel.invocation.pipeline import Pipeline
from kernel.invocation.recorded import PAUSE
from kernel.invocation.recovery.answers import answer
from kernel.invocation.recovery.claims import as_it_began, intent_of
from kernel.invocation.run import Run, RunBody
from kernel.invocation.stages import attempt, deduplicate, expand, record, replay, resolve, validate
from kernel.journal.rows import Invocation as Row
from kernel.run_paths import enclosing
from kernel.topology.callsite import CallSite

_MAX_QUIET_ITERATIONS = 1_000
"""Of the event loop, without meeting anything new: then the walk stays everywhere."""


async def rehearse(run: Run, history: History, body: RunBody) -> None:
    """Walk a run without calling anything. Raises :class:`UsageError` when it is another run."""
    invoker, watch = run.invoker, run.watch
    rehearsal = Rehearsal(run, history)
    run.invoker, run.watch = rehearsal, None
    try:
        await _walk(rehearsal, history, body)
    finally:
        run.invoker, run.watch = invoker, watch
    problems = rehearsal.problems()
    if problems:
        await history.journal.finish_run(history.lease.row, "running")
        raise UsageError(
            f"the run {run.id} cannot go on with this manifest, because its finished part is "
            f"another: {'; '.join(problems[:5])}"
        )


async def _walk(rehearsal: Rehearsal, history: History, body: RunBody) -> None:
    """Walk to the end, or until the walk stays everywhere."""
    walk = asyncio.ensure_future(body())
    seen, quiet = -1, 0
    while not walk.done() and quiet < _MAX_QUIET_ITERATIONS:
        await asyncio.sleep(0)
        quiet = quiet + 1 if len(rehearsal.met) == seen else 0
        seen = len(rehearsal.met)
    history.activity.is_suspended = True  # so that no steps of `finally` are walked
    walk.cancel()
    with contextlib.suppress(InvocationError, asyncio.CancelledError):
        await walk
    history.activity.is_suspended = False


class Rehearsal(Pipeline):
    """The pipeline that makes no call: it gives what is recorded of the same call."""

    def __init__(self, run: Run, history: History) -> None:
        super().__init__(run.runtime)
        self.met: dict[str, bool] = {}
        """The recorded paths that the walk has come to; whether each answers for all within it."""
        self._differences: list[str] = []
        self._history = history

    def problems(self) -> list[str]:
        """How the walk differs from what is recorded."""
        history = self._history
        missing = [path for path in (*history.concluded, *history.in_flight) if self._misses(path)]
        # What stands behind a difference need not be met.
        return self._differences or [f"{path} is not in it" for path in missing]

    def _misses(self, path: str) -> bool:
        """Whether the walk came neither to the path, nor to one around it that answers for it."""
        answered = any(self.met.get(outer, False) for outer in enclosing(path))
        return path not in self.met and not answered

    def _row(self, path: str) -> Row | None:
        return self._history.concluded.get(path) or self._history.in_flight.get(path)

    async def invoke(self, context: EvaluationContext, site: CallSite) -> Any:
        """Give the recorded outputs if the call is the same; otherwise wait for ever.

        A topology that has no outcome yet is walked: what it has called may be recorded.
        """
        plan = self.plan(site, context.scope)
        invocation = Invocation(context, plan)
        replay.check_path(invocation.path)
        row = self._row(invocation.path)
        walks = plan.instance.is_topology and (row is None or row.outcome is None)
        try:
            if row is not None:
                self.met[invocation.path] = not walks
                await self._compare(invocation, row, walks=walks)
            if walks and (row is not None or not _has_record(plan)):
                await self._walk_through(invocation, row)
                return invocation.outputs
        except Answered:
            return invocation.outputs
        return await _stay()

    async def _compare(self, invocation: Invocation, row: Row, *, walks: bool) -> None:
        """Note whether this is another call than the recorded one; end as that one did."""
        plan = invocation.plan
        await go_through(invocation, expand.prepare(plan), validate.prepare_inputs(plan))
        found = intent_of(invocation, self._history)
        same_inputs = walks or found.inputs_hash == row.inputs_hash
        if found.target != row.target or not same_inputs:
            self._differences.append(f"{row.path} was {row.target} with other inputs")
        if row.outcome is not None and row.outcome != "cancelled":
            answer(invocation, self._history, row)

    async def _walk_through(self, invocation: Invocation, row: Row | None) -> None:
        """Walk a topology, and nothing else: no policy is asked, and nothing is recorded."""
        plan = invocation.plan
        await go_through(invocation, resolve.prepare(plan))
        if row is None:
            await go_through(invocation, expand.prepare(plan), validate.prepare_inputs(plan))
        else:
            as_it_began(invocation, self._history)
        await go_through(invocation, attempt.prepare(plan))

    async def decide(self, context: EvaluationContext, path: str, find: Callable[[], Any]) -> Any:
        """Give the recorded decision, or stay."""
        if path not in self._history.concluded:
            await _stay()
        self.met[path] = True
        return await decide(context, path, find)

    async def sleep(self, context: EvaluationContext, path: str, milliseconds: float) -> None:
        """Stay, unless the pause is concluded."""
        await self._meet_pause(path, None)
        await sleep(context, path, milliseconds)

    async def pass_time(self, context: EvaluationContext, path: str, milliseconds: float) -> None:
        """Stay, unless the time of the step was over."""
        await self._meet_pause(path, None)
        await pass_time(context, path, milliseconds)

    async def wait_for(
        self, context: EvaluationContext, path: str, pattern: str, timeout: float | None
    ) -> Any:
        """Give the recorded event, or stay."""
        await self._meet_pause(path, self._history.references.hide(pattern))
        return await wait_for(context, path, pattern, timeout)

    async def _meet_pause(self, path: str, pattern: Any) -> None:
        """Stay, unless the same pause is concluded."""
        row = self._row(path)
        if row is None:
            await _stay()
        self.met[path] = True
        recorded: Mapping[str, Any] = row.inputs or {}
        if row.target != PAUSE or recorded.get("pattern") != pattern:
            self._differences.append(f"{path} was another {row.target}")
        elif row.outcome is not None and row.outcome != "cancelled":
            return
        await _stay()


async def _stay() -> NoReturn:
    """Wait until the rehearsal is over: what would happen from here on is not known."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nothing ends a rehearsal but its cancellation")


def _has_record(plan: Plan) -> bool:
    """Whether a call has a commit record: then there is none within it without its own."""
    return record.prepare(plan) is not None or deduplicate.prepare(plan) is not None

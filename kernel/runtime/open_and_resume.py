"""The runs of a kernel in its journal: opened, and resumed after an interruption."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from kernel.errors import Cancelled, Unknown, UsageError
from kernel.events.references import LostSecret, References
from kernel.invocation.history import History, ServedHistory, error_from_json, error_to_json
from kernel.invocation.lease import Timing
from kernel.invocation.rehearsal import rehearse
from kernel.invocation.run import Run, RunBody
from kernel.journal import rows
from kernel.journal.claims import not_landed
from kernel.journal.errors import Damaged, JournalError
from kernel.journal.interface import Journal, OnDamage
from kernel.journal.owners import is_gone, take_over
from kernel.manifest import Manifest
from kernel.runtime.cancelling import unresolved_of
from kernel.runtime.execution import finish
from kernel.runtime.lost_runs import Find, lost_runs
from kernel.runtime.manifest_texts import content_of
from kernel.runtime.result import RunResult
from kernel.runtime.run_request import RunRequest, is_served
from kernel.runtime.settling import settle

HEARTBEAT_SECONDS = 2.0
"""How often a process gives a sign of life for a run that it works on."""

PATIENCE_SECONDS = 10.0
"""A holder that is not known to be dead is silent after so long without a sign of life."""


def _timing() -> Timing:
    return Timing(PATIENCE_SECONDS, HEARTBEAT_SECONDS)


class RecordedRuns:
    """The runs of one kernel in its journal; ``settings`` are its variables and environment."""

    def __init__(
        self, journal: Journal, references: References, manifest: Manifest, settings: RunRequest
    ) -> None:
        self._journal = journal
        self._references = references
        self._content = content_of(manifest)
        self._settings = settings
        self._digest: str | None = None

    async def _keep_manifest(self) -> str:
        """Keep the manifest in the journal, once, and return its digest."""
        if self._digest is None:
            self._digest = await self._journal.keep(self._content)
        return self._digest

    def _history(self, run: Run, lease: rows.Lease, **more: Any) -> History:
        return History(self._journal, self._references, run.id, lease, _timing(), **more)

    # Opening

    def begin_served_call(self, run: Run, name: str) -> None:
        """Give a call out of a Service its history: the run is opened with its first record."""
        request = replace(self._settings, is_served=True)

        async def new_run() -> rows.NewRun:
            digest = await self._keep_manifest()
            return _new_run(run, name, digest, request)

        run.history = ServedHistory(self._journal, self._references, run.id, new_run, _timing())

    async def begin(
        self,
        run: Run,
        topology: str,
        request: RunRequest,
        inputs: Mapping[str, Any],
        call: Callable[[Mapping[str, Any]], Awaitable[Any]],
        *,
        migrate: bool = False,
        dead_by: str | None = None,
    ) -> RunResult | RunBody:
        """Open a run, or resume the recorded one: its body, which makes the ``call``.

        The result of a run that has ended already. Raises :class:`UsageError` when the run began
        otherwise, or another process works on it.
        """
        digest = await self._keep_manifest()
        answer = await self._open(_new_run(run, topology, digest, request))
        if isinstance(answer, rows.Opened):
            run.history = self._history(run, answer.lease)
            return partial(call, inputs)
        found = answer.run
        _check_request(found, request)
        if found.digest != digest and not migrate:
            raise UsageError(
                f"the run {run.id} began with another manifest, and goes on with that one: "
                f"`kernel resume {run.id}`; --migrate goes on with this one, if the finished part "
                "is the same"
            )
        taken = await self._take(run, found, dead_by)
        if isinstance(taken, RunResult):
            return taken
        body = partial(call, self._recorded_inputs(found, inputs))
        if found.digest != digest:
            await rehearse(run, taken, body)
            await self._journal.migrate_run(taken.lease.row, digest)
        return body

    async def _open(self, new: rows.NewRun) -> rows.Opened | rows.Existing:
        """Open a run. When that is cancelled, the run is recorded as cancelled."""
        opening = asyncio.ensure_future(self._journal.open_run(new))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            answer = await opening
            if isinstance(answer, rows.Opened):
                stopped = error_to_json(Cancelled("the run was cancelled before it began"))
                await self._journal.finish_run(answer.lease, "cancelled", error=stopped)
            raise

    def _recorded_inputs(self, found: rows.Run, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """The inputs with which a run began, whose members may be in another order."""
        try:
            return self.request_of(found).inputs
        except UsageError:
            return inputs

    # Resuming

    async def _take(
        self, run: Run, found: rows.Run | None, dead_by: str | None = None
    ) -> RunResult | History:
        """Take the lease of a run and read its history; its result, if it has ended.

        ``dead_by`` is the person who says that its silent owner is dead. Raises
        :class:`UsageError` when another process works on the run.
        """
        if dead_by is not None:
            await self._record_deaths(run.id, dead_by)
        while True:
            assert found is not None
            ended = await self._result_of(found)
            if ended is not None:
                return ended
            lease = await take_over(self._journal, run.id, PATIENCE_SECONDS, dead_by)
            if isinstance(lease, rows.Lease):
                try:
                    return await self._read_history(run, found, lease)
                except Damaged:
                    with suppress(JournalError):  # the run stays as it was
                        await self._journal.finish_run(
                            lease, found.state, found.result, found.error
                        )
                    raise
            if lease.lease.owner is not None:
                raise UsageError(f"the run {run.id} is being worked on by {lease.lease.owner}")
            found = await self._journal.run(run.id)  # its holder has released the lease meanwhile

    async def _record_deaths(self, run: str, who: str) -> None:
        """Record the death of the silent processes whose calls a run waits for."""
        for row in await unresolved_of(self._journal, run):
            if row.holder is not None:
                await self._journal.record_death(row.holder, who)

    async def _result_of(self, found: rows.Run) -> RunResult | None:
        """The result of an ended run; None for a run that can go on."""
        if found.state == "running" or found.state == "parked":
            return None
        if found.state == "unknown" and not await self._is_asked_about(found.run):
            return None
        if found.error is not None:
            return RunResult(found.run, found.state, None, error_from_json(found.error))
        try:
            value = self._references.show(found.result)
        except LostSecret:
            value = None  # people can see the result without the secret
        return RunResult(found.run, found.state, value, shown=found.result)

    async def _is_asked_about(self, run: str) -> bool:
        """Whether a person has to say what became of a call; not of one whose process is dead."""
        for row in await self._journal.escalations(run):
            if row.outcome is not None or not await is_gone(self._journal, row.holder):
                return True
        return False

    async def _read_history(self, run: Run, found: rows.Run, lease: rows.Lease) -> History:
        run.correlation_id = found.correlation_id or run.correlation_id
        run.principal = found.principal
        await self._check_record(run.id)
        concluded: dict[str, rows.Invocation] = {}
        repeatable: dict[str, rows.Invocation] = {}
        # Read first: a silent owner that returns may conclude a call between the two reads.
        unresolved = await unresolved_of(self._journal, run.id)
        async for row in self._journal.concluded(run.id):
            (repeatable if not_landed(row) else concluded)[row.path] = row
        left = [row for row in unresolved if not (row.path in concluded or row.path in repeatable)]
        taken = await asyncio.gather(*(self._taken(lease, row) for row in left))
        in_flight = {row.path: row for row in taken}
        run.history = history = self._history(
            run, lease, concluded=concluded, not_landed=repeatable, in_flight=in_flight
        )
        return history

    async def _check_record(self, run: str) -> None:
        """Raise :class:`Damaged` unless what is recorded of a run is as it was recorded.

        An outcome that was altered would be taken for an answer, and one that is missing would have
        its call made again.
        """
        broken = await self._journal.verify(run)
        if broken is not None:
            where = f"at number {broken.number}, " if broken.number else ""
            raise Damaged(f"the run {run}", f"{where}{broken.why}")

    async def _taken(self, lease: rows.Lease, row: rows.Invocation) -> rows.Invocation:
        """A call in flight, taken over unless it is one of a silent process."""
        if row.holder is not None and not await is_gone(self._journal, row.holder):
            return row
        return row.taken(await self._journal.fence(lease, row.execution, row.epoch))

    # Recovery

    async def lost(self, find: Find, damaged: OnDamage) -> list[str]:
        """The ids of the runs whose process has ended and that this kernel can resume."""
        digest = await self._keep_manifest()
        return await lost_runs(self._journal, digest, self._settings, find, damaged)

    def request_of(self, found: rows.Run) -> RunRequest:
        """The request of a recorded run, with the values of its inputs. Raises UsageError."""
        request = RunRequest.of(found)
        if request is None:
            raise UsageError(f"the run {found.run} was begun by another program, in its own words")
        try:
            return replace(request, inputs=self._references.show(request.inputs))
        except LostSecret:
            raise UsageError(
                f"the run {found.run} was given a secret input, which is not kept: `kernel apply "
                f"PATH --run-id {found.run}` goes on with it, with the same inputs"
            ) from None

    async def settle(self, run: Run, find: Find, dead_by: str | None = None) -> RunResult:
        """Find out the outcomes of a run that cannot be replayed, a call out of a Service.

        ``dead_by`` is the person who says that its silent owner is dead.
        """
        taken = await self._take(run, await self._journal.run(run.id), dead_by)
        if isinstance(taken, RunResult):
            return taken
        state = await settle(run, taken, find)
        held = await self._journal.standings(run.id)
        given_back = [one.ticket.execution for one in held if one.ticket is not None]
        await self._journal.leave(taken.lease.row, *given_back)  # nothing goes on with the calls
        error = Unknown("the process that served this call ended", code="INTERRUPTED")
        await finish(taken, state, error=error_to_json(error))
        return RunResult(run.id, "unknown" if state == "unknown" else "failed", None, error)


def _new_run(run: Run, topology: str, digest: str, request: RunRequest) -> rows.NewRun:
    whose = run.source, run.principal, run.correlation_id
    return rows.NewRun(run.id, topology, digest, request.to_json(), *whose)


def _check_request(found: rows.Run, request: RunRequest) -> None:
    """Raise :class:`UsageError` unless a run was begun by the same request."""
    if found.inputs is None or is_served(found):
        raise UsageError(f"the run {found.run} is a call out of a service: it cannot be made again")
    began = RunRequest.of(found)
    if began is None:
        raise UsageError(f"the run {found.run} was begun by another program, in its own words")
    if request.environment != began.environment:
        where = began.environment or "none"
        raise UsageError(f"the run {found.run} began with another environment: {where}")
    if not request.is_same(began):
        raise UsageError(f"the run {found.run} began with other inputs, variables or target")

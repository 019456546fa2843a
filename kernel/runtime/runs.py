"""Runs in the journal: opened, gone on with after an interruption, brought to an end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel.errors import (
    Cancelled,
    InvocationError,
    ManifestError,
    Parked,
    Suspended,
    Unknown,
    UsageError,
)
from kernel.events.references import LostSecret
from kernel.invocation.history import History, error_from_json, error_to_json
from kernel.journal import rows
from kernel.journal.claims import not_landed
from kernel.journal.errors import Fenced, JournalError, Refused, TooLarge
from kernel.journal.owners import is_dead
from kernel.journal.takeover import take_over
from kernel.journal.values import digest_of
from kernel.manifest import inspect
from kernel.manifest.load import Shared
from kernel.runtime.cancelling import abandon
from kernel.runtime.rehearsal import rehearse
from kernel.runtime.result import RunResult
from kernel.runtime.settling import settle
from kernel.schema import is_atom

if TYPE_CHECKING:
    from kernel.events.references import References
    from kernel.invocation.run import Run, RunBody
    from kernel.journal.interface import Journal
    from kernel.manifest import Manifest
    from kernel.runtime.kernel import Kernel

BEAT = 2.0
"""Seconds between two signs of life of who works on a run."""

PATIENCE = 10.0
"""Seconds without a sign of life after which a holder elsewhere is taken for dead."""

_MOST_LEFT = 1_000_000

_LONGEST_TEXT = 4_000
"""Characters of a message, or a code, of an error that cannot be kept whole."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run was asked to do, as it is recorded: values with references for secrets.

    ``place`` is the file or folder of the manifest, where it was loaded from one; ``environment``
    is that of the policies.
    """

    target: str | None
    inputs: Mapping[str, Any]
    vars: Mapping[str, Any]
    place: str | None = None
    environment: str = ""

    def to_json(self) -> dict[str, Any]:
        """For the journal."""
        told = {"target": self.target, "inputs": self.inputs, "vars": self.vars}
        where = {"environment": self.environment} if self.environment else {}
        return {**told, "place": self.place, **where}

    @classmethod
    def from_json(cls, data: Any) -> Asked:
        """Of the journal."""
        where = data.get("place"), data.get("environment", "")
        return cls(data["target"], data["inputs"], data["vars"], *where)

    def same(self, other: Asked) -> bool:
        """Whether the same is asked, wherever the manifest lies."""
        one, two = (digest_of(replace(asked, place=None).to_json()) for asked in (self, other))
        return one == two

    def is_like(self, other: Asked) -> bool:
        """Whether it is asked of a kernel with the same variables, for the same environment."""
        return digest_of(self.vars) == digest_of(other.vars) and (
            self.environment == other.environment
        )


class Runs:
    """The runs of one kernel in its journal. ``up`` are the values with which it is up."""

    def __init__(
        self, journal: Journal, references: References, manifest: Manifest, up: Asked
    ) -> None:
        self._journal = journal
        self._up = up
        self._references = references
        self._content = content_of(manifest)
        self._digest: str | None = None

    async def _kept(self) -> str:
        """The digest of the manifest, which is in the journal from then on."""
        if self._digest is None:
            self._digest = await self._journal.keep(self._content)
        return self._digest

    async def _begun(self) -> tuple[str, Any]:
        """The digest of the manifest and the values, for a run that a service begins."""
        return await self._kept(), self._up.to_json()

    async def begin(
        self, run: Run, topology: str, asked: Asked, *, work: RunBody, migrate: bool = False
    ) -> RunResult | None:
        """Open a run, or go on with it; what it gave, if it has ended already.

        Raises :class:`UsageError` when the run began otherwise, or is worked on elsewhere.
        """
        digest = await self._kept()
        new = rows.NewRun(
            run.id, topology, digest, asked.to_json(), run.source, run.principal, run.correlation_id
        )
        answer = await self._opened(new)
        if isinstance(answer, rows.Opened):
            run.history = History(
                self._journal, self._references, run.id, answer.lease,
                patience=PATIENCE, heartbeat_seconds=BEAT,
            )  # fmt: skip
            return None
        found = answer.run
        if found.inputs is None or not found.topology:
            raise UsageError(
                f"the run {run.id} is a call out of a service: it cannot be made again"
            )
        began = Asked.from_json(found.inputs)
        if asked.environment != began.environment:
            where = began.environment or "none"
            raise UsageError(f"the run {run.id} began with another environment: {where}")
        if not asked.same(began):
            raise UsageError(f"the run {run.id} began with other inputs, variables or target")
        if found.digest != digest and not migrate:
            raise UsageError(
                f"the run {run.id} began with another manifest, and goes on with that one: "
                f"`kernel resume {run.id}`; --migrate goes on with this one, if the finished part "
                "is the same"
            )
        ended = await self._taken(run, found)
        if ended is not None:
            return ended
        if found.digest != digest:
            assert run.history is not None
            await rehearse(run, run.history, work)
            await self._journal.migrate_run(run.history.lease, digest)
        return None

    async def _opened(self, new: rows.NewRun) -> rows.Opened | rows.Existing:
        """Open a run. One that is cancelled meanwhile is not left for others to go on with."""
        opening = asyncio.ensure_future(self._journal.open_run(new))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            answer = await opening
            if isinstance(answer, rows.Opened):
                stopped = error_to_json(Cancelled("the run was cancelled before it began"))
                await self._journal.finish_run(answer.lease, "cancelled", error=stopped)
            raise

    async def began_with(self, run: str, asked: Asked, given: Mapping[str, Any]) -> Any:
        """The inputs with which a run began that is asked for again, or those that are given.

        Equal inputs may have their members in another order.
        """
        found = await self._journal.run(run)
        if found is None or found.inputs is None:
            return given
        began = Asked.from_json(found.inputs)
        try:
            return self._references.show(began.inputs) if asked.same(began) else given
        except LostSecret:
            return given

    async def _ended(self, found: rows.Run) -> RunResult | None:
        """What an ended run gave; None where it can go on."""
        if found.state == "running" or found.state == "parked":
            return None
        if found.state == "unknown" and not await self._journal.escalations(found.run, 1):
            return None
        if found.error is not None:
            error = error_from_json(found.error)
            return RunResult(found.run, found.state, None, error)
        try:
            value = self._references.show(found.result)
        except LostSecret:
            value = None  # it can be shown still, without the secret
        return RunResult(found.run, found.state, value, shown=found.result)

    async def _taken(self, run: Run, found: rows.Run | None) -> RunResult | None:
        """Take the lease of a run that can go on; what it gave, if it has ended.

        Raises :class:`UsageError` when it is worked on elsewhere.
        """
        while True:
            assert found is not None
            ended = await self._ended(found)
            if ended is not None:
                return ended
            lease = await take_over(self._journal, run.id, PATIENCE)
            if isinstance(lease, rows.Lease):
                await self._go_on(run, found, lease)
                return None
            if lease.lease.owner is not None:
                raise UsageError(f"the run {run.id} is being worked on by {lease.lease.owner}")
            found = await self._journal.run(run.id)  # who held it is through with it

    async def _go_on(self, run: Run, found: rows.Run, lease: rows.Lease) -> None:
        """Read what is recorded."""
        run.correlation_id = found.correlation_id or run.correlation_id
        run.principal = found.principal
        concluded: dict[str, rows.Invocation] = {}
        again: dict[str, rows.Invocation] = {}
        async for one in self._journal.concluded(run.id):
            (again if not_landed(one) else concluded)[one.path] = one
        left = await self._journal.unresolved(run=run.id, limit=_MOST_LEFT)
        epochs = await asyncio.gather(
            *(self._journal.fence(lease, one.execution, one.epoch) for one in left)
        )
        run.history = History(
            self._journal,
            self._references,
            run.id,
            lease,
            concluded=concluded,
            not_landed=again,
            in_flight={
                one.path: replace(one, epoch=epoch) for one, epoch in zip(left, epochs, strict=True)
            },
            patience=PATIENCE,
            heartbeat_seconds=BEAT,
        )

    async def lost(self, knows: Callable[[rows.Invocation], bool]) -> list[str]:
        """The runs of this manifest whose process has ended, the oldest first.

        They have the variables and the environment of this kernel. Those that cannot be walked
        again may be of another text of the same manifest, where this one ``knows`` what they
        called.
        """
        digest = await self._kept()
        found: list[str] = []
        last: rows.Run | None = None
        while page := await self._journal.runs("running", before=last):
            last = page[-1]
            for run in page:
                if not await self._is_ours(run, digest, knows):
                    continue
                lease = await self._journal.lease(run.run)
                dead = lease.owner is None or is_dead(lease.owner)
                if dead and await self._runs_still(run.run):
                    found.append(run.run)
        return found[::-1]

    async def _is_ours(
        self, run: rows.Run, digest: str, knows: Callable[[rows.Invocation], bool]
    ) -> bool:
        is_same = run.digest == digest
        if run.inputs is None or (run.topology and not is_same):
            return False
        began = Asked.from_json(run.inputs)
        if not began.is_like(self._up):
            return False
        if run.topology:
            return True
        if not is_same and began.place != self._up.place:
            return False
        left = await self._journal.unresolved(run=run.run, limit=_MOST_LEFT)
        return all(row.safety == "idempotent" or knows(row) for row in left)

    async def _runs_still(self, run: str) -> bool:
        """Whether a run that nobody holds has no end; it may have had one since it was listed."""
        found = await self._journal.run(run)
        return found is not None and found.state == "running"

    async def settle(self, kernel: Kernel, run: Run) -> RunResult:
        """Find out about what a run left that cannot be walked again."""
        found = await self._journal.run(run.id)
        assert found is not None
        ended = await self._taken(run, found)
        if ended is not None:
            return ended
        history = run.history
        assert history is not None
        state = await settle(kernel, run, history)
        error = Unknown("the process that served this call ended", code="INTERRUPTED")
        await self._finish(history, state, error=error_to_json(error))
        return RunResult(run.id, "unknown" if state == "unknown" else "failed", None, error)

    async def conduct(self, run: Run, work: RunBody, kept: Callable[[Any], Any]) -> Any:
        """Do the work of a run and record how it ended; ``kept`` is how its result is kept.

        Returns what the work gives. Raises what it raises; :class:`Parked` when the run waits for
        people, :class:`InvocationError` with the code ``INTERRUPTED`` when the journal failed.
        """
        history = run.history
        assert history is not None
        task = history.task = asyncio.ensure_future(work())
        history.start_heartbeat()
        try:
            result = await _ended(task)
        except InvocationError as error:
            if history.suspended:
                raise await self._suspended(run, history) from error
            run.hide_secrets(error)
            await self._finish(history, _state(error), error=error_to_json(error))
            raise
        except (asyncio.CancelledError, Suspended):
            if history.suspended:
                raise await self._suspended(run, history) from None
            stopped = error_to_json(Cancelled("the run was cancelled"))
            await self._finish(history, "cancelled", error=stopped)
            raise
        except Exception as failure:
            await self._finish(history, "failed", error={"message": str(failure)})
            raise
        else:
            if history.suspended:
                raise await self._suspended(run, history)
            await self._finish(history, "succeeded", result=kept(result))
            return result
        finally:
            history.end()

    async def conduct_unasked(self, run: Run, work: RunBody) -> Any:
        """A call out of a service: it is in the journal once it has something to record."""
        history = run.history = History(
            self._journal, self._references, run.id,
            begun=self._begun, patience=PATIENCE, heartbeat_seconds=BEAT,
        )  # fmt: skip
        outcome: rows.RunState = "succeeded"
        task = history.task = asyncio.ensure_future(work())
        try:
            return await _ended(task)
        except InvocationError as error:
            outcome = _state(error)
            raise
        except BaseException:
            outcome = "cancelled"
            if history.fault is not None:
                raise await self._interrupted(history, history.fault) from None
            raise
        finally:
            history.end()
            if history.has_lease and not history.suspended:
                await self._finish(history, outcome)

    async def _finish(
        self, history: History, state: rows.RunState, *, result: Any = None, error: Any = None
    ) -> None:
        try:
            if state != "unknown":
                await self._close(history)
            try:
                await self._journal.finish_run(history.lease, state, result, error)
            except TooLarge as large:
                why = {"message": f"the result is not kept: {large}", "code": "RESULT_NOT_KEPT"}
                told = why if error is None else _outline(error)
                await self._journal.finish_run(history.lease, state, None, told)
        except JournalError as failure:
            history.stop(failure)
            raise await self._interrupted(history, failure) from failure

    async def _close(self, history: History) -> None:
        """Conclude what is open: left by an earlier process, or cut off while it was concluded."""
        if history.in_flight:
            await self._pass_by(history)
        for execution in tuple(history.open):
            row = await self._journal.invocation(execution)
            if row is not None and row.outcome is None:
                await abandon(self._journal, row, row.epoch, "the run ended")

    async def _pass_by(self, history: History) -> None:
        """Conclude what was left at places to which the run has not come again.

        What a person said may have led it another way: an error that was caught is none any more.
        """
        asked = await self._journal.approvals("pending")
        for row in await self._journal.unresolved(run=history.run, limit=_MOST_LEFT):
            left = history.in_flight.get(row.path)
            if left is not None:
                await abandon(self._journal, row, left.epoch, "the run went on without it")
        for one in asked:
            if one.run == history.run:
                why = "the run went on without it"
                with contextlib.suppress(Refused):
                    await self._journal.decide(one.approval, "invalidated", "kernel", why)

    async def _suspended(self, run: Run, history: History) -> InvocationError:
        """The error of a run that stops where it is, and its lease given back if that is left."""
        fault = history.fault
        if history.is_handed_over and fault is None:
            return await self._hand_over(history)
        if fault is None and not history.parked:
            error = history.escalated[0]
            run.hide_secrets(error)
            await self._finish(history, "unknown", error=error_to_json(error))
            return error
        state: rows.RunState = "running" if fault is not None else "parked"
        with contextlib.suppress(JournalError):
            await self._journal.finish_run(history.lease, state)
        if fault is not None:
            return await self._interrupted(history, fault)
        waiting = list(history.parked.values())
        names = ", ".join(f"{one.target} ({one.reason})" for one in waiting)
        ids = [one.approval for one in waiting]
        paths = [one.frozen["path"] for one in waiting]
        return Parked(
            f"the run waits for an approval of {names}",
            data={"run": history.run, "approvals": ids, "paths": paths},
        )

    async def _hand_over(self, history: History) -> InvocationError:
        with contextlib.suppress(JournalError):
            await self._journal.finish_run(history.lease, "running")
        message = f"the run is left where it is; `kernel resume {history.run}` goes on with it"
        if history.why:
            return InvocationError(f"{history.why}. Until then {message}", code="IN_FLIGHT")
        return InvocationError(message, code="LEFT")

    async def _interrupted(self, history: History, fault: JournalError) -> InvocationError:
        """The error of a run that cannot be recorded any further; that of who cancelled it."""
        if not isinstance(fault, Fenced):
            return InvocationError(
                f"the run stopped, because the journal failed: {fault}; "
                f"`kernel resume {history.run}` goes on with it",
                code="INTERRUPTED",
            )
        with contextlib.suppress(JournalError):
            found = await self._journal.run(history.run)
            if found is not None and found.state == "cancelled":
                return error_from_json(found.error or {"kind": Cancelled.category})
        return InvocationError(
            f"the run stopped: {history.run} has been taken over by another process; "
            f"`kernel trace {history.run}` tells",
            code="INTERRUPTED",
        )


async def _ended(task: asyncio.Future[Any]) -> Any:
    """What a task gives; a cancellation is passed on to it, and waited for."""
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            task.cancel()
            await asyncio.wait((task,))
        raise


def _outline(error: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of an error that cannot be kept whole."""
    return {name: _brief(error.get(name)) for name in ("kind", "message", "code")}


def _brief(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_LONGEST_TEXT]
    return value if is_atom(value) else None


def _state(error: InvocationError) -> rows.RunState:
    return error.outcome if error.outcome in ("unknown", "cancelled", "rejected") else "failed"


def content_of(manifest: Manifest) -> str:
    """The text of all files of a manifest, by which it is told from others and read again.

    Files are named from the folder that holds them all, so that it may lie anywhere.
    """
    places = [os.path.realpath(source.name) for source in manifest.sources]
    above = os.path.commonpath([os.path.dirname(place) for place in places]) if places else ""
    files = {
        os.path.relpath(place, above): source.text
        for place, source in zip(places, manifest.sources, strict=True)
    }
    return json.dumps(files, sort_keys=True, ensure_ascii=False)


def manifest_of(content: str, place: Path) -> Manifest:
    """The manifest of kept texts, which stand in for what its files hold now.

    ``place`` is the file or folder that it was loaded from. Raises :class:`ManifestError`.
    """
    files: Mapping[str, str] = json.loads(content)
    above = place if place.is_dir() else place.parent
    texts = {os.path.realpath(above / name): text.encode() for name, text in files.items()}
    manifest, faults = inspect(place, shared=Shared(texts))
    if faults:
        raise ManifestError(faults)
    return manifest

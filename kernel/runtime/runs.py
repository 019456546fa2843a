"""The runs of a kernel: invoked, applied or served, and recorded where there is a journal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from kernel.cel import to_json
from kernel.errors import Denied, InvocationError, UsageError
from kernel.events.references import References
from kernel.invocation.context import EvaluationContext
from kernel.invocation.run import Run, RunBody
from kernel.invocation.runtime import Runtime
from kernel.journal.rows import Invocation
from kernel.manifest import Manifest
from kernel.policy import Request, Scope, addresses_of
from kernel.registry.instances import Instance
from kernel.registry.registry import Registry
from kernel.runtime.execution import execute, execute_served_call
from kernel.runtime.result import RunResult, combined, run_result
from kernel.runtime.run_request import RunRequest
from kernel.runtime.starts import Start, starts
from kernel.runtime.supervision import ServiceSupervisor
from kernel.runtime.targets import find_recorded, find_target

if TYPE_CHECKING:
    from kernel.runtime.open_and_resume import RecordedRuns

_MAX_RUN_ID_LENGTH = 200
"""Characters of the id that a caller gives a run."""


class Runs:
    """Makes the runs of a kernel.

    ``scope`` holds what the caller may call at all; ``place`` is where the manifest lies.
    """

    def __init__(
        self,
        manifest: Manifest,
        registry: Registry,
        runtime: Runtime,
        services: ServiceSupervisor,
        *,
        scope: Scope | None,
        place: str | None,
    ) -> None:
        self._manifest = manifest
        self._registry = registry
        self._runtime = runtime
        self._services = services
        self._scope = scope
        self._place = place
        self._root = registry.scope(manifest.root)
        self.recorded: RecordedRuns | None = None
        """The runs in the journal, where there is one."""
        self.open: list[Run] = []
        """The applied runs that are in the journal and have not ended."""
        self._served: set[Run] = set()

    async def invoke(self, run: Run, target: str, inputs: Mapping[str, Any]) -> Any:
        """Invoke ``target`` as ``run`` and return its result."""
        start = Start(find_target(self._manifest, self._registry, target))
        self._check_permitted(start, inputs, run)
        call = partial(self._call, run, start)
        if self.recorded is None:
            return await call(inputs)
        request = self.request(target, inputs, [start])
        await self.recorded.begin(run, start.instance.address, request, inputs, call)
        return await execute(
            run, partial(call, inputs), lambda result: self._kept([start], {start.label: result})
        )

    async def apply(
        self,
        run: Run,
        target: str | None,
        inputs: Mapping[str, Any],
        *,
        migrate: bool = False,
        dead_by: str | None = None,
    ) -> RunResult:
        """Make the calls of ``run``; where there are Services as well, wait until they stop."""
        chosen = starts(self._manifest, self._registry, target)
        for start in chosen:
            if start.instance.is_shared:  # one that waits to be named is not up yet
                await start.instance.bring_up(start.instance)
        calls = [start for start in chosen if not start.instance.is_shared]
        for start in calls:
            self._check_permitted(start, inputs, run)
        call = partial(self._call_all, run, calls)
        try:
            if self.recorded is None or not calls:
                results = await call(inputs)
            else:
                request = self.request(target, inputs, calls)
                topology = ", ".join(start.instance.address for start in calls)
                begun = await self.recorded.begin(
                    run, topology, request, inputs, call, migrate=migrate, dead_by=dead_by
                )
                if isinstance(begun, RunResult):
                    return begun
                results = await self._execute(run, begun, calls)
            if len(calls) < len(chosen):
                await self._services.wait_until_stopped()
        except InvocationError as error:
            run.hide_secrets(error)
            return RunResult(run.id, error.outcome, None, error)
        return run_result(run.id, chosen, results, self._runtime)

    def _kept(self, calls: list[Start], results: Mapping[str, Any]) -> Any:
        """The results of calls as the journal keeps them: with references for secrets."""
        kept = {}
        for start in calls:
            hide = start.instance.contract.output_redaction
            kept[start.label] = self._references.hide(results[start.label], hide)
        return combined(kept)

    async def _execute(self, run: Run, body: RunBody, calls: list[Start]) -> dict[str, Any]:
        self.open.append(run)
        try:
            results: dict[str, Any] = await execute(run, body, partial(self._kept, calls))
        finally:
            self.open.remove(run)
        return results

    async def serve(self, run: Run, body: RunBody, name: str) -> Any:
        """Make a call out of a Service, which is a run of its own; its error has no secrets."""
        self._served.add(run)
        try:
            if self.recorded is None:
                return await body()
            self.recorded.begin_served_call(run, name)
            return await execute_served_call(run, body)
        except InvocationError as error:
            run.hide_secrets(error)
            raise
        finally:
            self._served.discard(run)

    async def wait_until_served(self, seconds: float) -> None:
        """Wait until the ends of cancelled served calls are recorded, for so long at most."""
        until = time.monotonic() + seconds
        while self._served and time.monotonic() < until:
            await asyncio.sleep(0.01)

    def _check_permitted(self, start: Start, inputs: Mapping[str, Any], run: Run) -> None:
        """Raise :class:`Denied` for a call that the scope of the caller does not hold."""
        if self._scope is None:
            return
        instance = start.instance
        name, module = instance.resource.name or "", instance.scope.module
        kind = instance.definition.kind
        request = Request(
            kind, name, inputs, run.principal, self._runtime.environment,
            addresses=addresses_of(self._manifest.root, module, kind, name),
        )  # fmt: skip
        reason = self._scope.permits(request, instance.contract.safety)
        if reason is not None:
            raise Denied(f"{instance.address} was not called: {reason}")

    def check_id(self, run_id: str) -> None:
        """Raise :class:`UsageError` for an id that a caller may not give to a run."""
        if not (0 < len(run_id) <= _MAX_RUN_ID_LENGTH and run_id.isprintable()):
            raise UsageError(
                f"the id of a run has 1 to {_MAX_RUN_ID_LENGTH} characters that can be printed"
            )
        if self._runtime.redactor.text(run_id) != run_id:
            raise UsageError("the id of the run holds a secret; it is kept and shown as it is")

    @property
    def _references(self) -> References:
        assert self._runtime.references is not None
        return self._runtime.references

    def request(
        self, target: str | None, inputs: Mapping[str, Any], calls: list[Start]
    ) -> RunRequest:
        """The request of a run, as the journal keeps it."""
        hide = calls[0].instance.contract.input_redaction if len(calls) == 1 else None
        kept = self._references.hide(to_json(dict(inputs)), hide)
        given = self._references.hide(dict(self._root.vars))
        return RunRequest(target, kept, given, self._place, self._runtime.environment)

    def find(self, row: Invocation) -> Instance:
        """The target of a recorded invocation. Raises :class:`UsageError`."""
        return find_recorded(self._manifest, self._registry, row)

    async def _call_all(
        self, run: Run, calls: list[Start], inputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Make the calls of a run, one after the other; their results by their labels."""
        if inputs and len(calls) != 1:
            raise UsageError(f"inputs are for one target; here are {len(calls)}")
        try:
            return {start.label: await self._call(run, start, inputs) for start in calls}
        except InvocationError as error:
            run.around.judge(error)
            raise

    async def _call(self, run: Run, start: Start, inputs: Mapping[str, Any]) -> Any:
        """Make a call of a run. Raises :class:`InvocationError`, also when a Service fails."""
        # A target is written in the root module, which may call it by an alias.
        scope = start.instance.scope if start.written is None else self._root
        context = EvaluationContext(run, scope, self._root.bindings, document=start.document)
        site = await start.site(inputs, context)
        if site is None:
            return None
        self._services.check()
        return await self._services.supervise(context.invoke_once(site, start.label))

"""``Kernel``: a manifest brought to life, for a program that embeds it and for the command."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from kernel.cel import to_json
from kernel.errors import Denied, InvocationError, KernelError, UsageError
from kernel.events import Bus, Event, Redactor
from kernel.events.log import Log
from kernel.invocation.context import EvaluationContext
from kernel.invocation.handles import BoundCallSite
from kernel.invocation.run import Run, RunBody, Watch
from kernel.invocation.runtime import Ask, Runtime
from kernel.policy import Applied, Request, Scope, addresses_of, policies_for
from kernel.registry.lifecycle import Lifecycle
from kernel.registry.registry import Registry
from kernel.registry.scope import ModuleScope
from kernel.runtime.result import RunResult
from kernel.runtime.targets import Start, find_recorded, find_target, starts
from kernel.runtime.values import scopes_of
from kernel.topology.callsite import CallSite
from kernel.topology.tasks import look_at

if TYPE_CHECKING:
    from kernel.events import Subscriber
    from kernel.events.references import References
    from kernel.journal.interface import Journal
    from kernel.journal.rows import Invocation
    from kernel.manifest import Manifest
    from kernel.registry.instances import Instance
    from kernel.runtime.runs import Asked, Runs

_LAST_SECONDS = 2.0
"""How long calls out of Services that are stopped may take to end."""

_LONGEST_ID = 200
"""Characters of the id that a caller gives a run."""


class Kernel:
    """The resources of a manifest, running.

    ::

        async with Kernel(load("orders.yaml"), values={"day": "monday"}) as kernel:
            result = await kernel.invoke("Run.Sequence/Import", {"day": "monday"})

    ``values`` are for the variables and secrets that the module declares, above its environment
    variables and defaults. ``controllers`` binds kinds to controllers: classes, functions, or
    objects with ``invoke``. Raises :class:`ValuesError` when a value is missing or wrong.
    ``journal`` is where runs are recorded: a path, ``postgresql://…``, or an open journal; without
    it nothing outlives the process. ``principal`` is who calls, ``environment`` where, for the
    policies; ``scope`` is what the caller may ask for at all; ``ask`` puts approvals to a person.
    ``place`` is where the manifest lies, for who goes on with its runs by the journal alone.
    """

    def __init__(
        self,
        manifest: Manifest,
        *,
        values: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        controllers: Mapping[str, Any] | None = None,
        watch: Watch | None = None,
        journal: str | Path | Journal | None = None,
        principal: str | None = None,
        environment: str = "",
        scope: Scope | None = None,
        ask: Ask | None = None,
        place: str | None = None,
    ) -> None:
        self.manifest = manifest
        self._place = place
        scopes, hidden = scopes_of(manifest, values or {}, environ)
        self.bus = Bus()
        redactor = Redactor(hidden)
        self.runtime = Runtime(
            instance_of=lambda target, scope: self.registry.find(target, scope),
            bus=self.bus,
            redactor=redactor,
            log=Log(redactor),
            environment=environment,
            policies=self._policies,
            names={id(module): name for name, module in manifest.modules.items()},
            root=id(manifest.root),
            ask=ask,
        )
        self.registry = Registry(
            scopes,
            controllers=controllers or {},
            bring_up=lambda instance: self._lifecycle.bring_up(instance),
        )
        self._lifecycle = Lifecycle(
            self.registry,
            controllers=controllers or {},
            bind=self._bind,
            threads=self.runtime.threads,
            log=self.runtime.log,
            failed=self._service_failed,
            tell=self._tell,
        )
        self.scope: ModuleScope = self.registry.scope(manifest.root)
        self.first_run = ""
        self.principal = principal
        self._caller = scope
        self._scopes = scopes
        self._journal = journal
        self._runs: Runs | None = None
        self._watch = watch
        self._open: list[Run] = []
        self._served: set[Run] = set()
        self._running: set[asyncio.Task[Any]] = set()
        self._fault: BaseException | None = None
        self._failed_service = ""
        self._stopped: asyncio.Event | None = None

    # Life

    async def __aenter__(self) -> Kernel:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Bring up the Providers and Services, in the order in which they need each other.

        Raises :class:`ManifestError` for faults, :class:`InvalidState` for what a controller
        raises; what had come up by then is taken down again.
        """
        self._stopped = asyncio.Event()
        try:
            await self._open_journal()
            await self._lifecycle.bring_all_up(self.manifest.modules.values(), self.manifest.root)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Take everything down and deliver what is still to be told."""
        if self._stopped is not None:
            self._stopped.set()
        await self._lifecycle.take_down()
        await self._all_served()
        await self.bus.drain()
        journal, self.runtime.journal = self.runtime.journal, None
        if journal is not None and journal is not self._journal:
            await journal.close()

    async def _all_served(self) -> None:
        """Wait until the calls that Services have cancelled are recorded."""
        until = time.monotonic() + _LAST_SECONDS
        while self._served and time.monotonic() < until:
            await asyncio.sleep(0.01)

    async def _open_journal(self) -> None:
        given = self._journal
        if given is None or str(given) == "memory:":
            return
        from kernel.events.references import References
        from kernel.journal import open_journal
        from kernel.runtime.runs import Runs

        journal = await open_journal(given) if isinstance(given, (str, Path)) else given
        secrets = [
            (f"{scope.module.name}.secrets", scope.secrets) for scope in self._scopes.values()
        ]
        self.runtime.journal = journal
        self.runtime.references = References(self.runtime.redactor, secrets)
        self._runs = Runs(
            journal, self.runtime.references, self.manifest, self._asked(None, None, [])
        )

    def subscribe(self, subscriber: Subscriber, pattern: str = "*") -> Callable[[], None]:
        """Tell ``subscriber`` of events whose type matches the glob ``pattern``."""
        return self.bus.subscribe(subscriber, pattern)

    # Work

    async def invoke(
        self,
        target: str,
        inputs: Mapping[str, Any] | None = None,
        *,
        source: str = "api",
        principal: str | None = None,
        correlation_id: str | None = None,
    ) -> Any:
        """Invoke ``Kind/Name`` and give what it returns. Raises :class:`InvocationError`."""
        run = self._new_run(source, principal, correlation_id)
        start = Start.of(find_target(self, target))
        self._permit(start, inputs or {}, run)

        async def work() -> Any:
            return await self._run_one(run, start, inputs or {})

        if self._runs is None:
            return await work()
        asked = self._asked(target, inputs, [start])
        await self._runs.begin(run, start.instance.address, asked, work=work)
        return await self._runs.conduct(run, work, lambda result: self._kept(start, result))

    async def apply(
        self,
        target: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        run_id: str | None = None,
        migrate: bool = False,
    ) -> RunResult:
        """Run what the manifest is for: ``target``, its ``targets``, or its one topology.

        Where there are only Services it waits until :meth:`stop` is called. A failed run is a
        result, not an exception. With ``run_id`` a run is made once: one that has ended answers,
        one that was interrupted goes on (``migrate``: with a changed manifest whose finished part
        is the same). Raises :class:`UsageError` when it is not clear what to run.
        """
        if run_id is not None and not (0 < len(run_id) <= _LONGEST_ID and run_id.isprintable()):
            raise UsageError(
                f"the id of a run has 1 to {_LONGEST_ID} characters that can be printed"
            )
        if run_id is not None and self.runtime.redactor.text(run_id) != run_id:
            raise UsageError("the id of the run holds a secret; it is kept and shown as it is")
        run = self._new_run("api", None, None, run_id)
        chosen = starts(self, target)
        calls = [start for start in chosen if not start.is_service]
        for start in calls:
            self._permit(start, inputs or {}, run)

        async def work() -> Mapping[str, Any]:
            return await self._run_all(run, calls, inputs or {})

        try:
            if self._runs is None or not calls:
                results = await work()
            else:
                asked = self._asked(target, inputs, calls)
                if run_id is not None:
                    inputs = await self._runs.began_with(run_id, asked, inputs or {})
                topology = ", ".join(start.instance.address for start in calls)
                ended = await self._runs.begin(run, topology, asked, work=work, migrate=migrate)
                if ended is not None:
                    return ended
                with self._opened(run):
                    results = await self._runs.conduct(run, work, partial(self._all_kept, calls))
            if len(calls) < len(chosen):
                await self._until_stopped()
        except InvocationError as error:
            run.hide_secrets(error)
            return RunResult(run.id, error.outcome, None, error)
        return self._result(run, chosen, results)

    async def resume(self, run_id: str) -> RunResult:
        """Go on with a run that was parked or interrupted; one that has ended answers.

        Raises :class:`UsageError` when there is none, or when it is worked on elsewhere.
        """
        runs, journal = self._runs, self.runtime.journal
        found = None if journal is None else await journal.run(run_id)
        if runs is None or found is None:
            raise UsageError(f"there is no run {run_id} in the journal")
        if not found.topology:
            return await runs.settle(self, self._new_run(found.source, found.principal, id=run_id))
        from kernel.events.references import LostSecret
        from kernel.runtime.runs import Asked

        asked = Asked.from_json(found.inputs)
        try:
            inputs = self.references.show(asked.inputs)
        except LostSecret:
            raise UsageError(
                f"the run {run_id} was given a secret input, which is not kept: `kernel apply PATH "
                f"--run-id {run_id}` goes on with it, with the same inputs"
            ) from None
        return await self.apply(asked.target, inputs, run_id=run_id)

    async def lost(self, but: str | None = None) -> list[str]:
        """The runs of this manifest that a process left which has ended, the oldest first.

        ``but`` is the id of one that is none of them. Whoever waits for an idempotency key that one
        of them holds waits for it from now on.
        """
        found = [] if self._runs is None else await self._runs.lost(self._knows)
        found = [run for run in found if run != but]
        self.runtime.recovering.update(found)
        return found

    async def recover(self, lost: Sequence[str] | None = None) -> list[RunResult]:
        """Go on with runs that were left, all of them unless it is said which.

        One that is cancelled here is left to another process, where it was.
        """
        found = await self.lost() if lost is None else lost
        return list(await asyncio.gather(*map(self._recovered, found)))

    def let_go(self, resting: float = 0.0) -> bool:
        """Leave the runs that are recorded to another process, where they are; whether any is.

        ``resting``: only those that do nothing for longer than so many seconds but let time pass,
        or wait for an event.
        """
        found = [run.history for run in self._open if run.history is not None]
        leaving = [one for one in found if not resting or one.is_idle_for(resting)]
        for one in leaving:
            one.hand_over()
        return bool(leaving)

    @contextmanager
    def _opened(self, run: Run) -> Iterator[None]:
        self._open.append(run)
        try:
            yield
        finally:
            self._open.remove(run)

    def _knows(self, row: Invocation) -> bool:
        """Whether the target of an execution is there."""
        try:
            return find_recorded(self, row) is not None
        except UsageError:
            return False

    async def _recovered(self, run: str) -> RunResult:
        task = asyncio.ensure_future(self.resume(run))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            # Who is interrupted here has not asked for that run, which may have begun days ago.
            own = [one.history for one in self._open if one.id == run and one.history is not None]
            for history in own:
                history.hand_over()
            if not own:
                task.cancel()
            await asyncio.wait((task,))
            raise
        except KernelError as error:
            return RunResult(run, "failed", None, InvocationError(str(error), code="NOT_RESUMED"))
        finally:
            self.runtime.recovering.discard(run)

    @property
    def references(self) -> References:
        """From values to how they are kept in the journal, and back."""
        assert self.runtime.references is not None
        return self.runtime.references

    def _asked(
        self, target: str | None, inputs: Mapping[str, Any] | None, calls: list[Start]
    ) -> Asked:
        from kernel.runtime.runs import Asked

        schema = calls[0].instance.contract.inputs if len(calls) == 1 else None
        hide = None if schema is None else schema.redaction
        kept = self.references.hide(to_json(dict(inputs or {})), hide)
        given = self.references.hide(dict(self.scope.vars))
        return Asked(target, kept, given, self._place, self.runtime.environment)

    def _kept(self, start: Start, result: Any) -> Any:
        """What a call gave, as it is kept."""
        outputs = start.instance.contract.outputs
        return self.references.hide(result, None if outputs is None else outputs.redaction)

    def _all_kept(self, calls: list[Start], results: Mapping[str, Any]) -> Any:
        by_label = {start.label: start for start in calls}
        return self._one({name: self._kept(by_label[name], one) for name, one in results.items()})

    @staticmethod
    def _one(results: Mapping[str, Any]) -> Any:
        """What one call gave, or what several gave by their names."""
        if len(results) == 1:
            (result,) = results.values()
            return result
        return dict(results) or None

    def _permit(self, start: Start, inputs: Mapping[str, Any], run: Run) -> None:
        """Raises :class:`Denied` for what the scope of the caller does not hold."""
        if self._caller is None:
            return
        instance = start.instance
        name, module = instance.resource.name or "", instance.scope.module
        kind = instance.definition.kind
        request = Request(
            kind, name, inputs, run.principal, self.runtime.environment,
            addresses=addresses_of(self.manifest.root, module, kind, name),
        )  # fmt: skip
        reason = self._caller.permits(request, instance.contract.safety)
        if reason is not None:
            raise Denied(f"{instance.address} was not called: {reason}")

    def _policies(self, instance: Instance) -> tuple[Applied, ...]:
        """The policies that name an instance."""
        return policies_for(
            self.manifest.root,
            instance.scope.module,
            instance.resource.kind,
            instance.resource.name or "",
            self.runtime.environment,
            lambda module: self._scopes[id(module)].vars,
        )

    def _result(self, run: Run, chosen: list[Start], results: Mapping[str, Any]) -> RunResult:
        """What one call gave, or what several gave by their names."""
        shown = {}
        for start in chosen:
            if start.label in results:
                outputs = start.instance.contract.outputs
                hide = self.runtime.redactor_for(None if outputs is None else outputs.redaction)
                value = results[start.label]
                shown[start.label] = value if hide is None else hide(value)
        if len(results) == 1:
            (result,), (seen,) = results.values(), shown.values()
            return RunResult(run.id, "succeeded", result, shown=seen)
        return RunResult(run.id, "succeeded", results or None, shown=shown or None)

    async def _run_all(
        self, run: Run, calls: list[Start], inputs: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        if inputs and len(calls) != 1:
            raise UsageError(f"inputs are for one target; here are {len(calls)}")
        results: dict[str, Any] = {}
        for start in calls:
            results[start.label] = await self._run_one(run, start, inputs)
        return results

    async def _run_one(self, run: Run, start: Start, inputs: Mapping[str, Any]) -> Any:
        """One call of a run, which a Service that ends by itself interrupts."""
        context = EvaluationContext(
            run, start.instance.scope, self.scope.bindings, document=start.document
        )
        site = await start.site(inputs, context)
        if site is None:
            return None
        if self._fault is not None:
            raise self._service_error()
        run.plan(site, start.instance.scope, start.label)
        task = asyncio.ensure_future(context.invoke(site))
        task.add_done_callback(look_at)
        self._running.add(task)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            current = asyncio.current_task()
            ours = current is not None and current.cancelling()
            if not task.done():
                task.cancel()
                await asyncio.wait((task,))
            if ours or self._fault is None:
                raise
            raise self._service_error() from None
        finally:
            self._running.discard(task)
            self.runtime.plans.pop(site, None)

    async def _until_stopped(self) -> None:
        assert self._stopped is not None
        await self._stopped.wait()
        if self._fault is not None:
            raise self._service_error()

    def _service_failed(self, instance: Instance, error: BaseException) -> None:
        self._fault = error
        self._failed_service = instance.address
        for task in self._running:
            task.cancel()
        if self._stopped is not None:
            self._stopped.set()

    def _service_error(self) -> InvocationError:
        assert self._fault is not None
        said = self.runtime.log.text(self._fault)
        return InvocationError(
            f"the service {self._failed_service} failed: {said}", code="SERVICE_FAILED"
        )

    def _tell(self, instance: Instance, what: str, data: Any) -> None:
        """An event in the life of a resource, ``<Kind>.<Name>.<what>``."""
        outputs = instance.contract.outputs
        by_schema = None if outputs is None else outputs.redaction
        if by_schema is not None and data is not None:
            self.runtime.redactor.learn(data, by_schema(data))
        kind = f"{instance.event}.{what}"
        told = self.bus.subscribers(kind)
        if told:
            redact = self.runtime.redactor_for(by_schema)
            identify = partial(_identify, instance)
            self.bus.tell(told, Event(kind, data, time.time_ns(), identify, redact))

    def _new_run(
        self,
        source: str,
        principal: str | None = None,
        correlation_id: str | None = None,
        id: str | None = None,
    ) -> Run:
        run = Run(
            self.runtime,
            source=source,
            principal=principal or self.principal,
            correlation_id=correlation_id,
            watch=self._watch,
            id=id,
        )
        self.first_run = self.first_run or run.id
        return run

    async def _conduct(self, run: Run, work: RunBody) -> Any:
        """A call out of a service, which is a run of its own."""
        if self._runs is None:
            return await work()
        self._served.add(run)
        try:
            return await self._runs.conduct_unasked(run, work)
        finally:
            self._served.discard(run)

    def _bind(
        self,
        site: CallSite,
        own: Mapping[str, Any],
        scope: ModuleScope,
        takes_inputs: bool,
        is_atomic: bool,
    ) -> BoundCallSite:
        return BoundCallSite(
            site,
            own,
            scope,
            site.target.document,
            lambda: self._new_run("api"),
            execute=self._conduct,
            takes_inputs=takes_inputs,
            is_atomic=is_atomic,
        )


def _identify(instance: Instance) -> dict[str, Any]:
    """The attributes of an event's envelope that say which resource it is about."""
    source = f"/resources/{instance.scope.module.name}/{instance.address}"
    return {"id": str(uuid.uuid4()), "source": source}

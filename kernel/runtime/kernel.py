"""``Kernel``: a manifest brought to life, for a program that embeds it and for the command."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any

from kernel.errors import InvocationError, UsageError
from kernel.events import Bus, Event, Redactor
from kernel.events.log import Log
from kernel.invocation.context import EvaluationContext
from kernel.invocation.handles import BoundCallSite
from kernel.invocation.run import Run, Watch, World
from kernel.registry.registry import Registry
from kernel.registry.scope import ModuleScope
from kernel.runtime.result import RunResult
from kernel.runtime.targets import Start, find_target, starts
from kernel.runtime.values import scopes_of
from kernel.topology.callsite import CallSite
from kernel.topology.tasks import look_at

if TYPE_CHECKING:
    from kernel.events import Subscriber
    from kernel.manifest import Manifest
    from kernel.registry.instances import Instance


class Kernel:
    """The resources of a manifest, running.

    ::

        async with Kernel(load("orders.yaml"), values={"day": "monday"}) as kernel:
            result = await kernel.invoke("Run.Sequence/Import", {"day": "monday"})

    ``values`` are for the variables and secrets that the module declares, above its environment
    variables and defaults. ``controllers`` binds kinds to controllers: classes, functions, or
    objects with ``invoke``. Raises :class:`ValuesError` when a value is missing or wrong.
    """

    def __init__(
        self,
        manifest: Manifest,
        *,
        values: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        controllers: Mapping[str, Any] | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.manifest = manifest
        scopes, hidden = scopes_of(manifest, values or {}, environ)
        self.bus = Bus()
        redactor = Redactor(hidden)
        self.world = World(
            instance_of=lambda target, scope: self.registry.find(target, scope),
            bus=self.bus,
            redactor=redactor,
            log=Log(redactor),
        )
        self.registry = Registry(
            scopes,
            controllers=controllers or {},
            bind=self._bind,
            threads=self.world.threads,
            log=self.world.log,
            failed=self._service_failed,
            tell=self._tell,
        )
        self.scope: ModuleScope = self.registry.scope(manifest.root)
        self.last_run = ""
        self._watch = watch
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
            await self.registry.bring_all_up(self.manifest.modules.values(), self.manifest.root)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Take everything down and deliver what is still to be told."""
        if self._stopped is not None:
            self._stopped.set()
        await self.registry.take_down()
        await self.bus.drain()

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
        return await self._run_one(run, Start.of(find_target(self, target)), inputs or {})

    async def apply(
        self, target: str | None = None, inputs: Mapping[str, Any] | None = None
    ) -> RunResult:
        """Run what the manifest is for: ``target``, its ``targets``, or its one topology.

        Where there are only Services it waits until :meth:`stop` is called. A failed run is a
        result, not an exception. Raises :class:`UsageError` when it is not clear what to run.
        """
        run = self._new_run("api", None, None)
        chosen = starts(self, target)
        try:
            results = await self._run_all(run, chosen, inputs or {})
        except InvocationError as error:
            run.hide_secrets(error)
            return RunResult(run.id, error.outcome, None, error)
        return self._result(run, chosen, results)

    def _result(self, run: Run, chosen: list[Start], results: Mapping[str, Any]) -> RunResult:
        """What one call gave, or what several gave by their names."""
        shown = {}
        for start in chosen:
            if start.label in results:
                outputs = start.instance.contract.outputs
                hide = self.world.redactor_for(None if outputs is None else outputs.redaction)
                value = results[start.label]
                shown[start.label] = value if hide is None else hide(value)
        if len(results) == 1:
            (result,), (seen,) = results.values(), shown.values()
            return RunResult(run.id, "succeeded", result, shown=seen)
        return RunResult(run.id, "succeeded", results or None, shown=shown or None)

    async def _run_all(
        self, run: Run, chosen: list[Start], inputs: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        calls = [start for start in chosen if not start.is_service]
        if inputs and len(calls) != 1:
            raise UsageError(f"inputs are for one target; here are {len(calls)}")
        results: dict[str, Any] = {}
        for start in calls:
            results[start.label] = await self._run_one(run, start, inputs)
        if any(start.is_service for start in chosen):
            await self._until_stopped()
        return results

    async def _run_one(self, run: Run, start: Start, inputs: Mapping[str, Any]) -> Any:
        """One call of a run, which a Service that ends by itself interrupts."""
        context = EvaluationContext(
            run, start.instance.scope, self.scope.bindings, document=start.document
        )
        site = start.site(inputs, context)
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
            self.world.plans.pop(site, None)

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
        said = self.world.log.text(self._fault)
        return InvocationError(
            f"the service {self._failed_service} failed: {said}", code="SERVICE_FAILED"
        )

    def _tell(self, instance: Instance, what: str, data: Any) -> None:
        """An event in the life of a resource, ``<Kind>.<Name>.<what>``."""
        outputs = instance.contract.outputs
        by_schema = None if outputs is None else outputs.redaction
        if by_schema is not None and data is not None:
            self.world.redactor.learn(data, by_schema(data))
        kind = f"{instance.event}.{what}"
        told = self.bus.subscribers(kind)
        if told:
            redact = self.world.redactor_for(by_schema)
            identify = partial(_identify, instance)
            self.bus.tell(told, Event(kind, data, time.time_ns(), identify, redact))

    def _new_run(
        self, source: str, principal: str | None = None, correlation_id: str | None = None
    ) -> Run:
        run = Run(
            self.world,
            source=source,
            principal=principal,
            correlation_id=correlation_id,
            watch=self._watch,
        )
        self.last_run = run.id
        return run

    def _bind(
        self, site: CallSite, own: Mapping[str, Any], scope: ModuleScope, takes_inputs: bool
    ) -> BoundCallSite:
        return BoundCallSite(
            site,
            own,
            scope,
            site.target.document,
            lambda: self._new_run("api"),
            takes_inputs=takes_inputs,
        )


def _identify(instance: Instance) -> dict[str, Any]:
    """The attributes of an event's envelope that say which resource it is about."""
    source = f"/resources/{instance.scope.module.name}/{instance.address}"
    return {"id": str(uuid.uuid4()), "source": source}

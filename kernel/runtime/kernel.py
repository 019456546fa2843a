"""``Kernel``: a manifest brought to life, for a program that embeds it and for the command."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from kernel.errors import UsageError
from kernel.events import Bus, Redactor, Subscriber
from kernel.events.forms import MIN_LENGTH
from kernel.events.log import Log
from kernel.events.references import References
from kernel.invocation.calls.bound_site import BoundCallSite
from kernel.invocation.flow import is_short
from kernel.invocation.pipeline import Pipeline
from kernel.invocation.run import Run, Watch
from kernel.invocation.runtime import Ask, Runtime
from kernel.journal.interface import Journal, OnDamage
from kernel.manifest import Manifest
from kernel.policy import Applied, Scope, policies_for
from kernel.registry.bound import check_bound
from kernel.registry.instances import Instance
from kernel.registry.lifecycle import Lifecycle
from kernel.registry.registry import Registry
from kernel.registry.scope import ModuleScope
from kernel.runtime.cancelling import cancel
from kernel.runtime.lifecycle_events import tell
from kernel.runtime.lost_runs import hand_over, recover_run
from kernel.runtime.result import RunResult
from kernel.runtime.run_request import is_served
from kernel.runtime.runs import Runs
from kernel.runtime.supervision import ServiceSupervisor
from kernel.runtime.values import named_secrets, scopes_of

_MAX_STOP_SECONDS = 2.0
"""How long calls out of Services that are stopped may take to end."""


class Kernel:
    """The resources of a manifest, running.

    ::

        async with Kernel(load("orders.yaml"), values={"day": "monday"}) as kernel:
            result = await kernel.invoke("Run.Sequence/Import", {"day": "monday"})

    ``values`` are for the variables and secrets that the module declares, above its environment
    variables and defaults. ``controllers`` binds kinds to controllers: classes, functions, those
    that are decorated with ``@invocable`` too, or objects with ``invoke``. Raises
    :class:`ValuesError` when a value is missing or wrong.
    ``journal`` is where runs are recorded: a path, ``postgresql://…``, or an open journal; without
    it nothing outlives the process. ``principal`` is the caller, ``environment`` where the calls
    are made, for the policies; ``scope`` holds what the caller may call at all; ``ask`` puts
    approvals to a person. ``place`` is where the manifest lies, for another process that resumes
    the runs by the journal alone.
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
        self._controllers = {**manifest.controllers, **(controllers or {})}
        self._scopes, hidden = scopes_of(manifest, values or {}, environ)
        self.bus = Bus()
        redactor = Redactor(hidden)
        self.runtime = Runtime(
            instance_of=lambda target, scope: self.registry.find(target, scope),
            bus=self.bus,
            redactor=redactor,
            log=Log(redactor),
            environment=environment,
            policies=partial(_policies, manifest, environment, self._scopes),
            names={id(module): name for name, module in manifest.modules.items()},
            root=id(manifest.root),
            ask=ask,
            cancel_run=cancel,
        )
        _warn_of_short_secrets(self._scopes, self.runtime.log)
        self.runtime.invoker = Pipeline(self.runtime)
        self._services = ServiceSupervisor(self.runtime.log)
        self.registry = Registry(
            self._scopes,
            controllers=self._controllers,
            bring_up=lambda instance: self._lifecycle.bring_up(instance),
        )
        self._runs = Runs(
            manifest, self.registry, self.runtime, self._services, scope=scope, place=place
        )
        self._lifecycle = Lifecycle(
            self.registry,
            controllers=self._controllers,
            bind=partial(
                BoundCallSite, new_run=lambda: self._new_run("api"), execute=self._runs.serve
            ),
            threads=self.runtime.threads,
            log=self.runtime.log,
            failed=self._services.service_failed,
            tell=partial(tell, self.runtime),
        )
        self.scope: ModuleScope = self.registry.scope(manifest.root)
        self.principal = principal
        self._journal, self._watch = journal, watch
        self.first_run = ""
        """The id of the first run of this kernel."""

    # Life

    async def __aenter__(self) -> Kernel:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Bring up the Providers and Services, in the order in which they need each other.

        Raises :class:`UsageError` for controllers that are bound to no kind or cannot be called,
        :class:`ManifestError` for faults, :class:`InvalidState` for what a controller raises;
        whatever has come up by then is taken down again.
        """
        check_bound(self.manifest, self._controllers)
        self._services.start()
        try:
            await self._open_journal()
            await self._lifecycle.bring_all_up(self.manifest.modules.values(), self.manifest.root)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Take everything down and deliver the events that are waiting."""
        self._services.stop()
        await self._lifecycle.take_down()
        await self._runs.wait_until_served(_MAX_STOP_SECONDS)
        await self.bus.drain()
        journal, self.runtime.journal = self.runtime.journal, None
        if journal is not None and journal is not self._journal:
            await journal.close()

    async def _open_journal(self) -> None:
        given = self._journal
        if given is None or str(given) == "memory:":
            return
        # Here for start-up time: a kernel without a journal needs neither.
        from kernel.journal import open_journal
        from kernel.runtime.open_and_resume import RecordedRuns

        journal = await open_journal(given) if isinstance(given, (str, Path)) else given
        secrets = named_secrets(
            self.manifest, {module: scope.secrets for module, scope in self._scopes.items()}
        )
        self.runtime.journal = journal
        self.runtime.references = References(self.runtime.redactor, secrets)
        settings = self._runs.request(None, {}, [])
        self._runs.recorded = RecordedRuns(journal, self.references, self.manifest, settings)

    def subscribe(self, subscriber: Subscriber, pattern: str = "*") -> Callable[[], None]:
        """Call ``subscriber`` with events whose type matches the glob ``pattern``."""
        return self.bus.subscribe(subscriber, pattern)

    @property
    def references(self) -> References:
        """Replaces secrets in values that the journal keeps, and puts them back."""
        assert self.runtime.references is not None
        return self.runtime.references

    # Runs

    async def invoke(
        self,
        target: str,
        inputs: Mapping[str, Any] | None = None,
        *,
        source: str = "api",
        principal: str | None = None,
        correlation_id: str | None = None,
    ) -> Any:
        """Invoke ``Kind/Name`` and return its result. Raises :class:`InvocationError`."""
        run = self._new_run(source, principal, correlation_id)
        return await self._runs.invoke(run, target, inputs or {})

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
        result, not an exception. With ``run_id`` a run is made once: the result of a run that has
        ended is returned, a run that was interrupted is resumed (``migrate``: with a changed
        manifest whose finished part is the same). Raises :class:`UsageError` when it is not clear
        what to run.
        """
        if run_id is not None:
            self._runs.check_id(run_id)
        run = self._new_run("api", id=run_id)
        return await self._runs.apply(run, target, inputs or {}, migrate=migrate)

    async def resume(self, run_id: str, *, owner_is_dead: bool = False) -> RunResult:
        """Resume a run that was parked or interrupted; the result of a run that has ended.

        ``owner_is_dead``: the principal says so of its silent process. Raises :class:`UsageError`
        when there is no such run, or another process works on it.
        """
        recorded, journal = self._runs.recorded, self.runtime.journal
        found = None if journal is None else await journal.run(run_id)
        if recorded is None or found is None:
            raise UsageError(f"there is no run {run_id} in the journal")
        dead_by = (self.principal or "the caller") if owner_is_dead else None
        if is_served(found):
            run = self._new_run(found.source, found.principal, id=run_id)
            return await recorded.settle(run, self._runs.find, dead_by)
        request = recorded.request_of(found)
        run = self._new_run("api", id=run_id)
        return await self._runs.apply(run, request.target, request.inputs, dead_by=dead_by)

    async def lost(self, but: str | None = None) -> list[str]:
        """The ids of the interrupted runs of this manifest whose process has ended, oldest first.

        ``but`` is an id to leave out. From now on a call that finds its idempotency key held by one
        of these runs waits for that run.
        """
        recorded = self._runs.recorded
        lost = await recorded.lost(self._runs.find, _teller(self.runtime.log)) if recorded else []
        found = [run for run in lost if run != but]
        self.runtime.recovering.update(found)
        return found

    async def recover(self, lost: Sequence[str] | None = None) -> list[RunResult]:
        """Resume interrupted runs: those ``lost``, or all that :meth:`lost` finds.

        When this is cancelled, the runs are handed over to another process.
        """
        how = self.resume, self._runs.open, self.runtime.recovering
        found = await self.lost() if lost is None else lost
        return list(await asyncio.gather(*(recover_run(run, *how) for run in found)))

    def let_go(self, resting: float = 0.0) -> bool:
        """Hand applied runs in the journal over to another process; whether there are any.

        With ``resting``, only runs that will only let time pass, or wait for an event, for longer
        than so many seconds.
        """
        return hand_over(self._runs.open, resting)

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


def _warn_of_short_secrets(scopes: Mapping[int, ModuleScope], log: Log) -> None:
    for scope in scopes.values():
        for name, value in scope.secrets.items():
            if is_short(value):
                log.say(
                    "warning",
                    f"the secret `{name}` of {scope.module.name} has under {MIN_LENGTH} "
                    "characters: it is hidden where a schema or the flow says that it is "
                    "secret, and is not looked for in texts",
                    {},
                )


def _teller(log: Log) -> OnDamage:
    """Says which run of the journal is damaged, while the others go on."""
    return lambda damaged: log.say("warning", str(damaged), {})


def _policies(
    manifest: Manifest, environment: str, scopes: Mapping[int, ModuleScope], instance: Instance
) -> tuple[Applied, ...]:
    """The policies that name an instance."""
    return policies_for(
        manifest.root,
        instance.scope.module,
        instance.resource.kind,
        instance.resource.name or "",
        environment,
        lambda module: scopes[id(module)].vars,
    )

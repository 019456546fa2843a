"""The life of instances: brought up in the order of their needs, taken down in the reverse."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from kernel.cel import again_in_json
from kernel.errors import (
    ControllerError,
    Fault,
    InvalidState,
    KernelError,
    ManifestError,
    NotStarted,
    Thrown,
    Timeout,
)
from kernel.manifest import Module
from kernel.registry.contract import declared_errors, with_safety
from kernel.registry.controllers import method
from kernel.registry.implementations import construct_controller, is_implemented, read_topology
from kernel.registry.instances import Instance, State
from kernel.registry.preparation import Bind
from kernel.registry.raised import code_of, data_of, may_pass, retry_after
from kernel.registry.registry import Registry
from kernel.registry.services import Service, without_exit
from kernel.registry.start_order import start_order
from kernel.registry.starting import Starting, starting
from kernel.schema import SchemaError
from kernel.topology.callsite import read_call_site
from kernel.topology.reader import Reader
from kernel.topology.tasks import within

if TYPE_CHECKING:
    from kernel.events.log import Log
    from kernel.threads import Threads

_CLOSE_SECONDS = 15.0


class Lifecycle:
    """Brings up and takes down the instances of a registry.

    ``controllers`` binds kinds to controllers of the embedding program. The lifecycle calls
    ``failed`` with a Service that ended by itself, and ``tell`` with what happens to an instance
    (``Initialized``, ``Started``, ``Stopped``) and the values that the instance publishes.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        controllers: Mapping[str, Any],
        bind: Bind,
        threads: Threads,
        log: Log,
        failed: Callable[[Instance, BaseException], None],
        tell: Callable[[Instance, str, Any], None],
    ) -> None:
        self._registry = registry
        self._controllers = controllers
        self._bind = bind
        self._threads = threads
        self._log = log
        self._failed = failed
        self._tell = tell
        self._outermost = Starting()
        self._services: dict[Instance, Service] = {}
        self._up: list[Instance] = []
        self._failures = 0
        """How many starts have failed."""

    async def bring_all_up(self, modules: Iterable[Module], root: Module) -> None:
        """Make the Providers and Services of all modules run, and everything else of ``root``.

        Raises :class:`ManifestError` with the faults of all of them, before any Service is
        started; :class:`InvalidState` where one could not be started, which names all of these,
        with the faults, and none that only needs one of them. A Provider whose failure may pass is
        left behind: a call that needs it starts it anew. A Service that only a ``start: manual``
        target names comes up when another resource needs it, or a caller names it.
        """
        begun = self._failures
        by_hand = _services_by_hand(self._registry, root)
        instances = [one for module in modules for one in self._registry.all(module)]
        faults: list[Fault] = []
        failures: dict[int, InvalidState] = {}
        for instance in start_order(instances):
            if faults and instance.definition.capability == "Service":
                break
            is_used = instance.scope.module is root and self._is_implemented(instance)
            if instance in by_hand or not (instance.is_shared or is_used):
                continue
            try:
                faults.extend(await self._bring_up_with_inner(instance, begun))
            except InvalidState as failure:
                failures[id(failure)] = failure
        if failures:
            raise _all_of([*failures.values()], faults)
        if faults:
            raise ManifestError(dict.fromkeys(faults))

    async def _bring_up_with_inner(self, instance: Instance, begun: int) -> list[Fault]:
        """Bring up an instance and the resources in place within it; the faults of all of them."""
        faults: list[Fault] = []
        waiting = [instance]
        while waiting:
            one = waiting.pop()
            try:
                await self._bring_up_after(begun, one)
            except ManifestError as error:
                faults.extend(error.faults)
            except NotStarted as error:
                if not error.may_pass or one.definition.capability == "Service":
                    raise
                if one.is_shared:
                    self._log.say("warning", f"{error}; a call that needs it starts it anew", {})
            else:
                waiting.extend(self._inner(one))
        return faults

    def _inner(self, instance: Instance) -> Iterator[Instance]:
        """The resources in place that the topology of an instance calls, not yet up."""
        if instance.topology is None:
            return
        scope = instance.home if instance.is_body else instance.scope
        for site in instance.topology.sites():
            if site.target.fields is not None:
                inner = self._registry.find(site.target, scope)
                if inner.state is State.CREATED and self._is_implemented(inner):
                    yield inner

    def _is_implemented(self, instance: Instance) -> bool:
        return is_implemented(instance.definition, self._controllers)

    async def bring_up(self, instance: Instance) -> None:
        """Make an instance run, and before it what its fields refer to.

        Raises :class:`ManifestError` for faults of its fields or its controller and for circles,
        :class:`NotStarted` for what its controller, or that of another which it needs, raises: then
        another call tries again. Whoever waited while a start failed gets that failure, too.
        """
        await self._bring_up_after(self._failures, instance)

    async def _bring_up_after(self, begun: int, instance: Instance) -> None:
        """Make it run; starts that have failed since so many had failed are not tried again."""
        outer = self._outermost.current()
        async with outer.lock:
            await self._bring_up(instance, outer, begun)

    async def _bring_up(self, instance: Instance, outer: Starting, begun: int) -> None:
        if instance.state in (State.RUNNING, State.STOPPED):
            return
        if instance.failure is not None:
            number, failure = instance.failure
            if number > begun or not isinstance(failure, NotStarted):
                raise failure.with_traceback(None)
        chain = [instance, *outer.chain()]
        if instance in chain[1:]:
            circle = " → ".join(one.address for one in reversed(chain))
            message = f"resources need each other to start: {circle}"
            raise ManifestError(
                [Fault("K203", message, instance.resource.span(("metadata", "name")))]
            )
        this = Starting(instance, outer)
        token = starting.set(this)
        try:
            await self._start(instance, this, begun)
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            instance.state = State.FAILED
            await self._close(instance)
            instance.controller = None
            if isinstance(error, asyncio.CancelledError):
                raise
            failure = self._failure(instance, error)
            self._failures += 1
            instance.failure = (self._failures, failure)
            if isinstance(failure, NotStarted):
                instance.scope.not_started[instance.resource.name] = failure
            if failure is error:
                raise
            raise failure from error
        finally:
            this.is_over = True
            starting.reset(token)
        instance.state = State.RUNNING
        instance.failure = None
        self._up.append(instance)

    def _failure(self, instance: Instance, error: BaseException) -> KernelError:
        if isinstance(error, KernelError) and not isinstance(
            error, (ControllerError, Thrown, Timeout)
        ):
            return error
        kind = "" if isinstance(error, KernelError) else f"{type(error).__name__}: "
        failure = NotStarted(
            f"{instance.address} could not be started: {kind}{self._log.text(error)}",
            code=code_of(error),
            data=data_of(error, self._log),
            retry_after=retry_after(error),
        )
        failure.may_pass = may_pass(error, declared_errors(instance.definition.errors or {}))
        return failure

    async def _start(self, instance: Instance, this: Starting, begun: int) -> None:
        preparation = self._registry.preparation(instance)
        for needed in preparation.needs():
            await self._bring_up(needed, this, begun)
            if needed.state is not State.RUNNING:
                raise InvalidState(f"{instance.address} needs {needed.address}, which is not up")
        plain = preparation.prepare(self._bind)
        instance.contract = with_safety(instance.contract, instance.definition, plain)
        if instance.is_topology:
            instance.topology = read_topology(instance)
        else:
            instance.controller = construct_controller(instance, self._controllers)
        if instance.is_topology or not instance.is_shared:
            self._tell(instance, "Initialized", None)
        elif instance.definition.capability == "Provider":
            await self._start_provider(instance)
        else:
            await self._start_service(instance)

    async def _start_provider(self, instance: Instance) -> None:
        instance.published = await self._provide(instance)
        self._tell(instance, "Initialized", instance.published)
        if instance.resource.name:
            instance.scope.resources[instance.resource.name] = instance.published
            instance.scope.not_started.pop(instance.resource.name, None)
            again = partial(self._provide, instance)
            instance.scope.providers[instance.resource.name] = again

    async def _start_service(self, instance: Instance) -> None:
        self._tell(instance, "Initialized", None)
        service = Service(instance, self._threads, self._log, self._failed)
        given = await service.start()
        try:
            instance.published = _by_contract(instance, given)
        except InvalidState:
            await service.stop()
            raise
        self._services[instance] = service
        self._tell(instance, "Started", instance.published)
        if instance.resource.name:
            instance.scope.resources[instance.resource.name] = instance.published

    async def _provide(self, instance: Instance) -> Mapping[str, Any]:
        provide = method(instance.controller, "provide")
        if provide is None:
            raise InvalidState(f"{instance.address} is a Provider without `provide`")
        if provide.asynchronous:
            published = await provide.function()
        else:
            published = await self._threads.run(provide.function)
        return _by_contract(instance, published)

    async def take_down(self) -> None:
        """Stop and close everything, the last one up first. Failures are reported, not raised.

        A cancellation cuts short what is being stopped, and is raised when everything is down.
        """
        cancelled: asyncio.CancelledError | None = None
        while self._up:
            instance = self._up.pop()
            instance.state = State.STOPPED
            for stop in (self._stop, self._close):
                try:
                    await stop(instance)
                except asyncio.CancelledError as error:
                    cancelled = error
        if cancelled is not None:
            raise cancelled

    async def _stop(self, instance: Instance) -> None:
        service = self._services.pop(instance, None)
        if service is not None:
            try:
                await service.stop()
            finally:
                self._tell(instance, "Stopped", None)

    async def _close(self, instance: Instance) -> None:
        close = getattr(instance.controller, "close", None)
        if close is None or not callable(close) or inspect.isclass(instance.controller):
            return
        work = close() if inspect.iscoroutinefunction(close) else self._threads.run(close)
        try:
            await within(_CLOSE_SECONDS, without_exit(instance, work))
        except Exception as error:
            said = self._log.text(error)
            self._log.say("warning", f"closing {instance.address} failed: {said}", {})


def _services_by_hand(registry: Registry, root: Module) -> set[Instance]:
    """The Services that are named by targets of a module, all of which say ``start: manual``."""
    named: dict[bool, set[Instance]] = {True: set(), False: set()}
    for target in root.targets or ():
        site = read_call_site(Reader(target.document), target.data, target.path)
        if site is not None:
            named[target.is_manual].add(registry.find(site.target, registry.scope(root)))
    only = named[True] - named[False]
    return {one for one in only if one.definition.capability == "Service"}


def _all_of(failures: list[InvalidState], faults: list[Fault]) -> InvalidState:
    """The failure of a start, or one that names all failures, and the faults beside them."""
    first, said = failures[0], "; ".join(str(one) for one in failures)
    more = [str(one) for one in dict.fromkeys(faults) if one.message not in said]
    if len(failures) == 1 and not more:
        return first
    failure = NotStarted("; ".join((said, *more)), code=first.code)
    failure.__cause__ = first
    failure.may_pass = all(isinstance(one, NotStarted) and one.may_pass for one in failures)
    return failure


def _by_contract(instance: Instance, given: Any) -> Mapping[str, Any]:
    """The fields that a Provider or a Service publishes, which keep what its definition says."""
    if given is not None and not isinstance(given, Mapping):
        raise InvalidState(f"what {instance.address} published is no mapping of fields")
    schema, published = instance.contract.outputs, dict(given or {})
    if schema is None:
        return published
    try:
        try:
            found: Mapping[str, Any] = schema.conform(published)
        except SchemaError as refused:
            found = again_in_json(published, schema.conform, refused)
    except SchemaError as error:
        problems = "; ".join(map(str, error.problems))
        message = f"what {instance.address} published breaks {error.breaks}: {problems}"
        raise InvalidState(message) from None
    return found

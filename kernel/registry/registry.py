"""Kind → definition → controller: finds resources, brings them up, takes them down."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel.errors import Fault, InvalidState, KernelError, ManifestError, NotFound, UsageError
from kernel.manifest import Resource, find_kind, find_resource, schemas_of
from kernel.registry.contract import contract_of, with_safety
from kernel.registry.controllers import construct, import_attribute, method
from kernel.registry.instances import Instance, State
from kernel.registry.prepare import Preparation
from kernel.registry.scope import ModuleScope
from kernel.registry.services import Service
from kernel.registry.starting import Starting, starting
from kernel.schema import Schema, compile_schema
from kernel.topology.callsite import CallSite, Target
from kernel.topology.engines import ENGINES
from kernel.topology.fields import open_schema
from kernel.topology.reader import Reader
from kernel.topology.roles import body_of, roles_of
from kernel.topology.tasks import within

if TYPE_CHECKING:
    from kernel.events.log import Log
    from kernel.invocation.threads import Threads
    from kernel.manifest import Definition, Module

_CLOSE_SECONDS = 15.0

Bind = Callable[[CallSite, Mapping[str, Any], ModuleScope, bool, bool], Any]
"""Makes what a controller gets for a call site: the site, the node's other fields, the scope, and
whether the values that it is invoked with are its inputs (a reference) or CEL variables."""


_METHODS = {"Invocable": "invoke", "Runnable": "run", "Service": "start", "Provider": "provide"}
"""What the kernel calls of a controller, by capability."""


class Registry:
    """The instances of a manifest's resources.

    ``controllers`` binds kinds to controllers of the embedding program. ``failed`` is told of a
    Service that ended by itself; ``tell`` of what happens to an instance (``Initialized``,
    ``Started``, ``Stopped``), with what is to be told.
    """

    def __init__(
        self,
        scopes: Mapping[int, ModuleScope],
        *,
        controllers: Mapping[str, Any],
        bind: Bind,
        threads: Threads,
        log: Log,
        failed: Callable[[Instance, BaseException], None],
        tell: Callable[[Instance, str, Any], None],
    ) -> None:
        self._scopes = dict(scopes)
        self._open_schemas: dict[int, Schema] = {}
        self._controllers = controllers
        self._bind = bind
        self._threads = threads
        self._log = log
        self._failed = failed
        self._tell = tell
        self._instances: dict[int, Instance] = {}
        self._in_place: dict[tuple[int, tuple[str | int, ...]], Instance] = {}
        self._refers: dict[Instance, frozenset[Instance]] = {}
        self._outermost = Starting()
        self._services: dict[Instance, Service] = {}
        self._up: list[Instance] = []

    def scope(self, module: Module) -> ModuleScope:
        """The scope of a module of the manifest, or of the library, which declares no values."""
        known = self._scopes.get(id(module))
        if known is None:
            known = self._scopes[id(module)] = ModuleScope(module, {}, {})
        return known

    def open_schema(self, definition: Definition, home: Module) -> Schema | None:
        """The schema of a kind's fields, with the nodes open that are not plain values."""
        if definition.schema is None:
            return None
        known = self._open_schemas.get(id(definition))
        if known is None:
            known = compile_schema(open_schema(definition.schema), schemas_of(home))
            self._open_schemas[id(definition)] = known
        return known

    def find(self, target: Target, scope: ModuleScope) -> Instance:
        """The instance that a reference names, or of the resource that stands in its place.

        Raises :class:`NotFound`.
        """
        if target.fields is not None:
            return self._find_in_place(target, target.fields, scope)
        found = find_resource(scope.module, target.kind, target.name or "")
        if found is None:
            raise NotFound(f"there is no resource `{target}` in module {scope.module.name}")
        resource, module = found
        instance = self.instance(resource, module)
        wanted, _ = self._definition(scope.module, target.kind)
        if wanted is not instance.definition:
            raise NotFound(
                f"`{resource.name}` is a {resource.kind}, but the reference says {target.kind}"
            )
        return instance

    def _find_in_place(
        self, target: Target, fields: Mapping[str, Any], scope: ModuleScope
    ) -> Instance:
        if target.document is None:
            raise NotFound(
                f"a call from outside of a manifest names a resource, not a {target.kind}"
            )
        key = (id(target.document), target.path)
        known = self._in_place.get(key)
        if known is None:
            resource = Resource(
                kind=target.kind,
                name=target.name or "",
                fields=fields,
                document=target.document,
                module=scope.module.name,
                path=target.path,
            )
            known = self._in_place[key] = self._create(resource, scope.module)
        return known

    def instance(self, resource: Resource, module: Module) -> Instance:
        """The instance of a resource of a module."""
        known = self._instances.get(id(resource))
        if known is None:
            known = self._instances[id(resource)] = self._create(resource, module)
        return known

    def in_place(self, address: str) -> list[Instance]:
        """The instances of resources that stand in place, of those brought up, at an address."""
        return [one for one in self._in_place.values() if one.address == address]

    def all(self, module: Module) -> Iterator[Instance]:
        """The instances of all resources of a module, in reading order."""
        for resource in module.resources.values():
            yield self.instance(resource, module)

    def _definition(self, module: Module, kind: str) -> tuple[Definition, Module]:
        """The definition that a module means by a kind, and the module that it stands in."""
        found = find_kind(module, kind)
        if found is None:
            raise NotFound(f"there is no kind `{kind}`")
        return found

    def _create(self, resource: Resource, module: Module) -> Instance:
        definition, home = self._definition(module, resource.kind)
        return Instance(
            resource=resource,
            definition=definition,
            scope=self.scope(module),
            home=self.scope(home),
            contract=contract_of(definition, resource, home, module),
            bring_up=self.bring_up,
            refers=self.refers,
            is_topology=self._is_topology(definition),
        )

    def refers(self, instance: Instance) -> frozenset[Instance]:
        """The Providers and Services that the fields of an instance refer to, up or not."""
        known = self._refers.get(instance)
        if known is None:
            try:
                known = frozenset(Preparation(instance, self).refers())
            except KernelError:
                known = frozenset()  # it cannot be brought up either
            self._refers[instance] = known
        return known

    # Life

    async def bring_all_up(self, modules: Iterable[Module], root: Module) -> None:
        """Make the Providers and Services of all modules run, and everything else of ``root``.

        Raises :class:`ManifestError` with the faults of all of them, before any Service is
        started; then :class:`InvalidState` for one that cannot be started.
        """
        instances = [instance for module in modules for instance in self.all(module)]
        faults: list[Fault] = []
        for instance in sorted(instances, key=_order):
            capability = instance.definition.capability
            if faults and capability == "Service":
                break
            if capability not in ("Provider", "Service") and (
                instance.scope.module is not root or not self._is_implemented(instance)
            ):
                continue
            faults.extend(await self._bring_up_with_inner(instance))
        if faults:
            raise ManifestError(dict.fromkeys(faults))

    async def _bring_up_with_inner(self, instance: Instance) -> list[Fault]:
        """Bring up an instance and the resources in place within it; what is wrong with them."""
        faults: list[Fault] = []
        waiting = [instance]
        while waiting:
            one = waiting.pop()
            try:
                await self.bring_up(one)
            except ManifestError as error:
                faults.extend(error.faults)
            else:
                waiting.extend(self._in_place_of(one))
        return faults

    def _in_place_of(self, instance: Instance) -> Iterator[Instance]:
        """The resources in place that the topology of an instance calls, not yet up."""
        if instance.topology is None:
            return
        scope = instance.home if instance.is_body else instance.scope
        for site in instance.topology.sites():
            if site.target.fields is not None:
                inner = self.find(site.target, scope)
                if inner.state is State.CREATED and self._is_implemented(inner):
                    yield inner

    def _is_implemented(self, instance: Instance) -> bool:
        definition = instance.definition
        return definition.kind in self._controllers or bool(
            definition.controller or definition.topology or definition.body
        )

    async def bring_up(self, instance: Instance) -> None:
        """Make an instance run, and what it refers to before it. Once; a failure is final.

        Raises :class:`ManifestError` for what is wrong with its fields or its controller and for
        circles, :class:`InvalidState` for whatever the controller raises.
        """
        outer = self._outermost.current()
        async with outer.lock:
            await self._bring_up(instance, outer)

    async def _bring_up(self, instance: Instance, outer: Starting) -> None:
        if instance.state is not State.CREATED:
            return
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
            await self._start(instance, this)
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            instance.state = State.FAILED
            await self._close(instance)
            if isinstance(error, (KernelError, asyncio.CancelledError)):
                raise
            said = f"{type(error).__name__}: {self._log.text(error)}"
            raise InvalidState(f"{instance.address} could not be started: {said}") from error
        finally:
            this.is_over = True
            starting.reset(token)
        instance.state = State.RUNNING
        self._up.append(instance)

    async def _start(self, instance: Instance, this: Starting) -> None:
        definition = instance.definition
        preparation = Preparation(instance, self)
        for needed in preparation.needs():
            await self._bring_up(needed, this)
            if needed.state is not State.RUNNING:
                raise InvalidState(f"{instance.address} needs {needed.address}, which is not up")
        instance.fields = preparation.fields(self._bind)
        instance.contract = with_safety(instance.contract, definition, preparation.plain)
        instance.holds_call_sites = preparation.holds_call_sites
        instance.has_deferred = preparation.has_deferred
        if instance.is_topology:
            instance.topology = read_topology(instance)
            self._tell(instance, "Initialized", None)
            return
        instance.controller = self._construct(instance)
        match definition.capability:
            case "Provider":
                instance.published = await self._provide(instance)
                self._tell(instance, "Initialized", instance.published)
            case "Service":
                self._tell(instance, "Initialized", None)
                service = Service(instance, self._threads, self._log, self._failed)
                instance.published = await service.start()
                self._services[instance] = service
                self._tell(instance, "Started", instance.published)
            case _:
                self._tell(instance, "Initialized", None)
        if definition.capability in ("Provider", "Service") and instance.resource.name:
            instance.scope.resources[instance.resource.name] = instance.published
            if definition.capability == "Provider":
                again = partial(self._provide, instance)
                instance.scope.providers[instance.resource.name] = again

    def _is_topology(self, definition: Definition) -> bool:
        if definition.kind in self._controllers or definition.controller is not None:
            return False
        return definition.topology is not None or definition.body is not None

    def _construct(self, instance: Instance) -> Any:
        definition = instance.definition
        bound = self._controllers.get(definition.kind)
        if bound is not None:
            return construct(bound, instance.fields, instance.scope.module.folder)
        if definition.controller is None:
            raise InvalidState(
                f"{definition.kind} is a contract without a controller; an embedding program "
                "binds one: Kernel(…, controllers={kind: controller})"
            )
        reference = str(definition.controller.get("python", ""))
        try:
            attribute = import_attribute(reference, _folder(instance))
        except UsageError as error:
            raise _wrong_controller(definition, str(error)) from error
        controller = construct(attribute, instance.fields, instance.scope.module.folder)
        needed = _METHODS[definition.capability]
        if method(controller, needed) is None:
            message = f"the controller of a {definition.capability} has `{needed}`; this has none"
            raise _wrong_controller(definition, message)
        return controller

    async def _provide(self, instance: Instance) -> Mapping[str, Any]:
        provide = method(instance.controller, "provide")
        if provide is None:
            raise InvalidState(f"{instance.address} is a Provider without `provide`")
        if provide.asynchronous:
            published = await provide.function()
        else:
            published = await self._threads.run(provide.function)
        if published is None:
            return {}
        if not isinstance(published, Mapping):
            raise InvalidState(f"`provide` of {instance.address} gave no mapping of fields")
        return dict(published)

    async def take_down(self) -> None:
        """Stop and close everything, the last one up first. Failures are reported, not raised."""
        while self._up:
            instance = self._up.pop()
            instance.state = State.STOPPED
            service = self._services.pop(instance, None)
            if service is not None:
                await service.stop()
                self._tell(instance, "Stopped", None)
            await self._close(instance)

    async def _close(self, instance: Instance) -> None:
        close = getattr(instance.controller, "close", None)
        if close is None or not callable(close) or inspect.isclass(instance.controller):
            return
        work = close() if inspect.iscoroutinefunction(close) else self._threads.run(close)
        try:
            await within(_CLOSE_SECONDS, work)
        except Exception as error:
            said = self._log.text(error)
            self._log.say("warning", f"closing {instance.address} failed: {said}", {})


def _wrong_controller(definition: Definition, message: str) -> ManifestError:
    path = ("controller", "python")
    return ManifestError([Fault("K209", message, definition.document.span(path), None, path)])


def _order(instance: Instance) -> int:
    """Providers first, for their values; Services last, for what they serve must be there."""
    return {"Provider": 0, "Service": 2}.get(instance.definition.capability, 1)


def read_topology(instance: Instance) -> Any:
    """The topology of an instance, read from its fields or its kind's body.

    Raises :class:`ManifestError` with all that is wrong with it.
    """
    definition = instance.definition
    if definition.body is None:
        document, prefix = instance.resource.document, instance.resource.path
        name = definition.topology or ""
        roles = roles_of(definition, instance.resource.fields, prefix)
    else:
        document = definition.document
        instance.is_body = True
        name, roles = body_of(definition)
    engine = ENGINES.get(name)
    if engine is None:
        known = ", ".join(sorted(ENGINES))
        message = f"there is no engine `{name}`; there is: {known}"
        raise ManifestError([Fault("K209", message, document.span())])
    reader = Reader(document)
    topology = engine(reader, roles)
    if reader.faults:
        raise ManifestError(reader.faults)
    return topology


def _folder(instance: Instance) -> Path | None:
    """Where a definition's own Python modules are looked for, besides the installed packages."""
    return instance.home.module.folder

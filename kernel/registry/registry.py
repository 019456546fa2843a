"""Kind → definition → instance: finds the instances of a manifest's resources."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from kernel.errors import KernelError, NotFound, Path
from kernel.manifest import Definition, Module, Resource, find_kind, find_resource, schemas_of
from kernel.registry.contract import contract_of
from kernel.registry.implementations import is_topology
from kernel.registry.instances import Instance
from kernel.registry.preparation import Preparation
from kernel.registry.scope import ModuleScope
from kernel.schema import Schema, compile_schema
from kernel.topology.callsite import Target
from kernel.topology.fields import open_schema


class Registry:
    """The instances of a manifest's resources, each made when a caller first asks for it.

    ``controllers`` binds kinds to controllers of the embedding program. An instance is brought up
    by ``bring_up`` (:class:`kernel.registry.lifecycle.Lifecycle`).
    """

    def __init__(
        self,
        scopes: Mapping[int, ModuleScope],
        *,
        controllers: Mapping[str, Any],
        bring_up: Callable[[Instance], Awaitable[None]],
    ) -> None:
        self._controllers = controllers
        self._bring_up = bring_up
        # By the identity of a module, a definition and a resource.
        self._scopes = dict(scopes)
        self._open_schemas: dict[int, Schema] = {}
        self._instances: dict[int, Instance] = {}
        # By the identity of the document and the path in it.
        self._in_place: dict[tuple[int, Path], Instance] = {}
        self._refers: dict[Instance, frozenset[Instance]] = {}

    def scope(self, module: Module) -> ModuleScope:
        """The scope of a module of the manifest, or of the library, which declares no values."""
        known = self._scopes.get(id(module))
        if known is None:
            known = self._scopes[id(module)] = ModuleScope(module, {}, {})
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
        wanted, _ = _definition(scope.module, target.kind)
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
            kind, name, module = target.kind, target.name or "", scope.module.name
            resource = Resource(kind, name, fields, target.document, module, target.path)
            known = self._in_place[key] = self._create(resource, scope.module)
        return known

    def instance(self, resource: Resource, module: Module) -> Instance:
        """The instance of a resource of a module."""
        known = self._instances.get(id(resource))
        if known is None:
            known = self._instances[id(resource)] = self._create(resource, module)
        return known

    def in_place(self, address: str) -> list[Instance]:
        """The known instances at an address whose resources stand in the place of a reference."""
        return [instance for instance in self._in_place.values() if instance.address == address]

    def all(self, module: Module) -> Iterator[Instance]:
        """The instances of all resources of a module, in reading order."""
        for resource in module.resources.values():
            yield self.instance(resource, module)

    def _create(self, resource: Resource, module: Module) -> Instance:
        definition, home = _definition(module, resource.kind)
        return Instance(
            resource=resource,
            definition=definition,
            scope=self.scope(module),
            home=self.scope(home),
            contract=contract_of(definition, resource, home, module),
            bring_up=self._bring_up,
            refers=self._refers_to,
            is_topology=is_topology(definition, self._controllers),
        )

    def _refers_to(self, instance: Instance) -> frozenset[Instance]:
        known = self._refers.get(instance)
        if known is None:
            try:
                known = frozenset(self.preparation(instance).needs(in_cel=False))
            except KernelError:
                known = frozenset()  # the instance cannot be brought up either
            self._refers[instance] = known
        return known

    def preparation(self, instance: Instance) -> Preparation:
        """What makes the fields of an instance ready for its controller."""
        return Preparation(
            instance, instance_of=self.instance, find=self.find, open_schema=self._open_schema
        )

    def _open_schema(self, definition: Definition, home: Module) -> Schema | None:
        if definition.schema is None:
            return None
        known = self._open_schemas.get(id(definition))
        if known is None:
            known = compile_schema(open_schema(definition.schema), schemas_of(home))
            self._open_schemas[id(definition)] = known
        return known


def _definition(module: Module, kind: str) -> tuple[Definition, Module]:
    """The definition that a module means by a kind, and the module of the definition."""
    found = find_kind(module, kind)
    if found is None:
        raise NotFound(f"there is no kind `{kind}`")
    return found

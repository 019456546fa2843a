"""Makes a resource's fields ready for its controller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from kernel.cel import CelError, compile_template, in_json, parse_template
from kernel.errors import Fault, ManifestError, Path
from kernel.manifest import Definition, Document, Module, Resource
from kernel.manifest.common_fields import own_fields
from kernel.registry.instances import Instance
from kernel.registry.scope import ModuleScope
from kernel.schema import Schema, SchemaError
from kernel.schema.keywords import traits
from kernel.schema.places import inside, spread
from kernel.topology.callsite import CallSite, Target, read_call_site, read_target, resources_in
from kernel.topology.fields import Context, Deferred, Hooks, prepare, variables
from kernel.topology.reader import Reader


class Bind(Protocol):
    """Makes what a controller gets for a call site; ``fields`` are the others of its node.

    ``takes_inputs``: the values that the controller calls with are the inputs, not CEL variables;
    ``is_atomic``: the call takes effect with the call around it, or not at all.
    """

    def __call__(
        self,
        site: CallSite,
        fields: Mapping[str, Any],
        scope: ModuleScope,
        document: Document | None,
        *,
        takes_inputs: bool = False,
        is_atomic: bool = False,
    ) -> Any: ...


class Preparation:
    """The fields of one instance, on their way to its controller.

    First :meth:`needs` says which other instances must be up; then :meth:`prepare` evaluates,
    applies defaults, validates, and puts controllers and call sites in the place of references.
    ``instance_of`` gives the instance of a resource, ``find`` that of a reference, ``open_schema``
    the schema of a kind's fields that accepts anything where a field is no plain value.
    """

    def __init__(
        self,
        instance: Instance,
        *,
        instance_of: Callable[[Resource, Module], Instance],
        find: Callable[[Target, ModuleScope], Instance],
        open_schema: Callable[[Definition, Module], Schema | None],
    ) -> None:
        self._instance = instance
        self._instance_of = instance_of
        self._find = find
        self._open_schema = open_schema
        self._resource = instance.resource
        self._fields = own_fields(instance.definition, instance.resource.fields)
        self._schema: Mapping[str, Any] = instance.definition.schema or {}

    def needs(self, *, in_cel: bool = True) -> list[Instance]:
        """The Providers and Services that the fields refer to, by reference or ``in_cel`` as well.

        They come in reading order.
        """
        found: dict[Instance, None] = {}
        module = self._instance.scope.module

        def refer(value: Any, _: str, path: Path) -> Any:
            needed = self._find(self._target(value, path), self._instance.scope)
            if needed.is_shared:
                found[needed] = None
            return value

        def evaluate(value: str, _: Path) -> Any:
            for name in resources_in(parse_template(value)) if in_cel else ():
                resource = module.resources.get(name)
                if resource is not None and resource is not self._resource:
                    found[self._instance_of(resource, module)] = None
            return value

        prepare(self._schema, self._fields, Hooks(evaluate=evaluate, refer=refer))
        return list(found)

    def _target(self, value: Any, path: Path) -> Target:
        reader = Reader(self._resource.document)
        target = read_target(reader, value, (*self._resource.path, *path))
        if target is None:
            raise ManifestError(reader.faults)
        return target

    def prepare(self, bind: Bind) -> Mapping[str, Any]:
        """Give the instance its fields, and return their plain values.

        Raises :class:`ManifestError` with all that is wrong with the fields.
        """
        plain: Mapping[str, Any] = self._conformed(self._evaluated())
        hooks = Hooks(
            defer=lambda value, path, context: self._defer(self._written(path, value), context),
            refer=lambda value, _, path: self._refer(self._written(path, value), path, bind),
            call=lambda value, own, path, _: self._call(
                self._written(path, value), own, path, bind
            ),
            role=lambda value, path: self._written(path, value),
        )
        self._instance.fields = prepare(self._schema, plain, hooks)
        return plain

    def _evaluated(self) -> Any:
        """The plain values, with null for all others, which the schema says nothing about."""
        faults: list[Fault] = []

        def evaluate(value: Any, path: Path) -> Any:
            try:
                return compile_template(value).evaluate(self._instance.scope.bindings)
            except CelError as error:
                faults.append(self._fault("K301", str(error), path, (error.offset, error.end)))
                return None

        hooks = Hooks(
            evaluate=evaluate,
            defer=lambda _, __, ___: None,
            refer=lambda _, __, ___: None,
            call=lambda _, own, __, ___: own,
            role=lambda _, __: None,
        )
        values = prepare(self._schema, self._fields, hooks)
        if faults:
            raise ManifestError(faults)
        return values

    def _written(self, path: Path, default: Any) -> Any:
        """What the manifest writes at ``path``; ``default`` where it writes nothing."""
        value: Any = self._resource.fields
        for step in path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return default
        return value

    def _conformed(self, values: Any) -> Any:
        schema = self._open_schema(self._instance.definition, self._instance.home.module)
        if schema is None:
            return values
        try:
            return in_json(values, schema.conform)
        except SchemaError as error:
            raise ManifestError(
                self._fault("K007", problem.message, problem.path) for problem in error.problems
            ) from None

    def _fault(
        self, code: str, message: str, path: Path, part: tuple[int, int] | None = None
    ) -> Fault:
        place = (*self._resource.path, *path)
        document = self._resource.document
        span = document.span(place) if part is None else document.scalar_span(place, *part)
        return Fault(code, message, span, None, place)

    def _defer(self, value: Any, context: Context) -> Deferred:
        self._instance.has_deferred = True
        needs = frozenset(variables(context))
        return Deferred(compile_template(value), self._instance.scope.bindings, needs)

    def _refer(self, value: Any, path: Path, bind: Bind) -> Any:
        target = self._target(value, path)
        scope = self._instance.scope
        needed = self._find(target, scope)
        if needed.is_shared:
            return needed.controller
        site = CallSite(
            target, (*self._resource.path, *path), inputs=compile_template("${{ inputs }}")
        )
        self._instance.holds_call_sites = True
        return bind(site, {}, scope, target.document, takes_inputs=True)

    def _call(
        self, value: Mapping[str, Any], own: Mapping[str, Any], path: Path, bind: Bind
    ) -> Any:
        reader = Reader(self._resource.document)
        site = read_call_site(reader, value, (*self._resource.path, *path))
        if site is None or reader.faults:
            raise ManifestError(reader.faults)
        self._instance.holds_call_sites = True
        scope, document = self._instance.scope, site.target.document
        return bind(site, own, scope, document, is_atomic=self._is_atomic(path))

    def _is_atomic(self, path: Path) -> bool:
        """Whether the schema says that the call takes effect with the one around it."""
        nodes = spread([self._schema], self._schema)
        for step in path:
            nodes = spread(inside(nodes, step), self._schema)
        return any(traits(node).atomic for node in nodes)

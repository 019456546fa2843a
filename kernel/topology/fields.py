"""A resource's fields on their way to its controller (language.md, schema keywords).

What a field becomes is declared on its schema node: ``x-kernel-eval: load`` is evaluated now,
``x-kernel-eval: call`` becomes a :class:`Deferred`, ``x-kernel-ref`` and ``x-kernel-call`` are
given to the hooks, ``x-kernel-role`` stays as it is written, for the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kernel.cel import Template, in_json
from kernel.errors import Path
from kernel.schema import check_json, keywords
from kernel.schema.bundle import local
from kernel.structs import field, struct
from kernel.topology.callsite import FIELDS as CALL_FIELDS

Schema = Mapping[str, Any] | bool
Context = Mapping[str, Any] | None
"""``x-kernel-context``: a schema whose properties are CEL variables, or these by name."""


@struct
class Deferred:
    """A field that is evaluated for each call: ``deferred.evaluate({"result": …})``."""

    template: Template
    bindings: Mapping[str, Any] = field(repr=False)
    needs: frozenset[str] = frozenset()

    def evaluate(self, bindings: Mapping[str, Any] | None = None) -> Any:
        """The value as JSON, with ``bindings`` in scope besides the module's own variables.

        Raises :class:`kernel.cel.CelError`, and :class:`kernel.schema.SchemaError` for a value that
        has no JSON form.
        """
        return in_json(self.template.evaluate({**self.bindings, **(bindings or {})}), check_json)


def _keep(value: Any, *_: Any) -> Any:
    return value


@struct
class Hooks:
    """What happens to the nodes that are not plain values; each gets the value and its path.

    ``defer`` and ``call`` also get the ``x-kernel-context`` of their node, or None; ``call`` gets
    the prepared fields that are the kind's own, besides those of every call site. A node without
    a hook keeps its value.
    """

    evaluate: Callable[[Any, Path], Any] = _keep
    defer: Callable[[Any, Path, Context], Any] = _keep
    refer: Callable[[Any, str, Path], Any] = _keep
    call: Callable[[Mapping[str, Any], Mapping[str, Any], Path, Context], Any] = _keep
    role: Callable[[Any, Path], Any] = _keep


def prepare(schema: Schema, fields: Mapping[str, Any], hooks: Hooks, path: Path = ()) -> Any:
    """The fields with every special node replaced by what the hooks make of it."""
    return _Preparation(schema, hooks).node(schema, fields, path, False)


@struct
class _Preparation:
    root: Schema
    hooks: Hooks

    def node(self, schema: Any, value: Any, path: Path, evaluated: bool) -> Any:
        if schema is True and not evaluated:
            return value  # nothing is declared here, nor below
        node = local(schema, self.root)
        traits = keywords.traits(node)
        context = local(traits.context, self.root)
        if traits.role is not None:
            return self.hooks.role(value, path)
        if traits.call and isinstance(value, Mapping):
            own = {key: item for key, item in value.items() if key not in CALL_FIELDS}
            prepared = self._children(node, own, path, evaluated)
            return self.hooks.call(value, prepared, path, context)
        if traits.ref is not None:
            return self.hooks.refer(value, traits.ref, path)
        if traits.eval == "call":
            return self.hooks.defer(value, path, context)
        return self._children(node, value, path, evaluated or traits.eval == "load")

    def _children(self, node: Any, value: Any, path: Path, evaluated: bool) -> Any:
        if isinstance(value, Mapping):
            return {
                key: self.node(self._property(node, key), item, (*path, key), evaluated)
                for key, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [
                self.node(self._item(node, number), item, (*path, number), evaluated)
                for number, item in enumerate(value)
            ]
        if evaluated and isinstance(value, str):
            return self.hooks.evaluate(value, path)
        return value

    def _property(self, node: Any, name: Any) -> Any:
        for one in self._alternatives(node):
            properties = one.get("properties")
            found = properties.get(name) if isinstance(properties, Mapping) else None
            if found is not None:
                return found
        for one in self._alternatives(node):
            rest = one.get("additionalProperties")
            if isinstance(rest, Mapping):
                return rest
        return True

    def _item(self, node: Any, number: int) -> Any:
        for one in self._alternatives(node):
            prefix = one.get("prefixItems", ())
            if isinstance(prefix, list) and number < len(prefix):
                return prefix[number]
            if "items" in one:
                return one["items"]
        return True

    def _alternatives(self, node: Any) -> Iterator[Mapping[str, Any]]:
        """The node itself, and the parts and branches that it is made of."""
        if not isinstance(node, Mapping):
            return
        yield node
        for keyword in ("allOf", "anyOf", "oneOf"):
            parts = node.get(keyword, ())
            for part in parts if isinstance(parts, list) else ():
                found = local(part, self.root)
                if isinstance(found, Mapping):
                    yield found


def variables(context: Context) -> Mapping[str, Any]:
    """The CEL variables that ``x-kernel-context`` brings into scope, with their schemas."""
    properties = context.get("properties", context) if isinstance(context, Mapping) else {}
    return properties if isinstance(properties, Mapping) else {}


def open_schema(schema: Any) -> Any:
    """``schema`` with the special nodes open, so that what stands there for now is no fault.

    Their defaults stay. A call site's node keeps the schemas of its own fields.
    """
    if not isinstance(schema, Mapping):
        return schema
    traits = keywords.traits(schema)
    if traits.role or traits.ref or traits.eval == "call":
        return {"default": schema["default"]} if "default" in schema else {}
    opened = keywords.rebuilt(schema, lambda _, child: open_schema(child))
    if traits.call:
        for closed in ("additionalProperties", "unevaluatedProperties"):
            opened.pop(closed, None)
    return opened

"""Stage 3, expand: evaluate the CEL of the call site, once, to plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kernel.cel import CelError
from kernel.errors import ExpressionError, Path, ValidationError
from kernel.invocation.invocation import Invocation, Plan, Stage
from kernel.invocation.values import copied
from kernel.journal.errors import Refused
from kernel.journal.values import checked_key
from kernel.topology.callsite import CallSite
from kernel.topology.context import type_name


def prepare(plan: Plan) -> Stage:
    """Chosen by what the call site writes: nothing, constants, expressions, a key."""
    expand = _expand_inputs(plan.site)
    return expand if plan.site.idempotency_key is None else _with_key(plan.site, expand)


def _expand_inputs(site: CallSite) -> Callable[[Invocation], None]:
    inputs, constants = site.inputs, _constants(site)
    if inputs is None:
        return _nothing
    reads_invocation = "invocation" in site.names

    def expand(invocation: Invocation) -> None:
        bindings = invocation.context.bindings
        if reads_invocation:
            bindings = {**bindings, "invocation": invocation.to_cel()}
        try:
            values = inputs.evaluate(bindings)
        except CelError as error:
            raise invocation.context.failed_expression(error, (*site.path, "inputs")) from None
        if type(values) is not dict:
            found = type_name(values)
            raise ValidationError(f"`inputs` is a map of values, but its value is {found}")
        invocation.inputs = _with_copies(constants, values) if constants else values

    return expand


def _nothing(invocation: Invocation) -> None:
    invocation.inputs = {}


def _with_key(site: CallSite, expand: Callable[[Invocation], None]) -> Stage:
    key = site.idempotency_key
    assert key is not None

    def expand_key_and_inputs(invocation: Invocation) -> None:
        context = invocation.context
        try:
            found = key.evaluate({**context.bindings, "invocation": _passed_on(invocation)})
        except CelError as error:
            raise context.failed_expression(error, (*site.path, "idempotencyKey")) from None
        invocation.idempotency_key = _key(found)
        expand(invocation)

    return expand_key_and_inputs


def _passed_on(invocation: Invocation) -> dict[str, Any]:
    """The variable ``invocation`` for a key: in a body it has the key of the outer call."""
    own, served = invocation.to_cel(), invocation.context.served
    return own if served is None else {**own, "idempotencyKey": served.idempotency_key}


def _key(value: Any) -> str:
    if isinstance(value, str) and value:
        try:
            checked_key(value)
        except Refused as refused:
            raise ValidationError(str(refused)) from None
        return value
    found = "empty" if value == "" else type_name(value)
    raise ExpressionError(
        f"`idempotencyKey` is a string that is not empty, but its value is {found}"
    )


def _constants(site: CallSite) -> tuple[Path, ...]:
    """Where maps and lists without CEL stand in the inputs of a manifest: each call gets copies.

    Every evaluation of a template gives the same ones, and a controller may change its inputs.
    """
    if site.inputs is None or site.target.document is None:
        return ()
    tree = site.inputs.tree
    above = {path[:length] for path in tree.scalars for length in range(len(path) + 1)}
    return tuple(_outside(above, tree.structure, ()))


def _outside(above: set[Path], value: Any, path: Path) -> Iterator[Path]:
    if not isinstance(value, (dict, list)):
        return
    if path not in above:
        yield path
        return
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _outside(above, item, (*path, key))


def _with_copies(constants: tuple[Path, ...], values: Any) -> Any:
    for path in constants:
        if not path:
            return copied(values)
        holder = values
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = copied(holder[path[-1]])
    return values

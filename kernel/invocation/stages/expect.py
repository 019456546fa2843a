"""``expect``: what a call site expects of the world is looked at just before the effect.

A Provider publishes its values once, when it comes up. Those that ``expect`` names are asked for
again here, so that a change since then is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kernel.cel import CelError, Template, compile, to_json, walk
from kernel.cel.tree import Ident, Select
from kernel.errors import StateDrift
from kernel.invocation.invocation import Invocation
from kernel.schema import SchemaError
from kernel.topology.callsite import names_in, resources_in
from kernel.topology.context import type_name


async def expect(invocation: Invocation) -> None:
    """Raise :class:`StateDrift` where a condition does not hold."""
    plan, context = invocation.plan, invocation.context
    site = plan.site
    bindings = await _live(invocation)
    for number, condition in enumerate(site.expect):
        path = (*site.path, "expect", number)
        try:
            holds = condition.evaluate(bindings)
        except CelError as error:
            raise context.failed_expression(error, path) from None
        if holds is not True:
            found = "false" if holds is False else type_name(holds)
            said = " ".join(str(condition.tree.structure).split())
            raise StateDrift(
                f"{plan.instance.address} was not called: it expects {said}, which is {found}",
                span=None if context.document is None else context.document.span(path),
            )


async def looked_at(invocation: Invocation) -> dict[str, Any]:
    """The values that ``expect`` looks at, by how it writes them: ``resources.Account.balance``."""
    found: dict[str, Any] = {}
    bindings = await _live(invocation)
    for condition in invocation.plan.site.expect:
        for text in dict.fromkeys(_selections(condition)):
            try:
                found[text] = to_json(compile(text).evaluate(bindings))
            except (CelError, SchemaError):
                found[text] = None
    return found


async def _live(invocation: Invocation) -> Mapping[str, Any]:
    """The variables in scope, with what the Providers say now."""
    site, context = invocation.plan.site, invocation.context
    bindings: dict[str, Any] = context.bindings
    if any("invocation" in names_in(one) for one in site.expect):
        bindings = {**bindings, "invocation": invocation.to_cel()}
    providers = context.scope.providers
    live = {}
    names = {name for one in site.expect for name in resources_in(one.tree)}
    for name in names & providers.keys():
        try:
            live[name] = await providers[name]()
        except Exception as error:
            why = context.run.runtime.log.text(error)
            raise StateDrift(
                f"{invocation.plan.instance.address} was not called: what it expects of "
                f"`resources.{name}` cannot be looked at: {why}"
            ) from error
    if live:
        bindings = {**bindings, "resources": {**bindings["resources"], **live}}
    return bindings


def _selections(condition: Template) -> Iterator[str]:
    """The selections of a condition that begin with a variable, each as it is written."""
    for path, embedded in condition.tree.expressions():
        text = condition.tree.scalars[path].text
        inner = {id(one.operand) for one in walk(embedded.expr) if isinstance(one, Select)}
        for node in walk(embedded.expr):
            if isinstance(node, (Select, Ident)) and id(node) not in inner and _is_chain(node):
                yield text[node.offset : node.end]


def _is_chain(node: Any) -> bool:
    while isinstance(node, Select):
        node = node.operand
    return isinstance(node, Ident)

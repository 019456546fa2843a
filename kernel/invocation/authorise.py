"""Stage 7, authorise: what the call site expects of the world must hold just before the effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.cel import CelError
from kernel.errors import StateDrift
from kernel.topology.callsite import names_in
from kernel.topology.context import type_name

if TYPE_CHECKING:
    from kernel.invocation.invocation import Invocation
    from kernel.invocation.plan import Plan, Stage


def plan(plan: Plan) -> Stage | None:
    """Only for call sites with ``expect``."""
    site = plan.site
    if not site.expect:
        return None
    reads_invocation = any("invocation" in names_in(one) for one in site.expect)

    def authorise(invocation: Invocation) -> None:
        context = invocation.context
        bindings = context.bindings
        if reads_invocation:
            bindings = {**bindings, "invocation": invocation.to_cel()}
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

    return authorise

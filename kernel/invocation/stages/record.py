"""Stage 8, record: the commit record is durable before the call is made."""

from __future__ import annotations

from collections.abc import Awaitable

from kernel.invocation.history import History
from kernel.invocation.invocation import Invocation, Plan, Stage
from kernel.invocation.recovery.claims import as_it_began, claim, take_up
from kernel.topology.callsite import DIFFERS, names_in


def prepare(plan: Plan) -> Stage | None:
    """A journal and a call with an effect need the stage; a topology does if its kind says so.

    A topology is recorded, too, if its inputs may be others in a later process: so it is walked
    with the same. The class ``idempotent`` needs no commit record; the class may be computed from
    the fields of the resource, so it is known once the target is up.
    """
    instance, site = plan.instance, plan.site
    is_topology = instance.is_topology
    read = frozenset[str]() if site.inputs is None else names_in(site.inputs)
    differs = is_topology and not read.isdisjoint(DIFFERS)
    is_plain = is_topology and instance.definition.safety is None and site.idempotency_key is None
    if not plan.is_recorded or (is_plain and not differs):
        return None

    def record(invocation: Invocation) -> Awaitable[None] | None:
        history = invocation.history
        if history is None:
            return None
        if invocation.claim is not None:
            if invocation.was_in_flight:
                as_it_began(invocation, history)
            return None
        safety = invocation.safety
        has_effect = safety != "idempotent" and not (is_topology and safety is None)
        if has_effect or (differs and history.is_replayable):
            return _claim(invocation, history)
        return None

    return record


async def _claim(invocation: Invocation, history: History) -> None:
    as_it_began(invocation, history)
    if invocation.context.repeats:
        # A retry of an enclosing call repeats this call, at another path.
        key = invocation.idempotency_key
        got = await claim(invocation, history, key=key, scope=history.run)
    else:
        got = await claim(invocation, history)
    take_up(invocation, history, got)

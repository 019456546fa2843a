"""Stage 1, resolve: the target must be running; it is brought up when it is first called.

One that could not be started is no reason to reject the call: its attempts start it anew.
"""

from __future__ import annotations

from collections.abc import Awaitable

from kernel.errors import InvalidState, NotStarted
from kernel.invocation.calls.starting import as_failed, brought_up
from kernel.invocation.context import MAX_DEPTH, too_deep
from kernel.invocation.invocation import Invocation, Plan, Stage
from kernel.registry.instances import State


def prepare(plan: Plan) -> Stage:
    """Always there: a target may be stopped at any time."""
    instance = plan.instance
    running = State.RUNNING

    def resolve(invocation: Invocation) -> Awaitable[None] | None:
        if invocation.context.depth > MAX_DEPTH:
            raise too_deep(invocation.path)
        if instance.state is running:
            return None
        return _bring_up(invocation, plan)

    return resolve


async def _bring_up(invocation: Invocation, plan: Plan) -> None:
    instance = plan.instance
    if instance.state is State.STOPPED:
        raise InvalidState(f"{instance.address} is stopped, so it cannot be called")
    # Where the class is computed from fields that are not known yet, nothing can be recorded.
    contract, declared = instance.contract, instance.definition.safety
    is_unclear = not (contract.safety or contract.safety_of or declared is None)
    is_known_to_fail = instance.failure is not None and isinstance(instance.failure[1], NotStarted)
    if is_known_to_fail and not is_unclear:
        return
    try:
        await brought_up(instance)
    except NotStarted as error:
        if is_unclear:
            raise as_failed(error, invocation.attempt) from error
        invocation.not_started = error

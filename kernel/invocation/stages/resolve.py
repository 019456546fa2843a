"""Stage 1, resolve: the target must be running; it is brought up when it is first called."""

from __future__ import annotations

from collections.abc import Awaitable

from kernel.errors import InvalidState, ManifestError
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
        return _bring_up(plan)

    return resolve


async def _bring_up(plan: Plan) -> None:
    instance = plan.instance
    if instance.state is State.CREATED:
        try:
            await instance.bring_up(instance)
        except ManifestError as error:
            raise InvalidState(f"{instance.address} cannot be brought up: {error}") from error
    if instance.state is not State.RUNNING:
        raise InvalidState(f"{instance.address} is {instance.state.value}, so it cannot be called")

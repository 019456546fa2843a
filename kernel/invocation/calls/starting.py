"""A call of what is not running: it is brought up, and its failure is that of the attempt."""

from __future__ import annotations

from kernel.errors import ControllerError, InvalidState, ManifestError, NotStarted
from kernel.invocation.invocation import Invocation
from kernel.registry.instances import Instance, State


async def brought_up(instance: Instance) -> None:
    """Bring up the target of a call. Raises :class:`InvalidState` where that can never go well."""
    try:
        await instance.bring_up(instance)
    except ManifestError as error:
        raise InvalidState(f"{instance.address} cannot be brought up: {error}") from error
    if instance.state is not State.RUNNING:
        raise InvalidState(f"{instance.address} is {instance.state.value}, so it cannot be called")


async def start_for_attempt(invocation: Invocation) -> None:
    """Bring up the target, unless this has just failed; the failure is that of the attempt."""
    error, invocation.not_started = invocation.not_started, None
    if error is None:
        try:
            await brought_up(invocation.plan.instance)
        except NotStarted as found:
            error = found
    if error is not None:
        raise as_failed(error, invocation.attempt) from error


def as_failed(error: NotStarted, attempt: int) -> ControllerError:
    """The failure of an attempt that did not come to the call."""
    failed = ControllerError(
        error.message, code=error.code, data=error.data, attempt=attempt,
        outcome="failed", retry_after=error.retry_after,
    )  # fmt: skip
    failed.is_before_call = True
    failed.is_final = not error.may_pass
    return failed

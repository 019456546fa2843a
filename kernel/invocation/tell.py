"""Stage 13, tell: the event of an invocation, for whoever wants to know."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kernel.errors import Cancelled, InvocationError
from kernel.events import Event

if TYPE_CHECKING:
    from kernel.invocation.invocation import Invocation
    from kernel.invocation.plan import Plan, Stage


def prepare(plan: Plan) -> Stage:
    """``<Kind>.<Name>.Invoked`` with the outputs, after a successful invocation."""
    bus, kind = plan.bus, f"{plan.instance.event}.Invoked"
    subscribers, now = bus.subscribers, time.time_ns
    outputs = plan.instance.contract.outputs
    redact_by_schema = None if outputs is None else outputs.redaction

    def tell(invocation: Invocation) -> None:
        told = subscribers(kind)
        if told:
            redact = invocation.context.run.runtime.redactor_for(redact_by_schema)
            bus.tell(told, Event(kind, invocation.outputs, now(), invocation.identify, redact))

    return tell


def prepare_end(plan: Plan) -> Callable[[Invocation, BaseException], None]:
    """``.Failed``, ``.Rejected`` or ``.Cancelled`` with the error, after any other."""

    def end(invocation: Invocation, error: BaseException) -> None:
        history = invocation.history
        if history is not None and history.met is not None:
            return  # it is a rehearsal
        if isinstance(error, InvocationError):
            invocation.context.run.hide_secrets(error)
        if isinstance(error, asyncio.CancelledError):
            tell_error(invocation, "Cancelled", Cancelled("the call was cancelled"))
        elif isinstance(error, InvocationError):
            rejected = error.outcome == "rejected" and not error.attempt
            tell_error(invocation, "Rejected" if rejected else "Failed", error)

    return end


def tell_of(invocation: Invocation, what: str, data: Any) -> None:
    """One event about what became of an invocation on its way."""
    plan = invocation.plan
    kind = f"{plan.instance.event}.{what}"
    told = plan.bus.subscribers(kind)
    if told:
        redact = invocation.context.run.runtime.redactor_for(None)
        plan.bus.tell(told, Event(kind, data, time.time_ns(), invocation.identify, redact))


def tell_error(invocation: Invocation, what: str, error: InvocationError, **more: Any) -> None:
    """One event about an invocation that did not succeed, or not yet."""
    tell_of(invocation, what, {**invocation.describe(error), **more})

"""Stage 13, tell: subscribers get an event of an invocation that has ended."""

from __future__ import annotations

import asyncio
import time

from kernel.errors import Cancelled, InvocationError
from kernel.events import Event
from kernel.invocation.invocation import Invocation, Plan, Stage


def prepare(plan: Plan) -> Stage:
    """``<Kind>.<Name>.Invoked`` with the outputs, after a successful invocation."""
    bus, kind = plan.runtime.bus, f"{plan.instance.event}.Invoked"
    subscribers, now, redactor_for = bus.subscribers, time.time_ns, plan.runtime.redactor_for
    redact_by_schema = plan.instance.contract.output_redaction

    def tell(invocation: Invocation) -> None:
        told = subscribers(kind)
        if told:
            redact = redactor_for(redact_by_schema)
            bus.tell(told, Event(kind, invocation.outputs, now(), invocation.identify, redact))

    return tell


def tell_failure(invocation: Invocation, error: BaseException) -> None:
    """``.Failed``, ``.Rejected`` or ``.Cancelled`` with the error, where a stage raised it."""
    if isinstance(error, InvocationError):
        invocation.context.run.hide_secrets(error)
    if isinstance(error, asyncio.CancelledError):
        invocation.tell_error("Cancelled", Cancelled("the call was cancelled"))
    elif isinstance(error, InvocationError):
        rejected = error.outcome == "rejected" and not error.attempt
        invocation.tell_error("Rejected" if rejected else "Failed", error)

"""The events of an invocation, for whoever wants to know."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from kernel.errors import InvocationError
from kernel.events import Event

if TYPE_CHECKING:
    from kernel.invocation.invocation import Invocation


def tell(invocation: Invocation, what: str, data: Any) -> None:
    """One event about what became of an invocation on its way: ``<Kind>.<Name>.<what>``."""
    plan = invocation.plan
    kind = f"{plan.instance.event}.{what}"
    told = plan.bus.subscribers(kind)
    if told:
        redact = invocation.context.run.runtime.redactor_for(None)
        plan.bus.tell(told, Event(kind, data, time.time_ns(), invocation.identify, redact))


def tell_error(invocation: Invocation, what: str, error: InvocationError, **more: Any) -> None:
    """One event about an invocation that did not succeed, or not yet."""
    tell(invocation, what, {**invocation.describe(error), **more})

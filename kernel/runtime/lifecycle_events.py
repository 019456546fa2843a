"""The events in the life of a resource: ``<Kind>.<Name>.Initialized``, ``Started``, ``Stopped``."""

from __future__ import annotations

import time
import uuid
from functools import partial
from typing import Any

from kernel.events import Event
from kernel.invocation.runtime import Runtime
from kernel.registry.instances import Instance


def tell(runtime: Runtime, instance: Instance, what: str, data: Any) -> None:
    """Send the event ``<Kind>.<Name>.<what>`` to its subscribers, with ``data`` without secrets."""
    by_schema = instance.contract.output_redaction
    if by_schema is not None and data is not None:
        runtime.redactor.learn(data, by_schema(data))
    kind = f"{instance.event}.{what}"
    subscribers = runtime.bus.subscribers(kind)
    if subscribers:
        redact = runtime.redactor_for(by_schema)
        identify = partial(_identify, instance)
        runtime.bus.tell(subscribers, Event(kind, data, time.time_ns(), identify, redact))


def _identify(instance: Instance) -> dict[str, Any]:
    """The attributes of an event's envelope that name the resource."""
    source = f"/resources/{instance.scope.module.name}/{instance.address}"
    return {"id": str(uuid.uuid4()), "source": source}

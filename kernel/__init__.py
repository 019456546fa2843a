"""A declarative resource kernel with CEL: contracts, topologies and one invocation pipeline.

::

    from kernel import Kernel, load

    async with Kernel(load("orders.yaml")) as kernel:
        result = await kernel.invoke("Run.Sequence/Import", {"day": "monday"})

What is named here is the public API. It is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from kernel.version import VERSION

if TYPE_CHECKING:
    from kernel import cel, schema
    from kernel.errors import (
        Cancelled,
        Conflict,
        ControllerError,
        Denied,
        Expired,
        ExpressionError,
        Failure,
        Fault,
        InvalidState,
        InvocationError,
        KernelError,
        ManifestError,
        NotFound,
        NotStarted,
        Outcome,
        OutputError,
        Parked,
        Rejected,
        Span,
        StateDrift,
        Thrown,
        Timeout,
        Unknown,
        UsageError,
        ValidationError,
        ValuesError,
    )
    from kernel.events import Event
    from kernel.events.bus import Subscriber
    from kernel.invocation.calls.bound_site import BoundCallSite
    from kernel.invocation.calls.call import Call, Cancellation
    from kernel.invocation.context import EvaluationContext
    from kernel.json_text import read_json
    from kernel.manifest import Manifest
    from kernel.policy import Scope
    from kernel.registry.controllers import import_attribute
    from kernel.registry.services import ServiceCall
    from kernel.runtime.kernel import Kernel
    from kernel.runtime.loading import load, loads
    from kernel.runtime.result import RunResult
    from kernel.runtime.sync import SyncKernel
    from kernel.sql_text import sql_tokens
    from kernel.threads import in_thread
    from kernel.topology.fields import Deferred
    from kernel.typed.decorator import invocable
    from kernel.typed.function import typed_controller

__all__ = [
    "BoundCallSite",
    "Call",
    "Cancellation",
    "Cancelled",
    "Conflict",
    "ControllerError",
    "Deferred",
    "Denied",
    "EvaluationContext",
    "Event",
    "Expired",
    "ExpressionError",
    "Failure",
    "Fault",
    "InvalidState",
    "InvocationError",
    "Kernel",
    "KernelError",
    "Manifest",
    "ManifestError",
    "NotFound",
    "NotStarted",
    "Outcome",
    "OutputError",
    "Parked",
    "Rejected",
    "RunResult",
    "Scope",
    "ServiceCall",
    "Span",
    "StateDrift",
    "Subscriber",
    "SyncKernel",
    "Thrown",
    "Timeout",
    "Unknown",
    "UsageError",
    "ValidationError",
    "ValuesError",
    "__version__",
    "cel",
    "import_attribute",
    "in_thread",
    "invocable",
    "load",
    "loads",
    "read_json",
    "schema",
    "sql_tokens",
    "typed_controller",
]

__version__ = VERSION

_HOMES = {
    "BoundCallSite": "kernel.invocation.calls.bound_site",
    "Call": "kernel.invocation.calls.call",
    "Cancellation": "kernel.invocation.calls.call",
    "Deferred": "kernel.topology.fields",
    "EvaluationContext": "kernel.invocation.context",
    "Event": "kernel.events",
    "Kernel": "kernel.runtime.kernel",
    "Manifest": "kernel.manifest",
    "RunResult": "kernel.runtime.result",
    "Scope": "kernel.policy",
    "ServiceCall": "kernel.registry.services",
    "Subscriber": "kernel.events.bus",
    "SyncKernel": "kernel.runtime.sync",
    "import_attribute": "kernel.registry.controllers",
    "in_thread": "kernel.threads",
    "invocable": "kernel.typed.decorator",
    "load": "kernel.runtime.loading",
    "loads": "kernel.runtime.loading",
    "read_json": "kernel.json_text",
    "sql_tokens": "kernel.sql_text",
    "typed_controller": "kernel.typed.function",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'kernel' has no attribute {name!r}")
    if name in ("cel", "schema"):
        return importlib.import_module(f"kernel.{name}")
    return getattr(importlib.import_module(_HOMES.get(name, "kernel.errors")), name)


def __dir__() -> list[str]:
    return __all__

"""``Invoker``: makes the calls, the decisions and the pauses of a run."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from kernel.topology.callsite import CallSite


class Invoker(Protocol):
    """There are two: the pipeline, and the rehearsal, which gives what is recorded.

    ``context`` is the :class:`EvaluationContext` where a call stands. Its type is not named here,
    since a context knows its run, and a run its invoker.
    """

    async def invoke(self, context: Any, site: CallSite) -> Any:
        """Make a call; give its outputs."""

    async def invoke_once(self, context: Any, site: CallSite, label: str | None = None) -> Any:
        """Make the only call of a call site; nothing is kept of the call site afterwards.

        ``label`` names it in the path of a run where its place in the manifest does not.
        """

    async def decide(self, context: Any, path: str, find: Callable[[], Any]) -> Any:
        """Decide with ``find``, once: a process that goes on with the run decides the same."""

    async def sleep(self, context: Any, path: str, milliseconds: float) -> None:
        """Let time pass."""

    async def in_time(
        self, context: Any, path: str, milliseconds: float, work: Coroutine[Any, Any, Any]
    ) -> Any:
        """What the work of a step gives; an error after so many milliseconds."""

    async def pass_time(self, context: Any, path: str, milliseconds: float) -> None:
        """Return when the time of a step is over."""

    async def wait_for(self, context: Any, path: str, pattern: str, timeout: float | None) -> Any:
        """Wait for an event of a pattern, for so many milliseconds at most."""

    def invocation_to_cel(self, context: Any, site: CallSite) -> dict[str, Any]:
        """The CEL variable ``invocation`` of a call that is about to be made."""

"""``Engine``: what does the work of an :class:`EvaluationContext`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from kernel.topology.callsite import CallSite


class Engine(Protocol):
    """Makes calls, decisions and pauses: the pipeline does, and a rehearsal only seems to.

    ``context`` is the :class:`EvaluationContext` that asks. It knows its run, and the run this
    engine, so the type of it is not named here.
    """

    async def invoke(self, context: Any, site: CallSite) -> Any:
        """The outputs of a call."""

    async def invoke_once(self, context: Any, site: CallSite, label: str | None = None) -> Any:
        """The outputs of a call of a call site that is made for this call alone.

        ``label`` names it in the path of a run where its place in the manifest does not.
        """

    async def decide(self, context: Any, path: str, find: Callable[[], Any]) -> Any:
        """What ``find`` gives, the same in each process that goes on with the run."""

    async def sleep(self, context: Any, path: str, milliseconds: float) -> None:
        """Let time pass."""

    async def wait_for(self, context: Any, path: str, pattern: str, timeout: float | None) -> Any:
        """The next event of a pattern."""

    def invocation_to_cel(self, context: Any, site: CallSite) -> dict[str, Any]:
        """The CEL variable ``invocation`` of a call that is about to be made."""

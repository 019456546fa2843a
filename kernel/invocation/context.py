"""``EvaluationContext``: where call sites are evaluated, and the one way to make a call."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from kernel.cel import CelError
from kernel.errors import ExpressionError, InvocationError, NotStarted, Path, Span
from kernel.invocation.around import Around
from kernel.invocation.atomic import Atomic
from kernel.invocation.run import Run
from kernel.manifest import Document
from kernel.registry.scope import ModuleScope
from kernel.topology.callsite import CallSite

MAX_DEPTH = 40
"""Of calls within calls: so a topology that calls itself without an end is stopped."""


class Served(Protocol):
    """The call that a ``body`` serves."""

    @property
    def idempotency_key(self) -> str:
        """The key of that call."""


class EvaluationContext:
    """The variables in scope at a place of a run, and the pipeline that every call goes through."""

    __slots__ = (
        "around", "atomic", "bindings", "depth", "document", "path", "repeats", "run", "scope",
        "served",
    )  # fmt: skip

    def __init__(
        self,
        run: Run,
        scope: ModuleScope,
        bindings: dict[str, Any],
        path: str = "",
        depth: int = 0,
        document: Document | None = None,
        *,
        atomic: Atomic | None = None,
        repeats: bool = False,
        served: Served | None = None,
        around: Around | None = None,
    ) -> None:
        self.run = run
        self.scope = scope
        self.bindings = bindings
        self.path = path
        self.depth = depth  # calls within calls
        self.document = document  # where the call sites stand, for places in messages
        self.atomic = atomic  # the atomic calls around this place, if there are any
        self.repeats = repeats  # a call around it may be attempted again, and this one with it
        self.served = served  # the call that a `body` serves
        self.around = run.around if around is None else around

    def invoke(self, site: CallSite) -> Coroutine[Any, Any, Any]:
        """Make one call: every stage that the call site needs, in order.

        Returns the outputs. Raises :class:`InvocationError`; cancellation passes through.
        """
        return self.run.invoker.invoke(self, site)

    def invoke_once(self, site: CallSite, label: str | None = None) -> Coroutine[Any, Any, Any]:
        """Make the only call of a call site that no manifest holds.

        ``label`` names it in the path of a run where its place in the manifest does not.
        """
        return self.run.invoker.invoke_once(self, site, label)

    async def decide(self, path: str, find: Callable[[], Any]) -> Any:
        """Decide with ``find``, once: a process that goes on with the run decides the same."""
        return await self.run.invoker.decide(self, path, find)

    async def sleep(self, path: str, milliseconds: float) -> None:
        """Let time pass, at a path of the run."""
        await self.run.invoker.sleep(self, path, milliseconds)

    async def in_time(self, path: str, milliseconds: float, work: Coroutine[Any, Any, Any]) -> Any:
        """What the work of a step gives; raises :class:`Timeout` after so many milliseconds."""
        return await self.run.invoker.in_time(self, path, milliseconds, work)

    async def wait_for(self, path: str, pattern: str, timeout: float | None) -> Any:
        """Wait for an event of a pattern; raise :class:`Timeout` after so many milliseconds."""
        return await self.run.invoker.wait_for(self, path, pattern, timeout)

    def inner(self, bindings: dict[str, Any], path: str) -> EvaluationContext:
        """The same place with other variables in scope."""
        return EvaluationContext(
            self.run, self.scope, bindings, path, self.depth, self.document,
            atomic=self.atomic, repeats=self.repeats, served=self.served, around=self.around,
        )  # fmt: skip

    @property
    def is_suspended(self) -> bool:
        """Whether the run stops where it is, to go on later."""
        history = self.run.history
        return history is not None and history.activity.is_suspended

    def while_escalated(self, error: BaseException | None) -> AbstractContextManager[None]:
        """While other branches go on beside one that ended so and waits for a person."""
        history = self.run.history
        if history is None or not isinstance(error, InvocationError):
            return nullcontext()
        return history.activity.while_escalated(error)

    def at_call(self, site: CallSite) -> EvaluationContext:
        """The same place with ``invocation`` in scope, of the call that is about to be made."""
        called = self.run.invoker.invocation_to_cel(self, site)
        return self.inner({**self.bindings, "invocation": called}, self.path)

    def failed_expression(self, error: CelError, path: Path) -> ExpressionError:
        """The error of an expression that stands at ``path`` of the document."""
        missing = self._not_started(error)
        why = _why_not_there(error) if missing is None else f" ({missing.message})"
        return ExpressionError(
            f"{error}{why}",
            code=None if missing is None else missing.code,
            data={"reason": getattr(error, "reason", None)},
            span=self.place(error, path),
        )

    def _not_started(self, error: CelError) -> NotStarted | None:
        """Why the values of the Provider are not there that an expression reads."""
        if not self.scope.not_started or getattr(error, "reason", None) != "no-such-key":
            return None
        head, _, name = error.expression[error.offset : error.end].partition(".")
        return self.scope.not_started.get(name) if head == "resources" else None

    def span(self, path: Path) -> Span | None:
        """Where in the manifest ``path`` of the document is; a call from outside is nowhere."""
        return None if self.document is None else self.document.span(path)

    def place(self, error: CelError, path: Path) -> Span | None:
        """Where in the manifest the sub-expression stands that an error is about."""
        if self.document is None:
            return None
        where = (*path, *getattr(error, "path", ()))
        try:
            return self.document.scalar_span(where, error.offset, error.end)
        except (KeyError, IndexError, TypeError, ValueError):
            return self.document.span(path)

    def progress(self, path: str, done: int, total: int | None) -> None:
        """``done`` of ``total`` rounds of a loop have ended."""
        if self.run.watch is not None:
            self.run.watch.progress(path, done, total)

    def began(self, path: str) -> None:
        """A step begins."""
        if self.run.watch is not None:
            self.run.watch.began(path)

    def ended(self, path: str, how: str) -> None:
        """A step ended."""
        if self.run.watch is not None:
            self.run.watch.ended(path, how)


def _why_not_there(error: CelError) -> str:
    """Why a step has no result that an expression reads."""
    if getattr(error, "reason", None) != "no-such-key":
        return ""
    read = error.expression[error.offset : error.end].split(".")
    match read:
        case ["steps", _]:
            return " (that step has not run, or is not seen from here)"
        case ["steps", _, "result"]:
            return " (that step was skipped: guard it with has)"
    return ""


def too_deep(path: str) -> InvocationError:
    """The error of calls that are nested too deep."""
    return InvocationError(
        f"calls are nested too deep: does a topology call itself? ({path[:200]})",
        code="TOO_DEEP",
    )

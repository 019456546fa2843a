"""What an engine needs: to evaluate, to call, to pause, to tell how far it is."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from typing import Any, Protocol

from kernel.cel import CelError, Template
from kernel.errors import ExpressionError, Path, Span
from kernel.run_paths import joined
from kernel.topology.callsite import DIFFERS, CallSite, names_in

Bindings = dict[str, Any]


class Context(Protocol):
    """Where call sites and expressions are evaluated.

    ``bindings`` are the CEL variables in scope; ``path`` says where in the run this is
    (``steps.Each[3]``), for the journal and for people.
    """

    bindings: Bindings
    path: str

    @property
    def is_suspended(self) -> bool:
        """Whether the run stops where it is, to go on later."""

    def while_escalated(self, error: BaseException | None) -> AbstractContextManager[None]:
        """While branches go on beside one that ended with ``error`` and waits for a person."""

    async def invoke(self, site: CallSite) -> Any:
        """Make a call, through the whole pipeline."""

    async def decide(self, path: str, find: Callable[[], Any]) -> Any:
        """What ``find`` gives: recorded, so that a resumed run decides as before."""

    async def sleep(self, path: str, milliseconds: float) -> None:
        """Let time pass, at the step of that path in the run."""

    async def in_time(self, path: str, milliseconds: float, work: Coroutine[Any, Any, Any]) -> Any:
        """What the work of the step at a path gives; an error after so many milliseconds."""

    async def wait_for(self, path: str, pattern: str, timeout: float | None) -> Any:
        """The next event that matches, as a map; an error after ``timeout`` milliseconds."""

    def inner(self, bindings: Bindings, path: str) -> Context:
        """The same place with other variables in scope."""

    def at_call(self, site: CallSite) -> Context:
        """The same place with ``invocation`` in scope, of the call that is about to be made."""

    def span(self, path: Path) -> Span | None:
        """Where in the manifest ``path`` of this topology's document is."""

    def failed_expression(self, error: CelError, path: Path) -> ExpressionError:
        """The error of an expression that stands at ``path`` of this topology's document."""

    def progress(self, path: str, done: int, total: int | None) -> None:
        """``done`` of ``total`` rounds of a loop have ended (``total`` is None where not known)."""

    def began(self, path: str) -> None:
        """A step of this topology begins."""

    def ended(self, path: str, how: str) -> None:
        """A step of this topology ended: ``succeeded``, ``failed`` or ``skipped``."""


def evaluate(template: Template, context: Context, path: Path) -> Any:
    """The value of a template in a context; raises :class:`ExpressionError` with its place."""
    try:
        return template.evaluate(context.bindings)
    except CelError as error:
        raise context.failed_expression(error, path) from None


def holds(condition: Template, context: Context, path: Path) -> bool:
    """Whether a condition is true; anything but a bool is an error."""
    value = evaluate(condition, context, path)
    if value is True or value is False:
        return bool(value)
    field = path[-1] if path else "condition"
    message = f"`{field}` is a condition, but its value is {type_name(value)}"
    raise ExpressionError(message, span=context.span(path))


def is_wanted(site: CallSite, when: Template, context: Context, path: Path) -> bool:
    """Whether a call's ``when`` holds; ``invocation`` is in its scope."""
    inside = context.at_call(site) if "invocation" in names_in(when) else context
    return holds(when, inside, path)


async def decided(template: Template, context: Context, label: str, find: Callable[[], Any]) -> Any:
    """The value of a template that decides how the run goes on.

    Where it reads what may differ when the run is resumed, the value is recorded.
    """
    if names_in(template).isdisjoint(DIFFERS):
        return find()
    return await context.decide(joined(context.path, label), find)


def type_name(value: Any) -> str:
    """The CEL name of a value's type, for messages."""
    if value is None:
        return "null"
    names = {bool: "a bool", int: "an int", float: "a double", str: "a string", dict: "a map"}
    names |= {list: "a list", tuple: "a list", bytes: "bytes"}
    return names.get(type(value), f"a {type(value).__name__.lower()}")

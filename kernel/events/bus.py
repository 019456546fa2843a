"""The bus: delivers events to subscribers, whose errors cannot harm the work."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase

from kernel.events.event import Event

Subscriber = Callable[[Event], Awaitable[None] | None]
Report = Callable[[str], None]

_MAX_WAITING = 100_000  # unfinished deliveries of asynchronous subscribers that a bus holds at most


class Bus:
    """Delivers events to subscribers, in the order in which they subscribed.

    A subscriber is called with the event at once; if it gives an awaitable, that runs beside the
    work and is waited for by :meth:`drain`. What a subscriber raises is reported once for each
    subscriber and changes nothing else.
    """

    def __init__(self, report: Report | None = None) -> None:
        self._report = report or (lambda message: print(message, file=sys.stderr))
        self._subscriptions: list[tuple[str, Subscriber]] = []
        self._by_type: dict[str, tuple[Subscriber, ...]] = {}
        self._waiting: set[asyncio.Task[None]] = set()
        self._reported: set[int] = set()

    def subscribe(self, subscriber: Subscriber, pattern: str = "*") -> Callable[[], None]:
        """Tell ``subscriber`` of all events whose type matches the glob ``pattern``.

        Returns a function that ends the subscription.
        """
        entry = (pattern, subscriber)
        self._subscriptions.append(entry)
        self._by_type.clear()

        def unsubscribe() -> None:
            if entry in self._subscriptions:
                self._subscriptions.remove(entry)
                self._by_type.clear()

        return unsubscribe

    def subscribers(self, type: str) -> tuple[Subscriber, ...]:
        """The subscribers to events of this type."""
        found = self._by_type.get(type)
        if found is None:
            if len(self._by_type) > 10_000:
                self._by_type.clear()
            found = tuple(
                subscriber
                for pattern, subscriber in self._subscriptions
                if pattern == "*" or fnmatchcase(type, pattern)
            )
            self._by_type[type] = found
        return found

    def tell(self, subscribers: tuple[Subscriber, ...], event: Event) -> None:
        """Deliver one event. What a subscriber raises stays here: it cannot end the process."""
        for subscriber in subscribers:
            try:
                waiting = subscriber(event)
                if waiting is not None:
                    self._later(subscriber, waiting)
            except (Exception, SystemExit) as error:
                self._failed(subscriber, error)

    def _later(self, subscriber: Subscriber, waiting: object) -> None:
        if not inspect.isawaitable(waiting):
            return
        if len(self._waiting) >= _MAX_WAITING:
            close = getattr(waiting, "close", None)
            if close is not None:
                close()
            raise RuntimeError(
                f"more than {_MAX_WAITING} deliveries are unfinished; one is dropped"
            )
        task = asyncio.ensure_future(self._deliver(subscriber, waiting))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _deliver(self, subscriber: Subscriber, waiting: Awaitable[None]) -> None:
        try:
            await waiting
        except (Exception, SystemExit) as error:
            self._failed(subscriber, error)

    def _failed(self, subscriber: Subscriber, error: BaseException) -> None:
        if id(subscriber) in self._reported:
            return
        self._reported.add(id(subscriber))
        name = getattr(subscriber, "__qualname__", type(subscriber).__name__)
        self._report(f"event subscriber {name} failed: {type(error).__name__}: {error}")

    async def drain(self, timeout: float = 5.0) -> None:
        """Wait for unfinished deliveries, at most ``timeout`` seconds; the rest is cancelled."""
        if not self._waiting:
            return
        _, late = await asyncio.wait(self._waiting, timeout=timeout)
        for task in late:
            task.cancel()
        if late:
            self._report(f"{len(late)} deliveries of events did not end within {timeout:g} s")

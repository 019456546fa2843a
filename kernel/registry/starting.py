"""Starts of instances: one at a time, or within a start, whose controller may call others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextvars import ContextVar

from kernel.registry.instances import Instance
from kernel.structs import field, struct


@struct(frozen=False, eq=False)
class Starting:
    """A start of ``instance`` on behalf of the start ``outer``; the outermost start has neither."""

    instance: Instance | None = None
    outer: Starting | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the start on behalf of this start, of which there is one at a time."""
    is_over: bool = False

    def chain(self) -> Iterator[Instance]:
        """The instances that are being started, from the inside out."""
        start: Starting | None = self
        while start is not None and start.instance is not None:
            yield start.instance
            start = start.outer

    def current(self) -> Starting:
        """The innermost start on behalf of this start that the caller is part of, or this start.

        A task may outlive the start in which it was made: a start that is over does not count.
        """
        found, inside = starting.get(), False
        innermost: Starting | None = None
        while found is not None and not inside:
            inside = found is self
            if innermost is None and not found.is_over:
                innermost = found
            found = found.outer
        return innermost if inside and innermost is not None else self


starting: ContextVar[Starting | None] = ContextVar("starting", default=None)
"""The start that the code which runs is a part of."""

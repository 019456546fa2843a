"""Whether calls were attempted: in a run, and in the call of a topology.

``rejected`` says that nothing was done. So what refuses a call makes a topology around it fail, if
another call in the topology was attempted before, by this process or by an earlier one.
"""

from __future__ import annotations

from kernel.errors import InvocationError


class Around:
    """A run, or the call of a topology within ``outer``, as its calls see it."""

    __slots__ = ("has_called", "outer")

    def __init__(self, outer: Around | None = None) -> None:
        self.outer = outer
        self.has_called = False  # a call within was attempted

    def note_call(self) -> None:
        """Note that a call within is attempted, or was by an earlier process."""
        around: Around | None = self
        while around is not None and not around.has_called:
            around.has_called = True
            around = around.outer

    def judge(self, error: InvocationError) -> None:
        """Change the outcome ``rejected`` to ``failed``, if something may have been done."""
        if error.outcome == "rejected" and self.has_called:
            error.outcome = "failed"


def aside() -> Around:
    """What is around calls that do no part of what the run does: those of a ``check``."""
    around = Around()
    around.has_called = True  # so that nothing is noted
    return around

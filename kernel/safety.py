"""Safety classes: what may be repeated, and who says what became of it (pipeline.md)."""

from __future__ import annotations

from typing import Final, Literal, get_args

Safety = Literal["idempotent", "write-once-checkable", "irreversible", "approval-bound"]

CLASSES: Final[tuple[Safety, ...]] = get_args(Safety)
"""From the least to the most strict."""

ONCE: Final = CLASSES[1:]
"""Those of an effect that is not to be had twice."""

CHECKED: Final[tuple[Safety, ...]] = ("write-once-checkable", "approval-bound")
"""Those that have their unknown outcomes found out by a `check`."""

"""How often a property is tried: a part of the full number in the fast suite, all with ``-m long``.

The Hypothesis profile that ``tests/conftest.py`` loads says how many of each hundred. A property
says its full number once, with ``examples``, ``part`` or ``some``; the long run repeats it in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import settings

T = TypeVar("T")

partial = pytest.mark.partial
"""For a test with ``part`` or ``some`` that is no test of Hypothesis: the long run repeats it."""


def part(full: int) -> int:
    """So many of the full number; at least one."""
    return max(full * settings.default.max_examples // 100, 1)


def some(full: Sequence[T]) -> Sequence[T]:
    """Part of what there is, evenly from its beginning to its end."""
    return full[:: 100 // settings.default.max_examples]


def examples(full: int, **more: Any) -> settings:
    """The settings of a property of so many examples."""
    return settings(max_examples=part(full), **more)

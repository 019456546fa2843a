"""Shared by the tests of CEL: when two values are the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kernel import cel


@pytest.fixture(scope="session")
def same() -> Callable[[Any, Any], bool]:
    """Whether two values are the same to the last detail: type, NaN, the sign of zero."""
    return _same


def _same(a: Any, b: Any) -> bool:
    """Whether two values are the same to the last detail: type, NaN, the sign of zero."""
    if isinstance(a, float) and isinstance(b, float):
        return repr(a) == repr(b)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return len(a) == len(b) and all(
            any(_same(key, other) and _same(value, b[other]) for other in b)
            for key, value in a.items()
        )
    if isinstance(a, cel.Optional) and isinstance(b, cel.Optional):
        return a.present is b.present and _same(a.value, b.value)
    return type(a) is type(b) and bool(a == b)
